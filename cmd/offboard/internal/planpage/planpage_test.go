package planpage

import (
	"strings"
	"testing"
	"time"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/problem"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/scripted"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

var now = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func rendered(t *testing.T, file *planfile.File, planned string) string {
	t.Helper()
	page, err := render(file, planned, now)
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

func TestPage_HostileNames(t *testing.T) {
	t.Parallel()
	const hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\x1b[2J\u202E\u0000</style></svg>"
	s := scripted.Hosting()
	s.Organization = teardown.Organization{ID: hostile, Name: hostile}
	s.Provider = hostile
	for i := range s.Steps {
		step := &s.Steps[i]
		step.Kind, step.Name, step.Why, step.Removal = hostile, hostile, hostile, hostile
		step.Requires, step.Manual = []teardown.Override{hostile}, i == 0
		step.Organization = &teardown.Organization{ID: hostile, Name: hostile}
	}
	s.Cascades = []teardown.Cascade{{Kind: hostile, Count: 2, Names: []string{hostile}, Note: hostile}}
	s.DeletionError = &errors.Error{Operation: hostile, Code: hostile, ProviderCode: hostile, Status: 409, Message: hostile}
	page := rendered(t, &planfile.File{
		Allow: []string{hostile}, Deny: []string{hostile}, Unmatched: []string{hostile},
		Organizations: []planfile.Planned{scripted.Planned(t, s), {Entry: planfile.Entry{Provider: hostile}, Problem: &problem.Problem{Text: hostile, Advice: hostile}}},
	}, hostile)
	for _, bad := range []string{"<script", "<img", "\x1b", "\u202E", "\u0000", "onerror=alert(1)>"} {
		if strings.Contains(page, bad) {
			t.Errorf("%q is in the page", bad)
		}
	}
	for end, n := range map[string]int{"</style>": 1, "</svg>": 2} {
		if got := strings.Count(page, end); got != n {
			t.Errorf("got %d of %s, want %d", got, end, n)
		}
	}
	if !strings.Contains(page, "&lt;script&gt;alert(1)&lt;/script&gt;") {
		t.Error("the names are missing")
	}
}

func TestPage_SelfContained(t *testing.T) {
	t.Parallel()
	page := rendered(t, &planfile.File{Organizations: []planfile.Planned{scripted.Planned(t, scripted.Hosting())}}, "plan.json")
	page = strings.ReplaceAll(page, "url(#", "") // an arrow of the drawing
	for _, outside := range []string{"http:", "https:", "src=", "url(", "@import", "<link", "<script"} {
		if strings.Contains(page, outside) {
			t.Errorf("%q is in the page", outside)
		}
	}
	if !strings.Contains(page, `http-equiv="Content-Security-Policy" content="default-src 'none';`) {
		t.Error("the content security policy is missing")
	}
	if !IsPage([]byte(page)) || IsPage([]byte("<!DOCTYPE html><title>Deletion plan</title>")) || IsPage([]byte(page[1:])) {
		t.Error("the page is not recognized")
	}
}

func TestPage_Content(t *testing.T) {
	t.Parallel()
	s := scripted.Hosting()
	s.Steps[0].Requires = []teardown.Override{teardown.ManagedOrganizations}
	s.Steps[1].Requires = []teardown.Override{teardown.TerminationProtection}
	s.Steps[2].Manual = true
	s.Cascades = []teardown.Cascade{{Kind: "users", Count: 3, Names: []string{"jane", "joe"}}, {Kind: "sites", Note: "not read"}}
	o := scripted.Planned(t, s)
	o.Entry.Override = []teardown.Override{teardown.TerminationProtection}
	file := &planfile.File{Organizations: []planfile.Planned{o, scripted.Planned(t, scripted.Named("org_2", "Empty"))}}
	page := rendered(t, file, "plan.json")
	for _, want := range []string{
		"Nothing was changed.", "virtual_machine <b>web-1</b>", "it runs", "stop and delete it", `data-label="After">1, 2<`,
		"<code>managed_organizations</code>, for 1 step: <span class=\"badge missing\">missing</span>",
		"<code>termination_protection</code>, for 1 step: given in the manifest",
		"<h3>Manual steps</h3>", "jane, joe, …", ">unknown<", "not read", "would fail: CheckDeletion: deletion_steps_not_satisfied (409)",
		"about 25 (estimate)", "BENCHMARKS.md", "All numbers of requests and durations are estimates", "Apply refuses each organization with a missing override", "Order as text",
		"aria-label=\"Order of 3 steps\"", "Nothing was found.",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if page := rendered(t, file, "my plan.json"); !strings.Contains(page, "To apply: <code>offboard apply &#39;my plan.json&#39;</code>") {
		t.Error("the command is missing")
	}
	file.Organizations[0].Entry.Confirm = "Other"
	if page := rendered(t, file, "plan.json"); strings.Contains(page, "To apply") {
		t.Error("the page shows the command, although apply refuses the file")
	}
}

// A tenant of F5 that is marked for deletion has a plan without steps.
func TestPage_AdviceWithoutSteps(t *testing.T) {
	t.Parallel()
	s := scripted.Tenant()
	s.Cascades = nil
	s.DeletionError = &errors.Error{Provider: s.Provider, Operation: "CheckDeletion", Target: s.ID, Code: errors.AlreadyRequestedDeletion, Err: errors.New("the tenant is already marked for deletion")}
	hosting := scripted.Hosting() // its steps remove the cause
	page := rendered(t, &planfile.File{Organizations: []planfile.Planned{scripted.Planned(t, s), scripted.Planned(t, hosting)}}, "plan.json")
	const advice = "<br>F5 accepted an earlier request to delete the tenant"
	if !strings.Contains(page, "already_requested_deletion: the tenant is already marked for deletion"+advice) || strings.Contains(page, "Remove the blockers, then retry.") {
		t.Errorf("the advice is missing, or is that of another organization:\n%s", page)
	}
}

func TestRanges(t *testing.T) {
	t.Parallel()
	for want, numbers := range map[string][]int{"": nil, "4": {4}, "1, 2": {2, 1}, "1–3, 7": {3, 1, 2, 7}, "1, 3": {1, 3, 3}} {
		if got := ranges(numbers); got != want {
			t.Errorf("%v: got %q, want %q", numbers, got, want)
		}
	}
}
