package teardown_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

var update = flag.Bool("update", false, "write the golden files")

func TestSchema(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"plan", "report", "event", "entry"} {
		text, err := teardown.Schema(name)
		if err != nil || !json.Valid(text) {
			t.Errorf("%s: got %v, %s", name, err, text)
		}
	}
	for _, name := range []string{"", "Plan", "../schema", "plan.schema.json"} {
		if text, err := teardown.Schema(name); text != nil || !errors.Is(err, errors.InvalidArgument) {
			t.Errorf("%q: got %v, %s", name, err, text)
		}
	}
}

// samples returns values of each form. Some have all members, and some have as few as
// possible.
func samples(t *testing.T) map[string][]any {
	t.Helper()
	at := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	empty, whole := teardown.Seal(&teardown.Plan{Provider: "fake", Organization: acme}), teardown.Seal(full())
	whole.Steps[0].Ref, whole.Steps[0].Organization = json.RawMessage(`{"id":"1"}`), &acme
	whole.Cascades = append(whole.Cascades, cascadeOf("a", "b"), teardown.Cascade{Kind: "apps", Count: 10_001, Digest: "00"})
	for _, p := range []*teardown.Plan{empty, whole} {
		p.CreatedAt, p.ExpiresAt = at, at.Add(teardown.PlanTTL)
		p.SealAs()
	}
	all := map[string][]any{"plan": {empty, whole}}
	for _, outcome := range []teardown.Outcome{
		teardown.Deleted, teardown.Pending, teardown.NotFound, teardown.Blocked, teardown.Stopped, teardown.Unknown,
	} {
		all["report"] = append(all["report"], teardown.Report{
			Provider: "fake", Organization: acme, Outcome: outcome, StartedAt: at, FinishedAt: at, Steps: []teardown.StepReport{},
		})
		all["event"] = append(all["event"], teardown.Event{Time: at, Provider: "fake", Organization: acme, Kind: teardown.EventFinished, Outcome: outcome})
		all["entry"] = append(all["entry"], teardown.Entry{Time: at, Provider: "fake", Organization: "org_1", Kind: teardown.EntryFinished, Outcome: outcome})
	}
	errs := failures()
	for _, name := range slices.Sorted(maps.Keys(errs)) {
		r := teardown.Report{
			Provider: "fake", Instance: "https://fake.invalid", Organization: acme, Outcome: teardown.Blocked, PendingOn: "a person",
			StartedAt: at, FinishedAt: at, Err: errs[name], UnmatchedAllow: []string{"a"}, UnmatchedDeny: []string{"d"},
		}
		for _, state := range []teardown.StepState{
			teardown.StepNotStarted, teardown.StepRunning, teardown.StepInterrupted, teardown.StepDeleted,
			teardown.StepAlreadyDeleted, teardown.StepFailed, teardown.StepManual,
		} {
			r.Steps = append(r.Steps, teardown.StepReport{
				Step: whole.Steps[0], State: state, Attempts: 1, RequestID: "r-1", StartedAt: at, FinishedAt: at, Err: errs[name],
			}, teardown.StepReport{Step: whole.Steps[1], State: state})
			all["entry"] = append(all["entry"], teardown.Entry{
				Time: at, Provider: "fake", Instance: "https://fake.invalid", Organization: "org_1", Step: "a", Kind: teardown.EntryFinished, State: state,
				Code: errors.Conflict, RequestID: "r-1", Error: "in use",
			})
		}
		all["report"] = append(all["report"], r)
		all["event"] = append(all["event"], teardown.Event{
			Time: at, Provider: "fake", Organization: acme, Step: "a", Kind: teardown.EventRetrying, State: teardown.StepRunning,
			Text: "in use", Wait: 1500 * time.Millisecond, Done: 1, Total: 2, Err: errs[name],
		})
	}
	for _, kind := range []teardown.EventKind{teardown.EventStarted, teardown.EventWaiting, teardown.EventUnmatched} {
		all["event"] = append(all["event"], teardown.Event{Time: at, Provider: "fake", Organization: acme, Kind: kind})
	}
	for _, kind := range []teardown.EntryKind{teardown.EntryStarted, teardown.EntryDeletionStarted, teardown.EntryDeletionRefused} {
		all["entry"] = append(all["entry"], teardown.Entry{Time: at, Provider: "fake", Organization: "org_1", Name: "Acme", Plan: "00", Kind: kind})
	}
	return all
}

// The golden files have a value in each line. internal/conformance validates them with the
// schemas.
func TestSchema_Samples(t *testing.T) {
	t.Parallel()
	for form, values := range samples(t) {
		var got bytes.Buffer
		encoder := json.NewEncoder(&got)
		for _, v := range values {
			if err := encoder.Encode(v); err != nil {
				t.Fatal(err)
			}
		}
		name := filepath.Join("testdata", form+".jsonl")
		if *update {
			if err := os.WriteFile(name, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got.String()); diff != "" {
			t.Errorf("%s: run the test with -update if the form was changed on purpose (-want +got):\n%s", name, diff)
		}
	}
}
