package teardown_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/trace"
	"github.com/offboard-dev/offboard-go/teardown"
)

// entry is a journal entry of Acme.
func entry(kind teardown.EntryKind, change ...func(*teardown.Entry)) teardown.Entry {
	e := teardown.Entry{Provider: "fake", Instance: "https://fake.invalid", Organization: "org_1", Kind: kind}
	for _, f := range change {
		f(&e)
	}
	return e
}

func TestExecute_OrganizationNotFound(t *testing.T) {
	t.Parallel()
	about := func(target string) error {
		return &errors.Error{Provider: "fake", Operation: "GetOrganization", Target: target, Code: errors.OrganizationNotFound, Status: 404}
	}
	for name, test := range map[string]struct {
		err     error
		journal []teardown.Entry
		outcome teardown.Outcome // "" for no report
		code    errors.Code
	}{
		"no journal":       {about("org_1"), nil, teardown.NotFound, errors.OrganizationNotFound},
		"started":          {about("org_1"), []teardown.Entry{entry(teardown.EntryStarted)}, teardown.NotFound, errors.OrganizationNotFound},
		"deletion started": {about("org_1"), []teardown.Entry{entry(teardown.EntryStarted), entry(teardown.EntryDeletionStarted)}, teardown.Deleted, ""},
		"without a target": {about(""), []teardown.Entry{entry(teardown.EntryDeletionStarted)}, teardown.Deleted, ""},
		"and blocked":      {about("org_1"), []teardown.Entry{entry(teardown.EntryDeletionStarted), entry(teardown.EntryFinished)}, teardown.Deleted, ""},
		"and refused":      {about("org_1"), []teardown.Entry{entry(teardown.EntryDeletionStarted), entry(teardown.EntryDeletionRefused), entry(teardown.EntryFinished)}, teardown.NotFound, errors.OrganizationNotFound},
		"refused first":    {about("org_1"), []teardown.Entry{entry(teardown.EntryDeletionRefused), entry(teardown.EntryDeletionStarted)}, teardown.Deleted, ""},
		"refused, started again": {
			about("org_1"), []teardown.Entry{entry(teardown.EntryDeletionStarted), entry(teardown.EntryDeletionRefused), entry(teardown.EntryDeletionStarted)}, teardown.Deleted, "",
		},
		"of another provider": {
			about("org_1"), []teardown.Entry{entry(teardown.EntryDeletionStarted, func(e *teardown.Entry) { e.Provider = "moon" })}, teardown.NotFound, errors.OrganizationNotFound,
		},
		"of another instance": {
			about("org_1"), []teardown.Entry{entry(teardown.EntryDeletionStarted, func(e *teardown.Entry) { e.Instance = "https://moon.invalid" })}, teardown.NotFound, errors.OrganizationNotFound,
		},
		"of no instance": {
			about("org_1"), []teardown.Entry{entry(teardown.EntryDeletionStarted, func(e *teardown.Entry) { e.Instance = "" })}, teardown.NotFound, errors.OrganizationNotFound,
		},
		"of another organization": {
			about("org_1"), []teardown.Entry{entry(teardown.EntryDeletionStarted, func(e *teardown.Entry) { e.Organization = "org_2" })}, teardown.NotFound, errors.OrganizationNotFound,
		},
		"of a step": {
			about("org_1"), []teardown.Entry{entry(teardown.EntryDeletionStarted, func(e *teardown.Entry) { e.Step = "a" })}, teardown.NotFound, errors.OrganizationNotFound,
		},
		"about another organization": {about("org_2"), []teardown.Entry{entry(teardown.EntryDeletionStarted)}, "", errors.OrganizationNotFound},
		"about something else":       {refused(errors.NotFound), []teardown.Entry{entry(teardown.EntryDeletionStarted)}, "", errors.NotFound},
		"not known": {
			&errors.Error{Code: errors.OutcomeUnknown, Err: about("org_1")}, []teardown.Entry{entry(teardown.EntryDeletionStarted)}, "", errors.OutcomeUnknown,
		},
		"credential ended": {refused(errors.Unauthenticated), []teardown.Entry{entry(teardown.EntryDeletionStarted)}, teardown.Unknown, errors.OutcomeUnknown},
		"access lost":      {refused(errors.PermissionDenied), []teardown.Entry{entry(teardown.EntryDeletionStarted)}, teardown.Unknown, errors.OutcomeUnknown},
		"credential wrong": {refused(errors.Unauthenticated), nil, "", errors.Unauthenticated},
		"not serving":      {refused(errors.Unavailable), []teardown.Entry{entry(teardown.EntryDeletionStarted)}, "", errors.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &fakeBlocking{steps: stepsOf("a")}
			p := w.plan(t)
			w.inspect = test.err
			journal := new(disk)
			r, err := teardown.Execute(t.Context(), teardown.FromBlocking(w), p, teardown.WithConfirm("Acme"), teardown.WithResume(test.journal), teardown.WithJournal(journal))
			if (r != nil) != (test.outcome != "") || r != nil && r.Outcome != test.outcome {
				t.Fatalf("got %+v, want outcome %q", r, test.outcome)
			}
			if test.code == "" && err != nil || test.code != "" && codeOf(err) != test.code || r != nil && r.Err != err {
				t.Errorf("got %v, want %q", err, test.code)
			}
			if len(w.removed)+w.deleted != 0 {
				t.Error("an entry was written")
			}
			if r == nil {
				return
			}
			want := teardown.StepNotStarted // nothing is known of it
			if test.outcome == teardown.Deleted {
				want = teardown.StepAlreadyDeleted
			}
			if r.Steps[0].State != want {
				t.Errorf("the step is %s, want %s", r.Steps[0].State, want)
			}
			if entries := read(t, &journal.Buffer); entries[len(entries)-1].Outcome != test.outcome || entries[0].Instance != "https://fake.invalid" {
				t.Errorf("the journal has %+v", entries)
			}
		})
	}
}

func codeOf(err error) errors.Code {
	e, _ := errors.AsType[*errors.Error](err)
	if e == nil {
		return ""
	}
	return e.Code
}

// A run resumes from the journal that an earlier run has written.
func TestExecute_ResumeFromOwnJournal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for name, test := range map[string]struct {
			delete  error
			outcome teardown.Outcome
		}{
			"answer lost":  {refused(errors.OutcomeUnknown), teardown.Deleted},
			"not answered": {context.DeadlineExceeded, teardown.Deleted},
			"failed":       {refused(errors.Internal), teardown.NotFound}, // a read found the organization after that
			"denied":       {refused(errors.PermissionDenied), teardown.NotFound},
			"not paid":     {refused(errors.PaymentRequired), teardown.NotFound},
			"not sent":     {refused(errors.Canceled), teardown.NotFound},
		} {
			journal := new(disk)
			w := &fakeBlocking{steps: stepsOf("a"), delete: func() (teardown.Deletion, error) { return teardown.Deletion{}, test.delete }}
			p := w.plan(t)
			if _, err := teardown.Execute(t.Context(), teardown.FromBlocking(w), p, teardown.WithConfirm("Acme"), teardown.WithJournal(journal), teardown.WithRetryFor(0)); err == nil {
				t.Errorf("%s: no error", name)
			}
			w.inspect = refused(errors.OrganizationNotFound)
			r, err := teardown.Execute(t.Context(), teardown.FromBlocking(w), p, teardown.WithConfirm("Acme"), teardown.WithResume(read(t, &journal.Buffer)))
			if r == nil || r.Outcome != test.outcome {
				t.Errorf("%s: got %+v, %v", name, r, err)
			}
		}
	})
}

func TestExecute_DeletionNotFound(t *testing.T) {
	t.Parallel()
	type answers []errors.Code // of the requests to delete, in order; "" is a success
	for name, test := range map[string]struct {
		answers answers
		outcome teardown.Outcome
		code    errors.Code
		journal []string
	}{
		"first answer": {answers{errors.OrganizationNotFound}, teardown.NotFound, errors.OrganizationNotFound, []string{"deletion_started", "deletion_refused", "not_found"}},
		"after a failure": {
			answers{errors.Unavailable, errors.OrganizationNotFound}, teardown.Deleted, "", []string{"deletion_started", "deletion_started", "deletion_refused", "deleted"},
		},
		"after a refusal": {
			answers{errors.Conflict, errors.OrganizationNotFound}, teardown.NotFound, errors.OrganizationNotFound,
			[]string{"deletion_started", "deletion_refused", "deletion_started", "deletion_refused", "not_found"},
		},
		"after the rate limit": {
			answers{errors.RateLimitReached, errors.OrganizationNotFound}, teardown.NotFound, errors.OrganizationNotFound,
			[]string{"deletion_started", "deletion_refused", "deletion_started", "deletion_refused", "not_found"},
		},
		"after both": {
			answers{errors.Internal, errors.Conflict, errors.OrganizationNotFound}, teardown.Deleted, "",
			[]string{"deletion_started", "deletion_started", "deletion_refused", "deletion_started", "deletion_refused", "deleted"},
		},
		"something else": {answers{errors.NotFound, ""}, teardown.Deleted, "", []string{"deletion_started", "deletion_refused", "deletion_started", "deleted"}},
		"credential ended after a failure": {
			answers{errors.Unavailable, errors.Unauthenticated}, teardown.Unknown, errors.OutcomeUnknown, []string{"deletion_started", "deletion_started", "deletion_refused", "unknown"},
		},
		"credential ended after a refusal": {
			answers{errors.Conflict, errors.Unauthenticated}, teardown.Blocked, errors.Unauthenticated,
			[]string{"deletion_started", "deletion_refused", "deletion_started", "deletion_refused", "blocked"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &fakeBlocking{}
				w.delete = func() (teardown.Deletion, error) {
					if code := test.answers[w.deleted-1]; code != "" {
						return teardown.Deletion{}, refused(code)
					}
					return teardown.Deletion{Outcome: teardown.Deleted}, nil
				}
				journal := new(disk)
				r, err := w.execute(t, teardown.WithJournal(journal))
				if r == nil || r.Outcome != test.outcome || w.deleted != len(test.answers) || codeOf(err) != test.code {
					t.Errorf("got %+v, %v after %d deletions", r, err, w.deleted)
				}
				if diff := cmp.Diff(append([]string{"started"}, test.journal...), resultsOf(read(t, &journal.Buffer))); diff != "" {
					t.Errorf("journal (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// The code of an error decides, and not the code of its cause.
func TestExecute_UnknownWithCause(t *testing.T) {
	t.Parallel()
	for _, cause := range []errors.Code{errors.OrganizationNotFound, errors.DefaultOrganization, errors.PermissionDenied, errors.Conflict} {
		synctest.Test(t, func(t *testing.T) {
			unknown := &errors.Error{Provider: "fake", Operation: "DeleteOrganization", Target: "org_1", Code: errors.OutcomeUnknown, Err: &errors.Error{Code: cause, Target: "org_1"}}
			w := &fakeBlocking{delete: func() (teardown.Deletion, error) { return teardown.Deletion{}, unknown }}
			if r, err := w.execute(t); r == nil || r.Outcome != teardown.Unknown || err != unknown || w.deleted != 1 {
				t.Errorf("%s: got %+v, %v", cause, r, err)
			}
			// A step whose answer is lost is read, and retried.
			w = &fakeBlocking{steps: stepsOf("a"), remove: func(_ string, attempt int) error {
				if attempt == 1 {
					return unknown
				}
				return nil
			}}
			if r, err := w.execute(t); err != nil || r.Steps[0].Attempts != 2 {
				t.Errorf("%s: got %+v, %v", cause, r, err)
			}
		})
	}
}

// owns returns a step that deletes an organization.
func owns(id string) teardown.Step {
	s := stepsOf("organization/" + id)[0]
	s.Organization = &teardown.Organization{ID: id, Name: strings.ToUpper(id)}
	return s
}

func TestExecute_AllowAndDeny(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		options                       []teardown.Option
		code                          errors.Code
		unmatchedAllow, unmatchedDeny []string
	}{
		"none":                       {nil, "", nil, nil},
		"deny the organization":      {[]teardown.Option{teardown.WithDeny("org_1")}, errors.NotConfirmed, nil, nil},
		"deny a child":               {[]teardown.Option{teardown.WithDeny("org_child")}, errors.NotConfirmed, nil, nil},
		"deny a child in capitals":   {[]teardown.Option{teardown.WithDeny("ORG_CHILD")}, errors.NotConfirmed, nil, nil},
		"deny another":               {[]teardown.Option{teardown.WithDeny("org_9", "org_9")}, "", nil, []string{"org_9"}},
		"deny nothing":               {[]teardown.Option{teardown.WithDeny()}, "", nil, nil},
		"deny an empty id":           {[]teardown.Option{teardown.WithDeny("")}, errors.InvalidArgument, nil, nil},
		"deny white space":           {[]teardown.Option{teardown.WithDeny("org_9", " \t")}, errors.InvalidArgument, nil, nil},
		"deny an id with a space":    {[]teardown.Option{teardown.WithDeny("org_child ")}, errors.InvalidArgument, nil, nil},
		"deny an invisible id":       {[]teardown.Option{teardown.WithDeny("org_child\u200b")}, errors.InvalidArgument, nil, nil},
		"allow all":                  {[]teardown.Option{teardown.WithAllow("org_1", "org_child")}, "", nil, nil},
		"allow all, one by one":      {[]teardown.Option{teardown.WithAllow("org_1"), teardown.WithAllow("org_child")}, "", nil, nil},
		"allow more":                 {[]teardown.Option{teardown.WithAllow("org_1", "org_child", "org_9")}, "", []string{"org_9"}, nil},
		"allow no child":             {[]teardown.Option{teardown.WithAllow("org_1")}, errors.NotConfirmed, nil, nil},
		"allow no parent":            {[]teardown.Option{teardown.WithAllow("org_child")}, errors.NotConfirmed, nil, nil},
		"allow nothing":              {[]teardown.Option{teardown.WithAllow()}, errors.NotConfirmed, nil, nil},
		"allow an empty id":          {[]teardown.Option{teardown.WithAllow("org_1", "org_child", "")}, errors.InvalidArgument, nil, nil},
		"allow and deny a child":     {[]teardown.Option{teardown.WithAllow("org_1", "org_child"), teardown.WithDeny("org_child")}, errors.NotConfirmed, nil, nil},
		"allow it in other capitals": {[]teardown.Option{teardown.WithAllow("ORG_1", "org_child")}, errors.NotConfirmed, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &fakeBlocking{steps: append(stepsOf("a"), owns("org_child"))}
			p := w.plan(t)
			w.inspected = 0
			var events []string
			options := append([]teardown.Option{teardown.WithConfirm("Acme"), teardown.WithEvents(func(e teardown.Event) {
				if e.Kind == teardown.EventUnmatched {
					events = append(events, e.Text)
				}
			})}, test.options...)
			r, err := teardown.Execute(t.Context(), teardown.FromBlocking(w), p, options...)
			if codeOf(err) != test.code {
				t.Fatalf("got %v, want %q", err, test.code)
			}
			if test.code != "" {
				if r != nil || w.inspected+len(w.removed)+w.deleted != 0 {
					t.Errorf("got %+v after %d reads and %v", r, w.inspected, w.removed)
				}
				return
			}
			if diff := cmp.Diff([][]string{test.unmatchedAllow, test.unmatchedDeny}, [][]string{r.UnmatchedAllow, r.UnmatchedDeny}); diff != "" {
				t.Errorf("unmatched (-want +got):\n%s", diff)
			}
			if want := len(test.unmatchedAllow) + len(test.unmatchedDeny); len(events) != want || want > 0 && !strings.Contains(events[0], "org_9") {
				t.Errorf("got events %q", events)
			}
		})
	}
}

// The fresh read, and not the plan, determines the organization that a step deletes.
func TestExecute_DenyComesFromFreshRead(t *testing.T) {
	t.Parallel()
	w := &fakeBlocking{steps: []teardown.Step{owns("org_child")}}
	p := w.plan(t)
	p.Steps = slices.Clone(p.Steps)
	p.Steps[0].Organization = nil
	p.SealAs()
	r, err := teardown.Execute(t.Context(), teardown.FromBlocking(w), p, teardown.WithConfirm("Acme"), teardown.WithDeny("org_child"))
	if r != nil || !errors.Is(err, errors.NotConfirmed) || len(w.removed)+w.deleted != 0 {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestExecute_Confirm(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		name    string // of the organization
		confirm string
		ok      bool
	}{
		"by name":                {"Acme", "Acme", true},
		"empty":                  {"Acme", "", false},
		"by ID":                  {"Acme", "org_1", false},
		"nameless, empty":        {" ", "", false},
		"nameless, white space":  {"\t ", "\t ", false},
		"nameless, by ID":        {" ", "org_1", true},
		"nameless, by another":   {" ", "org_2", false},
		"with white space added": {"Acme", " Acme", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &fakeBlocking{name: test.name}
			p := w.plan(t)
			if strings.TrimSpace(test.name) == "" { // the zero name is the fake's default
				p.Organization.Name = test.name
				teardown.Seal(p)
			}
			w.inspected = 0
			r, err := teardown.Execute(t.Context(), teardown.FromBlocking(w), p, teardown.WithConfirm(test.confirm))
			if test.ok && err != nil || !test.ok && (!errors.Is(err, errors.NotConfirmed) || r != nil || w.inspected+w.deleted != 0) {
				t.Errorf("got %+v, %v", r, err)
			}
		})
	}
}

// An empty name does not confirm a plan without a name and an ID.
func TestExecute_ConfirmNothing(t *testing.T) {
	t.Parallel()
	w := &fakeBlocking{}
	p := w.plan(t)
	p.Organization = teardown.Organization{}
	w.inspected = 0
	if r, err := teardown.Execute(t.Context(), teardown.FromBlocking(w), teardown.Seal(p), teardown.WithConfirm("")); r != nil || !errors.Is(err, errors.NotConfirmed) || w.inspected != 0 {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestExecute_PlanAge(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		edit    func(*teardown.Plan)
		later   time.Duration
		options []teardown.Option
		code    errors.Code
	}{
		"expiry moved":      {func(p *teardown.Plan) { p.ExpiresAt = p.ExpiresAt.Add(1000 * time.Hour) }, 25 * time.Hour, nil, errors.PlanStale},
		"expiry set back":   {func(p *teardown.Plan) { p.ExpiresAt = p.CreatedAt }, time.Hour, nil, ""},
		"no expiry":         {func(p *teardown.Plan) { p.ExpiresAt = time.Time{} }, time.Hour, nil, ""},
		"no time":           {func(p *teardown.Plan) { p.CreatedAt = time.Time{} }, 0, nil, errors.PlanStale},
		"longer TTL":        {nil, 25 * time.Hour, []teardown.Option{teardown.WithPlanTTL(26 * time.Hour)}, ""},
		"shorter TTL":       {nil, time.Hour, []teardown.Option{teardown.WithPlanTTL(30 * time.Minute)}, errors.PlanStale},
		"no TTL":            {nil, 0, []teardown.Option{teardown.WithPlanTTL(0)}, errors.InvalidArgument},
		"a clock a bit off": {func(p *teardown.Plan) { p.CreatedAt = p.CreatedAt.Add(50 * time.Second) }, 0, nil, ""},
		"from the future":   {func(p *teardown.Plan) { p.CreatedAt = p.CreatedAt.Add(2 * time.Minute) }, 0, nil, errors.PlanStale},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &fakeBlocking{}
				p := w.plan(t)
				if test.edit != nil {
					test.edit(p)
					p.SealAs()
				}
				time.Sleep(test.later)
				w.inspected = 0
				r, err := teardown.Execute(t.Context(), teardown.FromBlocking(w), p, append(test.options, teardown.WithConfirm("Acme"))...)
				if codeOf(err) != test.code || test.code != "" && (r != nil || w.inspected != 0) {
					t.Errorf("got %+v, %v", r, err)
				}
			})
		})
	}
}

// An edited plan with a new fingerprint only selects steps.
func TestExecute_EditedPlan(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		edit    func(*teardown.Plan)
		code    errors.Code
		removed []string
	}{
		"order removed":    {func(p *teardown.Plan) { p.Steps[1].After = nil }, "", []string{"a", "b"}},
		"made manual":      {func(p *teardown.Plan) { p.Steps[0].Manual = true }, errors.PlanStale, nil},
		"override removed": {func(p *teardown.Plan) { p.Steps[2].Requires = nil }, errors.PlanStale, nil},
		"kind changed":     {func(p *teardown.Plan) { p.Steps[2].Kind = "other" }, errors.PlanStale, nil},
		"step removed":     {func(p *teardown.Plan) { p.Steps = p.Steps[:2] }, errors.PlanStale, nil},
		"foreign step":     {func(p *teardown.Plan) { p.Steps = append(p.Steps, stepsOf("foreign<a")...) }, errors.DeletionStepsNotSatisfied, nil},
		"step of nothing":  {func(p *teardown.Plan) { p.Steps = append(p.Steps, stepsOf("nothing<a")...) }, "", []string{"a", "b"}},
		"name changed":     {func(p *teardown.Plan) { p.Steps[0].Name = "other" }, errors.PlanStale, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &fakeBlocking{steps: stepsOf("a", "b<a", "c"), takes: time.Minute, foreign: []string{"foreign"}}
				w.steps[2].Requires = []teardown.Override{teardown.TerminationProtection}
				p := w.plan(t)
				p.Steps = slices.Clone(p.Steps)
				test.edit(p)
				p.SealAs()
				start := time.Now()
				r, err := teardown.Execute(t.Context(), teardown.FromBlocking(w), p, teardown.WithConfirm("Acme"), teardown.WithOverrides(teardown.TerminationProtection))
				if took := time.Since(start); test.code == "" && took != 2*time.Minute {
					t.Errorf("took %v: b must start after a", took)
				}
				if codeOf(err) != test.code {
					t.Fatalf("got %+v, %v, want %q", r, err, test.code)
				}
				removed := slices.DeleteFunc(slices.Clone(w.removed), func(id string) bool { return id == "c" })
				if diff := cmp.Diff(test.removed, removed); diff != "" || test.code != "" && len(w.removed)+w.deleted != 0 {
					t.Errorf("removed %v; (-want +got):\n%s", w.removed, diff)
				}
				if name == "foreign step" && (r == nil || r.Outcome != teardown.Blocked || states(r)["foreign"] != teardown.StepNotStarted) {
					t.Errorf("got %+v", r)
				}
				if name == "step of nothing" && states(r)["nothing"] != teardown.StepAlreadyDeleted {
					t.Errorf("got %v", states(r))
				}
			})
		})
	}
}

// A step is executed in the form of the fresh read, including its texts.
func TestExecute_StepComesFromFreshRead(t *testing.T) {
	t.Parallel()
	w := &fakeBlocking{steps: stepsOf("a")}
	p := w.plan(t)
	p.Steps = slices.Clone(p.Steps)
	p.Steps[0].Removal, p.Steps[0].Why = "do nothing", "no reason"
	p.SealAs()
	r, err := teardown.Execute(t.Context(), teardown.FromBlocking(w), p, teardown.WithConfirm("Acme"))
	if err != nil || cmp.Diff(w.steps[0], r.Steps[0].Step) != "" {
		t.Errorf("got %+v, %v", r, err)
	}
}

// A list of several pages can miss a resource that exists.
func TestExecute_MissedStepExists(t *testing.T) {
	t.Parallel()
	for name, read := range map[string]error{"exists": nil, "denied": refused(errors.PermissionDenied)} {
		w := &fakeBlocking{steps: stepsOf("a", "b")}
		p := w.plan(t)
		w.foreign = []string{"b"} // it exists, and the inspection does not find it
		w.steps = w.steps[:1]
		if read != nil {
			w.read = func(id string) error {
				if id == "b" {
					return read
				}
				return nil
			}
		}
		journal := new(disk)
		r, err := teardown.Execute(t.Context(), teardown.FromBlocking(w), p, teardown.WithConfirm("Acme"), teardown.WithJournal(journal))
		if err == nil || len(w.removed)+w.deleted != 0 || strings.Contains(journal.String(), "already_deleted") {
			t.Errorf("%s: got %+v, %v", name, r, err)
		}
		if read == nil && (r == nil || r.Outcome != teardown.Blocked || !errors.Is(err, errors.DeletionStepsNotSatisfied)) {
			t.Errorf("%s: got %+v, %v", name, r, err)
		}
		if read != nil && (r != nil || !errors.Is(err, errors.PermissionDenied)) {
			t.Errorf("%s: got %+v, %v", name, r, err)
		}
	}
}

// A kind without items in the plan, or that could not be read, may have items now. A kind that
// cannot be read now may have new items.
func TestExecute_UnreadCascade(t *testing.T) {
	t.Parallel()
	none, one := teardown.Cascade{Kind: "apps", Note: "denied"}, teardown.Cascade{Kind: "apps", Count: 1}
	for name, test := range map[string]struct {
		planned, now []teardown.Cascade
		stale        bool
	}{
		"none, and one now":       {[]teardown.Cascade{none}, []teardown.Cascade{one}, true},
		"no kind, and one now":    {nil, []teardown.Cascade{one}, true},
		"one, and unread now":     {[]teardown.Cascade{one}, []teardown.Cascade{none}, true},
		"no kind, and unread now": {nil, []teardown.Cascade{none}, true},
		"unread, and unread now":  {[]teardown.Cascade{none}, []teardown.Cascade{none}, false},
		"one, and no kind now":    {[]teardown.Cascade{one}, nil, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := &fakeBlocking{cascades: test.planned}
			p := w.plan(t)
			w.cascades = test.now
			_, err := teardown.Execute(t.Context(), teardown.FromBlocking(w), p, teardown.WithConfirm("Acme"))
			if errors.Is(err, errors.PlanStale) != test.stale || !test.stale && err != nil || (w.deleted == 0) != test.stale {
				t.Errorf("%s: got %v after %d deletions, want stale %t", name, err, w.deleted, test.stale)
			}
		})
	}
}

func TestExecute_ChangesBeforeDeletion(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*fakeBlocking)
		code   errors.Code
	}{
		"nothing":               {func(*fakeBlocking) {}, ""},
		"new resource":          {func(w *fakeBlocking) { w.steps = append(w.steps, stepsOf("new")...) }, errors.PlanStale},
		"resource exists again": {func(w *fakeBlocking) { w.isDeleted = nil }, errors.PlanStale},
		"new cascade":           {func(w *fakeBlocking) { w.cascades = []teardown.Cascade{{Kind: "apps", Count: 1}} }, errors.PlanStale},
		"unread cascade":        {func(w *fakeBlocking) { w.cascades = []teardown.Cascade{{Kind: "apps", Note: "denied"}} }, errors.PlanStale},
		"another name":          {func(w *fakeBlocking) { w.name = "Other" }, errors.PlanStale},
		"new override":          {func(w *fakeBlocking) { w.requires = []teardown.Override{teardown.OwnOrganization} }, errors.PlanStale},
		"permanent refusal now": {func(w *fakeBlocking) { w.deletionError = &errors.Error{Code: errors.DefaultOrganization} }, errors.DefaultOrganization},
		"cannot be read":        {func(w *fakeBlocking) { w.inspect = refused(errors.PermissionDenied) }, errors.PermissionDenied},
		"deleted by others":     {func(w *fakeBlocking) { w.inspect = refused(errors.OrganizationNotFound) }, errors.OrganizationNotFound},
	} {
		for _, when := range []string{"during a step", "during a retry"} {
			t.Run(name+" "+when, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					w := &fakeBlocking{steps: stepsOf("a")}
					deletions := 0
					if when == "during a step" {
						w.remove = func(string, int) error {
							time.AfterFunc(0, func() {
								w.mu.Lock()
								defer w.mu.Unlock()
								test.change(w)
							})
							time.Sleep(time.Minute)
							return nil
						}
						if name == "resource exists again" {
							t.Skip("it exists")
						}
					} else {
						w.delete = func() (teardown.Deletion, error) {
							if w.deleted == 1 {
								test.change(w)
								return teardown.Deletion{}, refused(errors.Conflict)
							}
							return teardown.Deletion{Outcome: teardown.Deleted}, nil
						}
						deletions = 1
					}
					r, err := w.execute(t)
					if test.code == "" {
						if err != nil || r.Outcome != teardown.Deleted {
							t.Errorf("got %+v, %v", r, err)
						}
						return
					}
					want := teardown.Blocked
					if test.code == errors.OrganizationNotFound {
						want = teardown.NotFound
					}
					if r == nil || r.Outcome != want || codeOf(err) != test.code || w.deleted != deletions || r.Steps[0].State != teardown.StepDeleted {
						t.Errorf("got %+v, %v after %d deletions", r, err, w.deleted)
					}
				})
			})
		}
	}
}

// The first inspection replaces the one right before the deletion only if no step was started
// or polled since, and it has just ended.
func TestExecute_Inspections(t *testing.T) {
	t.Parallel()
	manual := stepsOf("a")
	manual[0].Manual = true
	for name, test := range map[string]struct {
		steps   []teardown.Step
		deleted bool          // the steps were deleted after the plan was made
		waits   time.Duration // of each event
		refuses int           // deletions that are refused
		want    int           // inspections, without that of the plan
	}{
		"no steps":                  {want: 1},
		"manual steps that ended":   {steps: manual, deleted: true, want: 1},
		"a step":                    {steps: stepsOf("a"), want: 2},
		"a deleted step":            {steps: stepsOf("a"), deleted: true, want: 2},
		"events that take a while":  {waits: 9999 * time.Millisecond, want: 1},
		"events that take too long": {waits: 10 * time.Second, want: 2},
		"another attempt":           {refuses: 1, want: 2},
		"two more attempts":         {refuses: 2, want: 3},
		"another attempt after one": {steps: stepsOf("a"), refuses: 1, want: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &fakeBlocking{steps: test.steps}
				p := w.plan(t)
				if test.deleted {
					w.isDeleted = []string{"a"}
				}
				w.inspected = 0
				w.delete = func() (teardown.Deletion, error) {
					if w.deleted <= test.refuses {
						return teardown.Deletion{}, refused(errors.Conflict)
					}
					return teardown.Deletion{Outcome: teardown.Deleted}, nil
				}
				r, err := teardown.Execute(t.Context(), teardown.FromBlocking(w), p, teardown.WithConfirm("Acme"),
					teardown.WithEvents(func(e teardown.Event) {
						if e.Kind == teardown.EventStarted {
							time.Sleep(test.waits)
						}
					}))
				if err != nil || r.Outcome != teardown.Deleted || w.inspected != test.want {
					t.Errorf("got %+v, %v after %d inspections, want %d", r, err, w.inspected, test.want)
				}
			})
		})
	}
}

// A change of the organization during a slow event function stops the deletion.
func TestExecute_ChangesDuringEvent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &fakeBlocking{}
		var journal bytes.Buffer
		r, err := w.execute(t, teardown.WithJournal(&journal), teardown.WithEvents(func(e teardown.Event) {
			if e.Kind == teardown.EventStarted {
				w.cascades = []teardown.Cascade{{Kind: "apps", Count: 1}}
				time.Sleep(10 * time.Second)
			}
		}))
		if r == nil || r.Outcome != teardown.Blocked || codeOf(err) != errors.PlanStale || w.deleted != 0 {
			t.Errorf("got %+v, %v after %d deletions", r, err, w.deleted)
		}
		if strings.Contains(journal.String(), string(teardown.EntryDeletionStarted)) {
			t.Errorf("the journal has a deletion:\n%s", &journal)
		}
	})
}

// A list that still contains a resource which a read has shown not to exist stops nothing.
func TestExecute_ListLagsBeforeDeletion(t *testing.T) {
	t.Parallel()
	w := &fakeBlocking{steps: stepsOf("a")}
	w.lags = true
	if r, err := w.execute(t); err != nil || r.Outcome != teardown.Deleted {
		t.Errorf("got %+v, %v", r, err)
	}
}

// Retries continue while the provider refuses, up to the time for retries.
func TestExecute_RetryFor(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		lasts   time.Duration
		after   time.Duration // the provider's Retry-After
		options []teardown.Option
		ok      bool
		within  time.Duration
	}{
		"five minutes":         {5 * time.Minute, 0, nil, true, 6 * time.Minute},
		"fourteen minutes":     {14 * time.Minute, 0, nil, true, 15 * time.Minute},
		"an hour":              {time.Hour, 0, nil, false, 15 * time.Minute},
		"an hour, with two":    {time.Hour, 0, []teardown.Option{teardown.WithRetryFor(2 * time.Hour), teardown.WithStepTimeout(3 * time.Hour)}, true, time.Hour + time.Minute},
		"no retry":             {time.Second, 0, []teardown.Option{teardown.WithRetryFor(0)}, false, 0},
		"must wait 3 minutes":  {time.Minute, 3 * time.Minute, nil, true, 3*time.Minute + time.Second},
		"must wait 30 minutes": {time.Minute, 30 * time.Minute, nil, false, 0},
		"must wait 31 years":   {time.Minute, 999999999 * time.Second, nil, false, 0},
		"negative":             {time.Minute, 0, []teardown.Option{teardown.WithRetryFor(-1)}, false, 0},
	} {
		for _, of := range []string{"step", "deletion"} {
			t.Run(name+" "+of, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					start := time.Now()
					refusal := func() error {
						if time.Since(start) < test.lasts {
							return &errors.Error{Provider: "fake", Code: errors.RateLimitReached, Status: 429, RetryAfter: test.after}
						}
						return nil
					}
					w := &fakeBlocking{}
					if of == "step" {
						w.steps = stepsOf("a")
						w.remove = func(string, int) error { return refusal() }
					} else {
						w.delete = func() (teardown.Deletion, error) {
							return teardown.Deletion{Outcome: teardown.Deleted}, refusal()
						}
					}
					r, err := w.execute(t, test.options...)
					if test.ok != (err == nil) || time.Since(start) > test.within {
						t.Errorf("got %+v, %v after %v", r, err, time.Since(start))
					}
					if e, _ := errors.AsType[*errors.Error](err); test.after > 15*time.Minute && (e.RetryAfter != test.after || r.Outcome != teardown.Blocked) {
						t.Errorf("got %+v", e)
					}
				})
			})
		}
	}
}

// A removal that waits for an approval is not requested again.
func TestExecute_NotFinishedByOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &fakeBlocking{steps: stepsOf("a"), remove: first(100, errors.NotFinished)}
		if r, err := w.execute(t); !errors.Is(err, errors.NotFinished) || r.Steps[0].Attempts != 1 {
			t.Errorf("got %+v, %v", r, err)
		}
	})
}

func TestStop_WhileStepWaits(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		driver func() *fakeBlocking
		state  teardown.StepState
		took   time.Duration
	}{
		"for the provider": {func() *fakeBlocking { return &fakeBlocking{steps: stepsOf("a"), takes: time.Hour / 2} }, teardown.StepInterrupted, time.Minute},
		"before an attempt": {func() *fakeBlocking {
			return &fakeBlocking{steps: stepsOf("a"), remove: func(string, int) error {
				return &errors.Error{Provider: "fake", Code: errors.RateLimitReached, RetryAfter: 10 * time.Minute}
			}}
		}, teardown.StepInterrupted, time.Minute},
		"while acting, succeeds": {func() *fakeBlocking {
			w := &fakeBlocking{steps: stepsOf("a")}
			w.remove = func(string, int) error { time.Sleep(5 * time.Minute); return nil }
			return w
		}, teardown.StepDeleted, 5 * time.Minute},
		"while acting, fails": {func() *fakeBlocking {
			w := &fakeBlocking{steps: stepsOf("a")}
			w.remove = func(string, int) error { time.Sleep(5 * time.Minute); return refused(errors.PermissionDenied) }
			return w
		}, teardown.StepFailed, 5 * time.Minute},
		"while acting, retryable": {func() *fakeBlocking {
			w := &fakeBlocking{steps: stepsOf("a")}
			w.remove = func(string, int) error { time.Sleep(5 * time.Minute); return refused(errors.Unavailable) }
			return w
		}, teardown.StepInterrupted, 5 * time.Minute},
		"after the stop": {func() *fakeBlocking {
			w := &fakeBlocking{steps: stepsOf("a"), takes: time.Hour / 2}
			w.before = func(context.Context, func(string)) { time.Sleep(5 * time.Minute) }
			return w
		}, teardown.StepInterrupted, 5 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, stop, start := test.driver(), make(chan struct{}), time.Now()
				time.AfterFunc(time.Minute, func() { close(stop) })
				p := w.plan(t)
				r, err := teardown.Execute(t.Context(), teardown.FromBlocking(w), p, teardown.WithConfirm("Acme"), teardown.WithStop(stop))
				outcome := teardown.Stopped
				if test.state == teardown.StepFailed {
					outcome = teardown.Blocked
				}
				if r == nil || r.Outcome != outcome || r.Steps[0].State != test.state || w.deleted != 0 {
					t.Fatalf("got %+v, %v", r, err)
				}
				if took := time.Since(start); took != test.took {
					t.Errorf("took %v, want %v", took, test.took)
				}
				if want := test.state != teardown.StepFailed; errors.Is(err, errors.NotFinished) != want {
					t.Errorf("got %v", err)
				}
				// The same plan resumes.
				w.takes, w.remove, w.before = 0, nil, nil
				if r, err := teardown.Execute(t.Context(), teardown.FromBlocking(w), p, teardown.WithConfirm("Acme")); err != nil || r.Outcome != teardown.Deleted {
					t.Errorf("resumed: got %+v, %v", r, err)
				}
			})
		})
	}
}

// A stop does not cancel a request that changes something; the step ends at its next wait.
func TestStop_DuringWrite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stop, start := make(chan struct{}), time.Now()
		w := &fakeBlocking{steps: stepsOf("a"), takes: time.Hour / 2}
		w.before = func(ctx context.Context, progress func(string)) {
			progress("it waits")
			time.Sleep(time.Second)
			trace.Write(ctx)
			time.AfterFunc(time.Minute, func() { close(stop) })
			time.Sleep(5 * time.Minute)
			if ctx.Err() != nil {
				t.Error("the write was canceled")
			}
		}
		r, err := w.execute(t, teardown.WithStop(stop))
		if r == nil || r.Steps[0].State != teardown.StepInterrupted || !errors.Is(err, errors.NotFinished) || time.Since(start) != 5*time.Minute+time.Second {
			t.Errorf("got %+v, %v after %v", r, err, time.Since(start))
		}
	})
}

// A read that shows that the resource does not exist counts, even if the removal was canceled.
func TestExecute_StepDeletedAtCancel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &fakeBlocking{steps: stepsOf("a")}
		ctx, cancel := context.WithCancel(t.Context())
		w.remove = func(id string, _ int) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.isDeleted = append(w.isDeleted, id)
			cancel()
			return refused(errors.OutcomeUnknown)
		}
		r, err := teardown.Execute(ctx, teardown.FromBlocking(w), w.plan(t), teardown.WithConfirm("Acme"))
		if r == nil || r.Steps[0].State != teardown.StepDeleted || w.deleted != 0 || !errors.Is(err, errors.NotFinished) || !errors.Is(err, context.Canceled) {
			t.Errorf("got %+v, %v", r, err)
		}
	})
}

// none is a nil context.
var none context.Context

func TestExecute_InvalidArguments(t *testing.T) {
	t.Parallel()
	w := &fakeBlocking{}
	p := w.plan(t)
	confirm := teardown.WithConfirm("Acme")
	for name, f := range map[string]func() (*teardown.Report, error){
		"nil context": func() (*teardown.Report, error) { return teardown.Execute(none, teardown.FromBlocking(w), p, confirm) },
		"nil driver": func() (*teardown.Report, error) {
			return teardown.Execute(t.Context(), teardown.FromBlocking(nil), p, confirm)
		},
		"typed nil driver": func() (*teardown.Report, error) {
			return teardown.Execute(t.Context(), teardown.FromBlocking((*fakeBlocking)(nil)), p, confirm)
		},
		"nil plan": func() (*teardown.Report, error) {
			return teardown.Execute(t.Context(), teardown.FromBlocking(w), nil, confirm)
		},
		"nil option": func() (*teardown.Report, error) {
			return teardown.Execute(t.Context(), teardown.FromBlocking(w), p, confirm, nil)
		},
		"nil journal": func() (*teardown.Report, error) {
			return teardown.Execute(t.Context(), teardown.FromBlocking(w), p, confirm, teardown.WithJournal(nil))
		},
		"journal of a nil": func() (*teardown.Report, error) {
			return teardown.Execute(t.Context(), teardown.FromBlocking(w), p, confirm, teardown.WithJournal((*disk)(nil)))
		},
		"nil function": func() (*teardown.Report, error) {
			return teardown.Execute(t.Context(), teardown.FromBlocking(w), p, confirm, teardown.WithEvents(nil))
		},
		"nil lease": func() (*teardown.Report, error) {
			return teardown.Execute(t.Context(), teardown.FromBlocking(w), p, confirm, teardown.WithLease(nil))
		},
		"no concurrency": func() (*teardown.Report, error) {
			return teardown.Execute(t.Context(), teardown.FromBlocking(w), p, confirm, teardown.WithConcurrency(0))
		},
		"no time for a step": func() (*teardown.Report, error) {
			return teardown.Execute(t.Context(), teardown.FromBlocking(w), p, confirm, teardown.WithStepTimeout(0))
		},
		"unknown override": func() (*teardown.Report, error) {
			return teardown.Execute(t.Context(), teardown.FromBlocking(w), p, confirm, teardown.WithOverrides("all"))
		},
	} {
		w.inspected = 0
		if r, err := f(); r != nil || !errors.Is(err, errors.InvalidArgument) || w.inspected+w.deleted != 0 {
			t.Errorf("%s: got %+v, %v", name, r, err)
		}
	}
	// A nil channel and nil entries have no effect.
	if _, err := w.execute(t, teardown.WithStop(nil), teardown.WithResume(nil)); err != nil {
		t.Errorf("got %v", err)
	}
	// So are an empty plan, and a driver that returns no plan.
	if r, err := teardown.Execute(t.Context(), teardown.FromBlocking(w), new(teardown.Plan), confirm); r != nil || !errors.Is(err, errors.PlanStale) {
		t.Errorf("got %+v, %v", r, err)
	}
	if r, err := teardown.Execute(t.Context(), teardown.FromBlocking(planless{w}), p, confirm); r != nil || !errors.Is(err, errors.Internal) {
		t.Errorf("got %+v, %v", r, err)
	}
	for _, err := range teardown.ReadJournal(nil) {
		if err == nil {
			t.Error("a nil reader was read")
		}
	}
}

// planless is a driver that returns no plan.
type planless struct{ *fakeBlocking }

func (planless) Inspect(context.Context, teardown.Organization, *teardown.Plan) (*teardown.Plan, error) {
	return nil, nil
}

func TestRunJobs_InvalidArguments(t *testing.T) {
	t.Parallel()
	good := jobs([]*fakeBlocking{{}})[0]
	for name, test := range map[string]struct {
		ctx      context.Context
		job      teardown.Job
		parallel int
		options  []teardown.Option
	}{
		"zero job":    {t.Context(), teardown.Job{}, 1, nil},
		"no teardown": {t.Context(), teardown.Job{Plan: good.Plan}, 1, nil},
		"no plan": {t.Context(), teardown.Job{
			Plan: func(context.Context) (*teardown.Plan, error) { return nil, nil }, Teardown: good.Teardown,
		}, 1, nil},
		"nil context":       {nil, good, 1, nil},
		"parallel 0":        {t.Context(), good, 0, nil},
		"parallel -1":       {t.Context(), good, -1, nil},
		"nil option":        {t.Context(), good, 1, []teardown.Option{nil}},
		"nil option of one": {t.Context(), teardown.Job{Plan: good.Plan, Teardown: good.Teardown, Options: []teardown.Option{nil}}, 1, nil},
	} {
		n := 0
		for r := range teardown.RunJobs(test.ctx, []teardown.Job{test.job}, test.parallel, test.options...) {
			n++
			if r.Report != nil || !errors.Is(r.Err, errors.InvalidArgument) {
				t.Errorf("%s: got %+v", name, r)
			}
		}
		if n != 1 {
			t.Errorf("%s: %d results", name, n)
		}
	}
	for range teardown.RunJobs(t.Context(), nil, -1) {
		t.Error("a result of nothing")
	}
	for range teardown.RunJobs(t.Context(), nil, 1) {
		t.Error("a result of nothing")
	}
	for range teardown.RunJobs(none, []teardown.Job{good, good}, 1) {
		break
	}
}

// slowWriter lets other goroutines run while it writes.
type slowWriter struct {
	writing, mixed atomic.Bool

	mu   sync.Mutex
	text bytes.Buffer
}

func (s *slowWriter) Write(p []byte) (int, error) {
	if s.writing.Swap(true) {
		s.mixed.Store(true)
	}
	for range 100 {
		runtime.Gosched()
	}
	s.writing.Store(false)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

// Teardowns that share an option do not write at the same time.
func TestJournal_SharedByJobs(t *testing.T) {
	t.Parallel()
	for name, option := range map[string]func(all []teardown.Job, o teardown.Option) []teardown.Option{
		"one option for all jobs": func(_ []teardown.Job, o teardown.Option) []teardown.Option { return []teardown.Option{o} },
		"the same option of each job": func(all []teardown.Job, o teardown.Option) []teardown.Option {
			for i := range all {
				all[i].Options = append(all[i].Options, o)
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := new(slowWriter)
			fakes := make([]*fakeBlocking, 8)
			for i := range fakes {
				fakes[i] = &fakeBlocking{steps: stepsOf("a", "b", "c")}
			}
			all := jobs(fakes)
			for r := range teardown.RunJobs(t.Context(), all, 8, option(all, teardown.WithJournal(w))...) {
				if r.Err != nil {
					t.Error(r.Err)
				}
			}
			if w.mixed.Load() {
				t.Error("two entries were written at the same time")
			}
			if n := len(read(t, &w.text)); n != 8*(3*2+3) {
				t.Errorf("%d entries", n)
			}
		})
	}
}

// Each entry is one call of Write, so that options of the same file, opened with O_APPEND,
// do not mix entries.
func TestJournal_OptionsOfOneFile(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "journal")
	fakes := make([]*fakeBlocking, 8)
	for i := range fakes {
		fakes[i] = &fakeBlocking{steps: stepsOf("a", "b", "c")}
	}
	all := jobs(fakes)
	var calls atomic.Int32
	for i := range all {
		file, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = file.Close() })
		all[i].Options = append(all[i].Options, teardown.WithJournal(counted{file, &calls}))
	}
	for r := range teardown.RunJobs(t.Context(), all, 8) {
		if r.Err != nil {
			t.Error(r.Err)
		}
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if entries, want := len(read(t, bytes.NewReader(text))), 8*(3*2+3); entries != want || int(calls.Load()) != want {
		t.Errorf("%d entries in %d calls of Write, want %d", entries, calls.Load(), want)
	}
}

// counted counts the calls of Write.
type counted struct {
	io.Writer
	calls *atomic.Int32
}

func (c counted) Write(p []byte) (int, error) {
	c.calls.Add(1)
	return c.Writer.Write(p)
}

// shortWriter writes a part of the third entry and returns no error.
type shortWriter struct {
	bytes.Buffer
	writes int
}

func (s *shortWriter) Write(p []byte) (int, error) {
	if s.writes++; s.writes == 3 {
		return s.Buffer.Write(p[:len(p)/2])
	}
	return s.Buffer.Write(p)
}

func TestJournal_ShortWrite(t *testing.T) {
	t.Parallel()
	w, s := &fakeBlocking{steps: stepsOf("a")}, new(shortWriter)
	shared := teardown.WithJournal(s)
	r, err := w.execute(t, shared)
	if !errors.Is(err, io.ErrShortWrite) || r == nil || r.Outcome != teardown.Blocked || w.deleted != 0 {
		t.Errorf("got %+v, %v", r, err)
	}
	// A later teardown does not continue the line that was cut.
	for name, option := range map[string]teardown.Option{"the same option": shared, "another option": teardown.WithJournal(s)} {
		before := len(read(t, bytes.NewBuffer(bytes.Clone(s.Bytes()))))
		if _, err := (&fakeBlocking{}).execute(t, option); err != nil {
			t.Fatal(err)
		}
		if got := len(read(t, bytes.NewBuffer(bytes.Clone(s.Bytes())))); got != before+3 {
			t.Errorf("%s: %d entries, want %d", name, got, before+3)
		}
	}
}

// An answer that is not the provider's starts no deletion: a later "not found" does not prove
// a deletion by this run.
func TestDefinite_ForeignRefusal(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]bool{400: true, 403: true, 404: true, 200: false, 302: false, 500: false, 0: false} {
		for _, code := range []errors.Code{errors.UnexpectedResponse, errors.RouteNotFound} {
			if got := teardown.Definite(&errors.Error{Code: code, Status: status}); got != want {
				t.Errorf("%s with %d: got %t, want %t", code, status, got, want)
			}
		}
	}
}

// unsent is a provider whose first deletion is not sent, and whose second one is not found.
type unsent struct {
	*fakeBlocking
	unsent func(n int) bool
	writes int // of each deletion
	tries  int
}

func (w *unsent) Delete(ctx context.Context, _ teardown.Organization) (teardown.Deletion, error) {
	w.tries++
	if w.tries > 1 {
		return teardown.Deletion{}, refused(errors.OrganizationNotFound)
	}
	for n := range w.writes {
		trace.Of(ctx).Request(true)
		if w.unsent(n) {
			trace.Of(ctx).Unsent()
		}
	}
	return teardown.Deletion{}, refused(errors.Unavailable)
}

// A request that was not sent deletes nothing: the run cannot claim the deletion.
func TestExecute_DeletionNotSent(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		unsent func(n int) bool
		writes int
		want   teardown.Outcome
	}{
		"not sent":        {func(int) bool { return true }, 1, teardown.NotFound},
		"not sent twice":  {func(int) bool { return true }, 2, teardown.NotFound},
		"sent":            {func(int) bool { return false }, 1, teardown.Deleted},
		"the second sent": {func(n int) bool { return n == 0 }, 2, teardown.Deleted},
		"not reported":    {nil, 0, teardown.Deleted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var journal bytes.Buffer
				w := &unsent{fakeBlocking: &fakeBlocking{}, unsent: test.unsent, writes: test.writes}
				r, _ := teardown.Execute(t.Context(), teardown.FromBlocking(w), w.plan(t), teardown.WithConfirm("Acme"), teardown.WithJournal(&journal))
				if r == nil || r.Outcome != test.want || w.tries != 2 {
					t.Errorf("got %+v after %d tries, want %s", r, w.tries, test.want)
				}
			})
		})
	}
}

// A driver that returns no error and no outcome of a success proves nothing.
func TestExecute_DeletionWithoutOutcome(t *testing.T) {
	t.Parallel()
	for _, outcome := range []teardown.Outcome{"", teardown.Blocked, teardown.NotFound, "other"} {
		w := &fakeBlocking{delete: func() (teardown.Deletion, error) { return teardown.Deletion{Outcome: outcome}, nil }}
		r, err := w.execute(t)
		if r == nil || r.Outcome != teardown.Unknown || !errors.Is(err, errors.OutcomeUnknown) {
			t.Errorf("%q: got %+v, %v", outcome, r, err)
		}
	}
}

// A driver that blocks may report a wait that a stop ended as not finished.
func TestStop_WaitReportedAsNotFinished(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stop := make(chan struct{})
		w := &waiter{&fakeBlocking{steps: stepsOf("a")}}
		time.AfterFunc(time.Minute, func() { close(stop) })
		r, err := teardown.Execute(t.Context(), teardown.FromBlocking(w), w.plan(t), teardown.WithConfirm("Acme"), teardown.WithStop(stop))
		if r == nil || r.Steps[0].State != teardown.StepInterrupted || !errors.Is(err, errors.NotFinished) {
			t.Errorf("got %+v, %v", r, err)
		}
	})
}

// waiter is a provider whose removals wait until their context ends.
type waiter struct{ *fakeBlocking }

func (w *waiter) Remove(ctx context.Context, _ teardown.Organization, _ teardown.Step, progress func(string)) error {
	progress("it waits")
	<-ctx.Done()
	return &errors.Error{Code: errors.NotFinished, Err: context.Cause(ctx)}
}

func TestPlan_Nil(t *testing.T) {
	t.Parallel()
	var p *teardown.Plan
	var r *teardown.Report
	if p.Err() != nil || p.Manual() != nil || p.Overrides() != nil || p.Digest() != "" || p.Diff(p) != nil || r.Remaining() != nil {
		t.Error("a nil plan or report has contents")
	}
	if p.WriteTable(io.Discard) == nil || p.WriteTree(io.Discard) == nil {
		t.Error("a nil plan was written")
	}
	for _, w := range []io.Writer{nil, (*disk)(nil)} {
		if new(teardown.Plan).WriteTable(w) == nil || new(teardown.Plan).WriteTree(w) == nil {
			t.Errorf("%#v: a plan was written", w)
		}
	}
	var c *teardown.Cascade
	c.Identify([]string{"a"})
}

func TestUnmarshalJSON_NilReceiver(t *testing.T) {
	t.Parallel()
	for name, into := range map[string]json.Unmarshaler{
		"report": (*teardown.Report)(nil), "step": (*teardown.StepReport)(nil), "event": (*teardown.Event)(nil),
	} {
		if err := into.UnmarshalJSON([]byte(`{}`)); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

func TestProgressState_String(t *testing.T) {
	t.Parallel()
	for state, want := range map[teardown.ProgressState]string{
		teardown.ProgressExists: "exists", teardown.ProgressDeleting: "deleting", teardown.ProgressReady: "ready",
		teardown.ProgressNotFound: "not_found", teardown.ProgressPollFirst: "poll_first", 0: "ProgressState(0)", 7: "ProgressState(7)",
	} {
		if got := state.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// Events of one teardown go to the functions of all options, in the order of the options.
func TestWithEvents_Several(t *testing.T) {
	t.Parallel()
	var got []string
	record := func(name string) teardown.Option {
		return teardown.WithEvents(func(e teardown.Event) { got = append(got, name+" "+string(e.Kind)) })
	}
	if _, err := (&fakeBlocking{}).execute(t, record("first"), record("second")); err != nil {
		t.Fatal(err)
	}
	want := []string{"first started", "second started", "first finished", "second finished"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// An option copies its values.
func TestOption_ChangedSlice(t *testing.T) {
	t.Parallel()
	allow, deny, overrides := []string{"org_1"}, []string{"org_1"}, []teardown.Override{teardown.OwnOrganization}
	entries := []teardown.Entry{entry(teardown.EntryDeletionStarted)}
	permitted := []teardown.Option{teardown.WithAllow(allow...), teardown.WithOverrides(overrides...), teardown.WithResume(entries)}
	denied := teardown.WithDeny(deny...)
	allow[0], deny[0], overrides[0], entries[0] = "org_2", "org_2", "x", teardown.Entry{}
	w := &fakeBlocking{inspect: &errors.Error{Code: errors.OrganizationNotFound, Target: "org_1"}}
	p := (&fakeBlocking{}).plan(t)
	options := append(permitted, teardown.WithConfirm("Acme"))
	if r, err := teardown.Execute(t.Context(), teardown.FromBlocking(w), p, options...); err != nil || r.Outcome != teardown.Deleted {
		t.Errorf("got %+v, %v", r, err)
	}
	if _, err := teardown.Execute(t.Context(), teardown.FromBlocking(w), p, append(options, denied)...); !errors.Is(err, errors.NotConfirmed) {
		t.Errorf("got %v", err)
	}
}

// Options whose values add up, and options of which the last one counts.
func TestOption_Repeated(t *testing.T) {
	t.Parallel()
	var first, second bytes.Buffer
	_, err := (&fakeBlocking{}).execute(t,
		teardown.WithAllow("org_1"), teardown.WithAllow("org_2"),
		teardown.WithConfirm("Other"), teardown.WithConfirm("Acme"),
		teardown.WithJournal(&first), teardown.WithJournal(&second))
	if err != nil || first.Len() != 0 || second.Len() == 0 {
		t.Errorf("got %v, %d bytes and %d bytes", err, first.Len(), second.Len())
	}
}

func TestOptions_SecretInAllowAndDeny(t *testing.T) {
	t.Parallel()
	const secret = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg"
	for _, option := range []teardown.Option{teardown.WithAllow(secret), teardown.WithDeny(secret)} {
		_, err := teardown.Execute(t.Context(), teardown.FromBlocking(nil), nil, option)
		if err == nil || strings.Contains(err.Error(), "MIIE") || strings.Contains(err.Error(), "PRIVATE") {
			t.Errorf("got %v", err)
		}
	}
}

// A stop during the inspection right before the deletion, or while the journal is written, and
// an ended context start no deletion. The journal shows that none was started.
func TestExecute_StopBeforeDeletion(t *testing.T) {
	t.Parallel()
	for name, during := range map[string]string{"the inspection": "inspection", "the journal": "journal"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stop := make(chan struct{})
			w := &stoppingDriver{fakeBlocking: &fakeBlocking{steps: stepsOf("a")}}
			p := w.plan(t)
			w.inspections = 0
			if during == "inspection" {
				w.last = func() { close(stop) }
			}
			var entries []byte
			journal := writerFunc(func(line []byte) (int, error) {
				if during == "journal" && bytes.Contains(line, []byte(`"deletion_started"`)) {
					close(stop)
				}
				entries = append(entries, line...)
				return len(line), nil
			})
			r, err := teardown.Execute(t.Context(), teardown.FromBlocking(w), p,
				teardown.WithConfirm("Acme"), teardown.WithStop(stop), teardown.WithJournal(journal))
			if r == nil || r.Outcome != teardown.Stopped || !errors.Is(err, errors.NotFinished) || w.deleted != 0 {
				t.Errorf("got %+v, %v after %d deletions", r, err, w.deleted)
			}
			if bytes.Count(entries, []byte(`"deletion_started"`)) != bytes.Count(entries, []byte(`"deletion_refused"`)) {
				t.Errorf("the journal shows a deletion:\n%s", entries)
			}
			if during == "inspection" && bytes.Contains(entries, []byte(`"deletion_started"`)) {
				t.Errorf("a deletion was started after the stop:\n%s", entries)
			}
		})
	}
}

// stoppingDriver calls last in the second inspection.
type stoppingDriver struct {
	*fakeBlocking
	inspections int
	last        func()
}

func (d *stoppingDriver) Inspect(ctx context.Context, o teardown.Organization, before *teardown.Plan) (*teardown.Plan, error) {
	if d.inspections++; d.inspections == 2 && d.last != nil {
		d.last()
	}
	return d.fakeBlocking.Inspect(ctx, o, before)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(line []byte) (int, error) { return f(line) }

// After an error that is not typed the deletion may be executed: no read has decided.
func TestExecute_UntypedErrorOfDeletion(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]error{"a lost connection": io.ErrUnexpectedEOF, "a context": context.DeadlineExceeded} {
		w := &fakeBlocking{delete: func() (teardown.Deletion, error) { return teardown.Deletion{}, failure }}
		r, err := w.execute(t, teardown.WithRetryFor(0))
		if r == nil || r.Outcome != teardown.Unknown || !errors.Is(err, errors.OutcomeUnknown) {
			t.Errorf("%s: got %+v, %v", name, r, err)
		}
	}
}

// Only a pending deletion of the driver replaces the deletion.
func TestExecute_PendingDeletionOfDriver(t *testing.T) {
	t.Parallel()
	for _, outcome := range []teardown.Outcome{"", teardown.Deleted, teardown.Blocked} {
		d := &pendingDriver{fakeBlocking: &fakeBlocking{}, outcome: outcome}
		p := d.plan(t)
		r, err := teardown.Execute(t.Context(), teardown.FromBlocking(d), p, teardown.WithConfirm("Acme"), teardown.WithRetryFor(0))
		if r == nil || r.Outcome != teardown.Blocked || !errors.Is(err, errors.Internal) || d.deleted != 0 {
			t.Errorf("%q: got %+v, %v", outcome, r, err)
		}
	}
}

type pendingDriver struct {
	*fakeBlocking
	outcome teardown.Outcome
}

func (d *pendingDriver) Inspect(ctx context.Context, o teardown.Organization, before *teardown.Plan) (*teardown.Plan, error) {
	p, err := d.fakeBlocking.Inspect(ctx, o, before)
	if err == nil {
		p.PendingDeletion = &teardown.Deletion{Outcome: d.outcome}
	}
	return p, err
}

// A huge concurrency allocates nothing for it.
func TestExecute_HugeConcurrency(t *testing.T) {
	t.Parallel()
	w := &fakeBlocking{steps: stepsOf("a", "b")}
	if _, err := w.execute(t, teardown.WithConcurrency(math.MaxInt)); err != nil {
		t.Error(err)
	}
}

// A slow journal makes a second inspection necessary.
func TestExecute_SlowJournalBeforeDeletion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &fakeBlocking{}
		p := w.plan(t)
		w.inspected = 0
		slow := true
		journal := writerFunc(func(line []byte) (int, error) {
			if slow && bytes.Contains(line, []byte(`"deletion_started"`)) {
				slow = false
				time.Sleep(time.Minute)
			}
			return len(line), nil
		})
		r, err := teardown.Execute(t.Context(), teardown.FromBlocking(w), p, teardown.WithConfirm("Acme"), teardown.WithJournal(journal))
		if err != nil || r.Outcome != teardown.Deleted || w.inspected != 2 || w.deleted != 1 {
			t.Errorf("got %+v, %v after %d inspections", r, err, w.inspected)
		}
	})
}

// A manual step whose blocker exists again right before the deletion is reported as such: the
// driver cannot poll it.
func TestExecute_ManualStepExistsAgain(t *testing.T) {
	t.Parallel()
	steps := stepsOf("a", "invoice")
	steps[1].Manual = true
	unknown := func(id string) error {
		if id == "invoice" {
			return &errors.Error{Code: errors.InvalidArgument}
		}
		return nil
	}
	w := &stoppingDriver{fakeBlocking: &fakeBlocking{steps: steps, lenient: true, read: unknown}}
	p := w.plan(t)
	w.fakeBlocking.steps, w.inspections = steps[:1], 0
	w.last = func() { w.fakeBlocking.steps = steps }
	r, err := teardown.Execute(t.Context(), teardown.FromBlocking(w), p, teardown.WithConfirm("Acme"))
	if r == nil || r.Outcome != teardown.Blocked || !errors.Is(err, errors.PlanStale) || w.deleted != 0 {
		t.Errorf("got %+v, %v after %d deletions", r, err, w.deleted)
	}
}

// A caller that changes the plan after Execute has started changes nothing, also in a slice or
// behind a pointer of the plan.
func TestExecute_PlanChangedByCaller(t *testing.T) {
	t.Parallel()
	steps := stepsOf("a", "b<a", "c")
	steps[2].Organization = &teardown.Organization{ID: "org_2"}
	steps[2].Requires = []teardown.Override{teardown.ManagedOrganizations}
	steps[0].Ref = json.RawMessage(`{"id":"1"}`)
	w := &fakeBlocking{steps: steps, cascades: []teardown.Cascade{cascadeOf("u", "v")}, requires: []teardown.Override{teardown.OwnOrganization}}
	text, err := json.Marshal(w.plan(t))
	if err != nil {
		t.Fatal(err)
	}
	p, want := new(teardown.Plan), new(teardown.Plan) // which share nothing with the fake
	if err := errors.Join(json.Unmarshal(text, p), json.Unmarshal(text, want)); err != nil {
		t.Fatal(err)
	}
	started, changed := make(chan struct{}), make(chan struct{})
	// Another goroutine changes the plan while it is applied; the race detector reports reads of
	// the plan from then on.
	go func() {
		defer close(changed)
		<-started
		for i := range p.Steps {
			s := &p.Steps[i]
			s.ID, s.Kind, s.Name, s.Removal, s.Manual = "x", "x", "x", "x", true
			for j := range s.After {
				s.After[j] = "x"
			}
			for j := range s.Requires {
				s.Requires[j] = "x"
			}
			clear(s.Ref)
			if s.Organization != nil {
				s.Organization.ID = "org_9"
			}
		}
		clear(p.Requires)
		for i := range p.Cascades {
			clear(p.Cascades[i].IDs)
			clear(p.Cascades[i].Names)
		}
		*p.DeletionError = errors.Error{}
		p.Steps = append(p.Steps[:1], stepsOf("y")...)
		p.Organization = teardown.Organization{ID: "org_9", Name: "Other"}
		p.Provider, p.Instance, p.Fingerprint, p.Cascades, p.DeletionError = "x", "x", "x", nil, nil
	}()
	var applied *teardown.Plan
	d := &inspectingDriver{Driver: teardown.FromBlocking(w), inspect: func(before *teardown.Plan) {
		if applied == nil {
			applied = before
			close(started)
			<-changed
		}
	}}
	r, err := teardown.Execute(t.Context(), d, p, teardown.WithConfirm("Acme"), teardown.WithOverrides(teardown.ManagedOrganizations, teardown.OwnOrganization))
	if err != nil || r.Outcome != teardown.Deleted || r.Organization != acme || !slices.Equal(slices.Sorted(slices.Values(w.removed)), []string{"a", "b", "c"}) {
		t.Fatalf("got %+v, %v, and %v were removed", r, err, w.removed)
	}
	if applied == p {
		t.Error("the driver has the plan of the caller")
	}
	if diff := cmp.Diff(want, applied); diff != "" {
		t.Errorf("the plan that was applied (-want +got):\n%s", diff)
	}
}

// inspectingDriver calls inspect with the plan that is applied before each inspection.
type inspectingDriver struct {
	teardown.Driver
	inspect func(before *teardown.Plan)
}

func (d *inspectingDriver) Inspect(ctx context.Context, o teardown.Organization, before *teardown.Plan) (*teardown.Plan, error) {
	d.inspect(before)
	return d.Driver.Inspect(ctx, o, before)
}
