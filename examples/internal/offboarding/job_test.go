package offboarding

import (
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

func openStore(t *testing.T) (*Store, string) {
	t.Helper()
	directory := t.TempDir()
	s, err := OpenStore(directory)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, directory
}

// A job that was read from a file leads to the same decision as before.
func TestStore_ErrorsSurvive(t *testing.T) {
	t.Parallel()
	s, _ := openStore(t)
	j := NewJob("acme", offboard.Spec{Provider: "atlas", Organization: "5e2f00000000000000000001"}, "Acme")
	cause := errors.New("connection reset")
	j.finish(&teardown.Report{Outcome: teardown.Blocked}, errors.Join(
		&errors.Error{Code: errors.RateLimitReached, Status: 429, RetryAfter: 1500 * time.Millisecond, RequestID: "req-1"},
		&errors.Error{Code: errors.OrganizationNotEmpty, ProviderCode: "CANNOT_CLOSE_GROUP", Message: "not empty", Steps: []errors.Step{{Name: "projects"}}, Err: cause},
	), false)
	if err := s.Save(j); err != nil {
		t.Fatal(err)
	}
	got, err := s.Load("acme")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(j.Decision(), got.Decision()); diff != "" || got.Action != AskUser || got.State != Dead {
		t.Errorf("got %s, %s (-want +got):\n%s", got.Action, got.State, diff)
	}
	if !errors.Is(got.Err(), errors.RateLimitReached) || !errors.Is(got.Err(), errors.DeletionStepsNotSatisfied) {
		t.Errorf("got %v", got.Err())
	}
	first, second := got.Errors[0], got.Errors[1]
	if first.RetryAfter != 1500*time.Millisecond || first.RequestID != "req-1" || second.Message != "not empty" {
		t.Errorf("got %+v, %+v", first, second)
	}
	if second.Err.Error() != cause.Error() || errors.Is(second, cause) {
		t.Errorf("got the cause %v, whose text alone survives", second.Err)
	}
	if again, _ := json.Marshal(got); !strings.Contains(string(again), `"retry_after_seconds":1.5`) {
		t.Errorf("got %s", again)
	}
}

// An error of the service itself has no code, and is not retried.
func TestJob_ErrorWithoutCode(t *testing.T) {
	t.Parallel()
	j := NewJob("acme", offboard.Spec{}, "Acme")
	j.finish(nil, errors.New("the disk is full"), false)
	if j.State != Dead || j.Action != AskOperator || !strings.Contains(j.Errors[0].Error(), "the disk is full") {
		t.Errorf("got %+v", j)
	}
}

func TestJob_Attempts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := NewJob("acme", offboard.Spec{}, "Acme")
		busy := &errors.Error{Code: errors.Unavailable}
		var waits []time.Duration
		for j.State == Queued {
			j.finish(nil, busy, false)
			waits = append(waits, time.Until(j.NotBefore))
		}
		if len(waits) != MaxAttempts || waits[0] != time.Minute || waits[2] != 4*time.Minute || waits[MaxAttempts-1] != time.Hour {
			t.Errorf("got the waits %v", waits)
		}
		if j.State != Dead || j.Action != AskOperator {
			t.Errorf("got %s, %s", j.State, j.Action)
		}
		if j.Requeue(); j.State != Queued || j.Attempts != 0 || time.Until(j.NotBefore) > 0 {
			t.Errorf("got %+v", j)
		}
		j.finish(nil, &errors.Error{Code: errors.NotFinished}, true)
		if j.Attempts != 0 || j.State != Queued || time.Until(j.NotBefore) > 0 {
			t.Errorf("an attempt that a stop ended counts: %+v", j)
		}
		j.finish(nil, &errors.Error{Code: errors.RateLimitReached, RetryAfter: 3 * time.Hour}, false)
		if time.Until(j.NotBefore) != 3*time.Hour {
			t.Errorf("got the wait %v", time.Until(j.NotBefore))
		}
	})
}

func TestStore_Files(t *testing.T) {
	t.Parallel()
	s, directory := openStore(t)
	if _, err := s.Load("acme"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	for _, id := range []string{"../acme", "..", "a/b", "a b", "ä", "x.json"} {
		if err := s.Save(NewJob(id, offboard.Spec{}, id)); err != nil {
			t.Fatal(err)
		}
		if j, err := s.Load(id); err != nil || j.ID != id {
			t.Errorf("%q: got %+v, %v", id, j, err)
		}
	}
	// A crash while a job was saved.
	if err := os.WriteFile(filepath.Join(directory, "..json.new"), []byte(`{"id":`), 0o600); err != nil {
		t.Fatal(err)
	}
	if jobs, err := s.Jobs(); err != nil || len(jobs) != 6 {
		t.Errorf("got %d jobs, %v", len(jobs), err)
	}
	if outside, _ := filepath.Glob(filepath.Join(directory, "..", "*acme*")); len(outside) > 0 {
		t.Errorf("got the files %v", outside)
	}
	if err := os.WriteFile(filepath.Join(directory, "bad.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Jobs(); err == nil || !strings.Contains(err.Error(), "bad.json") {
		t.Errorf("got %v", err)
	}
}

// scripted is an organization with scripted results.
type scripted struct {
	plans   int
	results []error // of Teardown, one for each call
	applied []*teardown.Plan
}

func (s *scripted) Plan(context.Context) (*teardown.Plan, error) {
	s.plans++
	return &teardown.Plan{Organization: teardown.Organization{ID: "x"}}, nil
}

func (s *scripted) Teardown(_ context.Context, p *teardown.Plan, _ ...teardown.Option) (*teardown.Report, error) {
	err := s.results[len(s.applied)]
	s.applied = append(s.applied, p)
	if err != nil {
		return nil, err
	}
	return &teardown.Report{Outcome: teardown.Deleted}, nil
}

func TestAttempt_StalePlan(t *testing.T) {
	t.Parallel()
	stale := &errors.Error{Code: errors.PlanStale}
	for name, test := range map[string]struct {
		results []error
		want    State
		plans   int
	}{
		"once":   {[]error{stale, nil}, Finished, 2},
		"twice":  {[]error{stale, stale}, Queued, 2}, // the next attempt plans again
		"denied": {[]error{&errors.Error{Code: errors.PermissionDenied}}, Dead, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := openStore(t)
			o := &scripted{results: test.results}
			j := NewJob("acme", offboard.Spec{}, "Acme")
			if err := (&Attempt{Job: j, Store: s, Organization: o}).Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if j.State != test.want || o.plans != test.plans || len(o.applied) != len(test.results) {
				t.Errorf("got %s after %d plans and %d applications", j.State, o.plans, len(o.applied))
			}
		})
	}
}

// The plan is on the disk before it is applied.
func TestAttempt_StoresPlanFirst(t *testing.T) {
	t.Parallel()
	s, directory := openStore(t)
	o := &scripted{results: []error{nil}}
	if err := os.Mkdir(filepath.Join(directory, "acme.json.new"), 0o700); err != nil { // the store fails
		t.Fatal(err)
	}
	a := &Attempt{Job: NewJob("acme", offboard.Spec{}, "Acme"), Store: s, Organization: o}
	if err := a.Run(t.Context()); err == nil || len(o.applied) > 0 {
		t.Errorf("got %v after %d applications", err, len(o.applied))
	}
}
