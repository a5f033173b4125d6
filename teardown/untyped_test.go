package teardown_test

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// An error of a driver that is not of package errors is shown as one, and is not retried.
// TestExecute_UntypedErrorOfDeletion tests those of Delete without a code.
func TestExecute_UntypedErrors(t *testing.T) {
	t.Parallel()
	cause := errors.New("the disk is full")
	for name, test := range map[string]struct {
		set            func(d *fakeDriver, w *fakeBlocking)
		method, target string
		code           errors.Code
		tries          int
	}{
		"act": {func(d *fakeDriver, _ *fakeBlocking) {
			d.act = func(string, int) (teardown.Progress, error) { return teardown.Progress{}, cause }
			d.poll = func(string, int) (teardown.Progress, error) {
				return teardown.Progress{State: teardown.ProgressExists}, nil
			}
		}, "Act", "a", errors.DriverFailed, 1},
		"progress of an act": {func(d *fakeDriver, _ *fakeBlocking) {
			d.act = func(string, int) (teardown.Progress, error) {
				return teardown.Progress{State: teardown.ProgressExists, Err: cause}, nil
			}
		}, "Act", "a", errors.DriverFailed, 1},
		"poll": {func(d *fakeDriver, _ *fakeBlocking) {
			d.act = func(string, int) (teardown.Progress, error) { return deletingIn("", 0), nil }
			d.poll = func(string, int) (teardown.Progress, error) { return teardown.Progress{}, cause }
		}, "Poll", "a", errors.DriverFailed, 1},
		"act, and its code": {func(d *fakeDriver, _ *fakeBlocking) {
			d.act = func(string, int) (teardown.Progress, error) {
				return teardown.Progress{}, errors.Join(cause, errors.PermissionDenied)
			}
			d.poll = func(string, int) (teardown.Progress, error) {
				return teardown.Progress{State: teardown.ProgressExists}, nil
			}
		}, "Act", "a", errors.PermissionDenied, 1},
		"act, and its retryable code": {func(d *fakeDriver, _ *fakeBlocking) {
			d.act = func(string, int) (teardown.Progress, error) {
				return teardown.Progress{}, errors.Join(cause, errors.Unavailable)
			}
			d.poll = func(string, int) (teardown.Progress, error) {
				return teardown.Progress{State: teardown.ProgressExists}, nil
			}
		}, "Act", "a", errors.Unavailable, 3},
		"act, and a timeout of its own": {func(d *fakeDriver, _ *fakeBlocking) {
			d.act = func(string, int) (teardown.Progress, error) {
				return teardown.Progress{}, errors.Join(cause, context.DeadlineExceeded)
			}
			d.poll = func(string, int) (teardown.Progress, error) {
				return teardown.Progress{State: teardown.ProgressExists}, nil
			}
		}, "Act", "a", errors.DriverFailed, 1},
		"delete, and its code": {func(_ *fakeDriver, w *fakeBlocking) {
			w.delete = func() (teardown.Deletion, error) {
				return teardown.Deletion{}, errors.Join(cause, errors.PermissionDenied)
			}
		}, "Delete", "org_1", errors.PermissionDenied, 0},
		"inspect before the deletion": {func(_ *fakeDriver, w *fakeBlocking) {
			w.steps = stepsOf("a")
			w.inspects = func(n int) error { return map[int]error{3: cause}[n] } // 1: the plan, 2: before the first step
		}, "Inspect", "org_1", errors.DriverFailed, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var journal bytes.Buffer
				d, w := newFakeDriver(t, "a"), &fakeBlocking{}
				test.set(d, w)
				var r *teardown.Report
				var err error
				if w.delete != nil || w.inspects != nil {
					r, err = w.execute(t, teardown.WithJournal(&journal), teardown.WithRetryFor(5*time.Second))
				} else {
					r, err = d.execute(t.Context(), teardown.WithJournal(&journal), teardown.WithRetryFor(5*time.Second))
				}
				want := &errors.Error{Provider: "fake", Operation: test.method, Target: test.target, Code: test.code}
				all := slices.Collect(errors.All(err))
				if r == nil || r.Outcome != teardown.Blocked || len(all) != 1 || !errors.Is(err, cause) || errors.CodeOf(err) != test.code {
					t.Fatalf("got %+v, %v with %v", r, err, all)
				}
				got := *all[0]
				got.Err = nil
				if diff := cmp.Diff(want, &got); diff != "" {
					t.Errorf("error (-want +got):\n%s", diff)
				}
				if len(r.Steps) > 0 && r.Steps[0].Attempts != test.tries {
					t.Errorf("got %d attempts, want %d", r.Steps[0].Attempts, test.tries)
				}
				// The engine and the callers of a teardown decide in the same way.
				if retried := test.tries > 1; errors.Retryable(err) != retried {
					t.Errorf("Retryable is %t, and the engine made %d attempts", errors.Retryable(err), test.tries)
				}
				if !strings.Contains(journal.String(), `"code":"`+string(test.code)+`"`) {
					t.Errorf("the journal has no code %q:\n%s", test.code, &journal)
				}
				text, err := json.Marshal(r)
				if err != nil {
					t.Fatal(err)
				}
				var stored teardown.Report
				if err := json.Unmarshal(text, &stored); err != nil || errors.CodeOf(stored.Err) != test.code {
					t.Errorf("got %v, %v from %s", stored.Err, err, text)
				}
			})
		})
	}
}

// A driver that breaks its contract breaks it again: the engine does not retry, and neither
// should a caller.
func TestExecute_DriverFaults(t *testing.T) {
	t.Parallel()
	for name, apply := range map[string]func(t *testing.T) (*teardown.Report, error){
		"no plan": func(t *testing.T) (*teardown.Report, error) {
			w := &fakeBlocking{}
			return teardown.Execute(t.Context(), teardown.FromBlocking(planless{w}), w.plan(t), teardown.WithConfirm("Acme"))
		},
		"no plan before the deletion": func(t *testing.T) (*teardown.Report, error) {
			w := &fakeBlocking{steps: stepsOf("a")}
			d := &forgetful{Driver: teardown.FromBlocking(w), after: 1}
			return teardown.Execute(t.Context(), d, w.plan(t), teardown.WithConfirm("Acme"))
		},
		"no plan to make": func(t *testing.T) (*teardown.Report, error) {
			_, err := teardown.NewPlan(t.Context(), teardown.FromBlocking(planless{&fakeBlocking{}}), acme)
			return nil, err
		},
		"text that is not UTF-8": func(t *testing.T) (*teardown.Report, error) {
			_, err := teardown.NewPlan(t.Context(), teardown.FromBlocking(&fakeBlocking{name: "\xff"}), acme)
			return nil, err
		},
		"another number of answers": func(t *testing.T) (*teardown.Report, error) {
			d := newFakeDriver(t, "a")
			d.act = func(string, int) (teardown.Progress, error) { return deletingIn("list", time.Second), nil }
			d.answer = func([]teardown.Progress) []teardown.Progress { return nil }
			return d.execute(t.Context())
		},
		"no state of a step that the read did not find": func(t *testing.T) (*teardown.Report, error) {
			d := newFakeDriver(t, "a", "b")
			p, err := teardown.NewPlan(t.Context(), d, acme)
			if err != nil {
				t.Fatal(err)
			}
			d.steps = stepsOf("a")
			d.answer = func(all []teardown.Progress) []teardown.Progress { return make([]teardown.Progress, len(all)) }
			return teardown.Execute(t.Context(), d, p, teardown.WithConfirm("Acme"))
		},
		"no state before the deletion": func(t *testing.T) (*teardown.Report, error) {
			w := &fakeBlocking{steps: stepsOf("a"), lags: true}
			d := &stateless{Driver: teardown.FromBlocking(w), after: 1}
			return teardown.Execute(t.Context(), d, w.plan(t), teardown.WithConfirm("Acme"))
		},
		"a pending deletion that is not pending": func(t *testing.T) (*teardown.Report, error) {
			d := &pendingDriver{fakeBlocking: &fakeBlocking{}, outcome: teardown.Deleted}
			return teardown.Execute(t.Context(), teardown.FromBlocking(d), d.plan(t), teardown.WithConfirm("Acme"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				r, err := apply(t)
				if errors.CodeOf(err) != errors.DriverFailed || !errors.Is(err, errors.Internal) || errors.Retryable(err) {
					t.Errorf("got %+v, %v", r, err)
				}
				if took := time.Since(start); took > 5*time.Second {
					t.Errorf("the engine retried for %v", took)
				}
			})
		})
	}
}

// stateless returns a state at the first polls only.
type stateless struct {
	teardown.Driver
	after int
}

func (d *stateless) Poll(ctx context.Context, o teardown.Organization, group string, steps []teardown.Step) ([]teardown.Progress, error) {
	if d.after--; d.after < 0 {
		return make([]teardown.Progress, len(steps)), nil
	}
	return d.Driver.Poll(ctx, o, group, steps)
}

// forgetful returns a plan at the first inspections only.
type forgetful struct {
	teardown.Driver
	after int
}

func (d *forgetful) Inspect(ctx context.Context, o teardown.Organization, before *teardown.Plan) (*teardown.Plan, error) {
	if d.after--; d.after < 0 {
		return nil, nil
	}
	return d.Driver.Inspect(ctx, o, before)
}

func TestNewPlan_UntypedError(t *testing.T) {
	t.Parallel()
	cause := errors.New("the disk is full")
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, test := range map[string]struct {
		ctx  context.Context
		err  error
		want errors.Code
	}{
		"untyped":                  {t.Context(), cause, errors.DriverFailed},
		"canceled":                 {canceled, context.Canceled, errors.Canceled},
		"canceled, and not by ctx": {t.Context(), context.Canceled, errors.Internal},
	} {
		w := &fakeBlocking{}
		p := w.plan(t)
		w.inspect = test.err
		_, planErr := teardown.NewPlan(test.ctx, teardown.FromBlocking(w), acme)
		r, err := teardown.Execute(test.ctx, teardown.FromBlocking(w), p, teardown.WithConfirm("Acme"))
		if r != nil {
			t.Errorf("%s: got %+v", name, r)
		}
		for _, err := range []error{planErr, err} {
			e, ok := errors.AsType[*errors.Error](err)
			if !ok || e.Code != test.want || e.Operation != "Inspect" || e.Target != acme.ID || e.Provider != "fake" || !errors.Is(err, test.err) {
				t.Errorf("%s: got %v, want %q", name, err, test.want)
			}
		}
	}
}

// If the answer to the deletion is neither a success nor a refusal, an inspection decides.
func TestExecute_OpenDeletion(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		executed bool
		inspect  error // after the deletion
		code     errors.Code
		status   int
		want     teardown.Outcome
		wantCode errors.Code
	}{
		"executed":                   {true, nil, errors.UnexpectedResponse, 302, teardown.Deleted, ""},
		"executed, and lost":         {true, nil, errors.Unavailable, 0, teardown.Deleted, ""},
		"not executed":               {false, nil, errors.UnexpectedResponse, 302, teardown.Blocked, errors.UnexpectedResponse},
		"executed, and unreadable":   {true, refused(errors.Unavailable), errors.UnexpectedResponse, 302, teardown.Unknown, errors.OutcomeUnknown},
		"refused, and unreadable":    {false, refused(errors.Unavailable), errors.UnexpectedResponse, 404, teardown.Blocked, errors.UnexpectedResponse},
		"refused, without a message": {false, nil, errors.InvalidArgument, 400, teardown.Blocked, errors.InvalidArgument},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &fakeBlocking{}
				p := w.plan(t)
				w.delete = func() (teardown.Deletion, error) {
					w.inspect = test.inspect
					if test.executed && w.inspect == nil {
						w.inspect = &errors.Error{Provider: "fake", Operation: "GetOrganization", Target: p.Organization.ID, Code: errors.OrganizationNotFound}
					}
					return teardown.Deletion{}, &errors.Error{Provider: "fake", Operation: "Delete", Code: test.code, Status: test.status}
				}
				r, err := teardown.Execute(t.Context(), teardown.FromBlocking(w), p, teardown.WithConfirm("Acme"), teardown.WithRetryFor(0))
				if r == nil || r.Outcome != test.want || codeOf(err) != test.wantCode {
					t.Errorf("got %+v, %v, want %s with code %q", r, err, test.want, test.wantCode)
				}
			})
		})
	}
}
