package offboarding

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

var quoted = regexp.MustCompile("`([^`]+)`")

// table returns the action of each row of a table in the guide that starts with a heading.
func table(t *testing.T, heading string) map[string]Action {
	t.Helper()
	guide, err := os.ReadFile("../../../docs/service-guide.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rows, ok := strings.Cut(string(guide), heading)
	if !ok {
		t.Fatalf("the guide has no table %q", heading)
	}
	rows, _, _ = strings.Cut(strings.TrimSpace(rows), "\n\n")
	actions := map[string]Action{}
	for row := range strings.Lines(rows) {
		cells := strings.Split(row, "|")
		for _, name := range quoted.FindAllStringSubmatch(cells[1], -1) {
			actions[name[1]] = ""
			if action := quoted.FindStringSubmatch(cells[2]); action != nil {
				actions[name[1]] = Action(action[1])
			}
		}
	}
	return actions
}

// name returns the Go name of a code, by the letters of its value.
func name(code errors.Code, names map[string]Action) string {
	for n := range names {
		if strings.EqualFold(n, strings.ReplaceAll(string(code), "_", "")) {
			return n
		}
	}
	return ""
}

// The guide has the action of every code, by the code or by its category.
func TestActionOf_Guide(t *testing.T) {
	t.Parallel()
	rows := table(t, "| code | action |")
	used := map[string]bool{}
	for _, code := range errors.Codes() {
		row := name(code, rows)
		if row == "" {
			row = name(code.Category(), rows)
		}
		used[row] = true
		if want := rows[row]; row == "" || ActionOf(code) != want {
			t.Errorf("%s: got %q, and the row %q has %q", code, ActionOf(code), row, want)
		}
		if ActionOf(code) == Retry && !code.Retryable() {
			t.Errorf("%s is retried and not retryable", code)
		}
	}
	for row := range rows {
		if !used[row] {
			t.Errorf("the row %q matches no code", row)
		}
	}
}

// The guide names the person of the advice that docs/errors.md shows, too. A row for codes with
// different persons refers to that page.
func TestGuide_WhomToAsk(t *testing.T) {
	t.Parallel()
	var file struct {
		Codes []struct {
			Code, Category errors.Code
			Advice         struct {
				Retry    string
				Contacts []string
			}
		}
	}
	if err := json.Unmarshal(errors.CodesJSON(), &file); err != nil {
		t.Fatal(err)
	}
	guide, err := os.ReadFile("../../../docs/service-guide.md")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	persons := map[string]string{
		"developer": "the author of the calling code", "operator": "the operator of the program",
		"owner": "the owner of the organization", "support": "the provider's support",
	}
	for _, person := range persons {
		if !strings.Contains(string(page), "\n| "+person+" | ") {
			t.Errorf("docs/errors.md does not describe %q", person)
		}
	}
	cells := map[string]string{} // whom to ask, by the code
	for _, row := range regexp.MustCompile("(?m)^\\| (`[A-Z][^|]*) \\|[^|]*\\|[^|]*\\| ([^|]*) \\|[^|]*\\|$").FindAllStringSubmatch(string(guide), -1) {
		for _, name := range quoted.FindAllStringSubmatch(row[1], -1) {
			cells[name[1]] = row[2]
		}
	}
	names := map[string]Action{}
	for n := range cells {
		names[n] = ""
	}
	if len(names) != len(table(t, "| code | action |")) {
		t.Fatalf("got %d rows", len(names))
	}
	for _, c := range file.Codes {
		cell, own := cells[name(c.Code, names)], true
		if cell == "" {
			cell, own = cells[name(c.Category, names)], false
		}
		want := persons[c.Advice.Contacts[0]]
		if c.Advice.Retry == "wait" {
			want = "if the error remains, " + want
		}
		if !strings.HasPrefix(cell, want) && (own || !strings.Contains(cell, "errors.md#"+string(c.Category))) {
			t.Errorf("%s: got %q, want %q", c.Code, cell, want)
		}
	}
}

// The actions agree with the advice of the SDK.
func TestActionOf_Advice(t *testing.T) {
	t.Parallel()
	var file struct {
		Codes []struct {
			Code   errors.Code
			Advice struct{ Retry string }
		}
	}
	if err := json.Unmarshal(errors.CodesJSON(), &file); err != nil || len(file.Codes) != len(errors.Codes()) {
		t.Fatalf("got %d codes, %v", len(file.Codes), err)
	}
	for _, c := range file.Codes {
		a := ActionOf(c.Code)
		if (a == Retry) != (c.Advice.Retry == "wait") || (a == Investigate) != (c.Advice.Retry == "check") {
			t.Errorf("%s: got %s, and the advice is %q", c.Code, a, c.Advice.Retry)
		}
	}
}

func TestDecide_OutcomesOfGuide(t *testing.T) {
	t.Parallel()
	rows := table(t, "| outcome | action |")
	for _, outcome := range []teardown.Outcome{
		teardown.Deleted, teardown.Pending, teardown.NotFound, teardown.Blocked, teardown.Stopped, teardown.Unknown,
	} {
		want, ok := rows[string(outcome)]
		if want == "" {
			want = Retry // by the code of the error below
		}
		if got := Decide(outcome, &errors.Error{Code: errors.Unavailable}).Action; !ok || got != want {
			t.Errorf("%s: got %q, want %q", outcome, got, want)
		}
	}
}

func TestDecide_JoinedErrors(t *testing.T) {
	t.Parallel()
	limited := &errors.Error{Code: errors.RateLimitReached, RetryAfter: time.Minute}
	busy := &errors.Error{Code: errors.ServiceUnavailable, RetryAfter: time.Hour}
	projects := &errors.Error{Code: errors.OrganizationNotEmpty, Steps: []errors.Step{{Name: "projects"}}}
	invoice := &errors.Error{Code: errors.PaymentRequired, Steps: []errors.Step{{Name: "invoice"}}}
	denied := &errors.Error{Code: errors.PermissionDenied}
	unknown := &errors.Error{Code: errors.OutcomeUnknown, Err: limited}
	stale := &errors.Error{Code: errors.PlanStale}
	steps := []errors.Step{{Name: "projects"}, {Name: "invoice"}}
	for _, test := range []struct {
		errs []error
		want Decision
	}{
		{[]error{limited, busy}, Decision{Action: Retry, After: time.Hour}},
		{[]error{limited, stale}, Decision{Action: PlanAgain}},
		{[]error{limited, projects, stale, invoice}, Decision{Action: AskUser, Steps: steps}},
		{[]error{projects, denied, invoice}, Decision{Action: AskOperator, Steps: steps}},
		{[]error{denied, unknown, limited}, Decision{Action: Investigate}},
		{[]error{errors.New("the disk is full")}, Decision{Action: AskOperator}},
		{nil, Decision{Action: AskOperator}}, // no outcome and no error
	} {
		// The order of the errors does not matter, except for the steps.
		got := Decide("", errors.Join(test.errs...))
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", test.errs, diff)
		}
		slices.Reverse(test.errs)
		if again := Decide("", fmt.Errorf("wrapped: %w", errors.Join(test.errs...))); again.Action != got.Action || again.After != got.After {
			t.Errorf("%v: got %+v in the reverse order, and %+v", test.errs, again, got)
		}
	}
}

func TestAction_Text(t *testing.T) {
	t.Parallel()
	for _, a := range append(precedence, Deleted, Accepted) {
		if deleted := strings.Contains(a.Text(), "was deleted"); a.Text() == "" || deleted != (a == Deleted) {
			t.Errorf("%s: got %q", a, a.Text())
		}
	}
}
