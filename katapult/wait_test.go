package katapult_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/katapult"
	"github.com/offboard-dev/offboard-go/katapult/katapulttest"
	"github.com/offboard-dev/offboard-go/offboardtest"
)

// After the first read, waiters continue with the ID.
func TestWaiters_NameReused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := katapulttest.NewServer()
		addAllKinds(srv)
		c := newClient(t, srv)
		must(t, failure(c.StopVirtualMachine(t.Context(), katapult.ID("vm_1"))))
		renamed := false
		machine, err := c.WaitUntilStopped(t.Context(), katapult.FQDN("web.acme.example.com"), func(*katapult.VirtualMachine) {
			if !renamed {
				renamed = true
				srv.Fail(times(forever, offboardtest.Fault{Operation: "GetVirtualMachine", EditRequest: func(r *http.Request) {
					if r.URL.Query().Has("virtual_machine[fqdn]") {
						t.Error("the name was sent again")
					}
				}}))
			}
		})
		if err != nil || machine.ID != "vm_1" {
			t.Errorf("got %+v and %v", machine, err)
		}

		_, err = trashVolume(t.Context(), c)
		must(t, err)
		must(t, failure(c.PurgeTrash(t.Context(), org)))
		n := len(srv.Requests())
		must(t, c.WaitUntilTrashEmpty(t.Context(), katapult.Subdomain("acme"), nil))
		for _, r := range srv.Requests()[n+1:] {
			if strings.Contains(r.Query, "sub_domain") {
				t.Errorf("%s %s: the name was sent again", r.Operation, r.Query)
			}
		}
		other := katapulttest.NewServer()
		other.Fail(offboardtest.Respond("GetVirtualMachine", 200, `{"virtual_machine":{"id":"vm_other","name":"x","state":"stopped"}}`))
		if _, err := newClient(t, other).WaitUntilStopped(t.Context(), katapult.ID("vm_1"), nil); !errors.Is(err, errors.UnexpectedResponse) {
			t.Errorf("another machine: got %v, want %q", err, errors.UnexpectedResponse)
		}
	})
}

// waiters are all waiters, each with the call that starts its task.
var waiters = map[string]struct {
	start     call
	wait      func(context.Context, *katapult.Client, func()) error
	remaining errors.Step // before the end
	fails     bool        // a failed task ends the wait
}{
	"WaitForTask": {
		start: trashAndPurge,
		wait: func(ctx context.Context, c *katapult.Client, progress func()) error {
			task, err := c.WaitForTask(ctx, "task_1", func(*katapult.Task) { progress() })
			if err == nil && task.Status != katapult.TaskStatusCompleted {
				return errors.New("the task is " + string(task.Status))
			}
			return err
		},
		remaining: errors.Step{Name: "tasks", Description: "Purge items from trash: running, 50 %"},
		fails:     true,
	},
	"WaitUntilStopped": {
		start: func(ctx context.Context, c *katapult.Client) (any, error) {
			return result(c.ShutdownVirtualMachine(ctx, katapult.ID("vm_1")))
		},
		wait: func(ctx context.Context, c *katapult.Client, progress func()) error {
			machine, err := c.WaitUntilStopped(ctx, katapult.ID("vm_1"), func(*katapult.VirtualMachine) { progress() })
			if err == nil && machine.State != katapult.VirtualMachineStateStopped {
				return errors.New("the machine is " + string(machine.State))
			}
			return err
		},
		remaining: errors.Step{Name: "virtual_machines", Description: "web: shutting_down"},
	},
	"WaitUntilPurged": {
		start: trashAndPurge,
		wait: func(ctx context.Context, c *katapult.Client, progress func()) error {
			return c.WaitUntilPurged(ctx, katapult.ID("trsh_1"), func(*katapult.TrashObject) { progress() })
		},
		remaining: errors.Step{Name: "empty_trash", Description: "FileStorageVolume fsv_1: in the trash"},
	},
	"WaitUntilTrashEmpty": {
		start: trashAndPurge,
		wait: func(ctx context.Context, c *katapult.Client, progress func()) error {
			return c.WaitUntilTrashEmpty(ctx, katapult.ID("org_acme"), func([]katapult.TrashObject) { progress() })
		},
		remaining: errors.Step{Name: "empty_trash", Description: "FileStorageVolume fsv_1: in the trash"},
	},
}

func trashAndPurge(ctx context.Context, c *katapult.Client) (any, error) {
	if _, err := trashVolume(ctx, c); err != nil {
		return nil, err
	}
	return result(c.PurgeTrash(ctx, katapult.ID("org_acme")))
}

func TestWaiters_Done(t *testing.T) {
	t.Parallel()
	for name, test := range waiters {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := katapulttest.NewServer()
				addAllKinds(srv)
				srv.SetTaskTime(time.Minute)
				c := newClient(t, srv)
				if _, err := test.start(t.Context(), c); err != nil {
					t.Fatal(err)
				}
				startedAt, calls := time.Now(), 0
				if err := test.wait(t.Context(), c, func() { calls++ }); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(startedAt); took < time.Minute || took > 80*time.Second {
					t.Errorf("took %v, want 60 to 80 s", took)
				}
				if calls < 3 {
					t.Errorf("progress was called %d times", calls)
				}
			})
		})
	}
}

func TestWaiters_ContextEnds(t *testing.T) {
	t.Parallel()
	for name, test := range waiters {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := katapulttest.NewServer()
				addAllKinds(srv)
				srv.SetTaskTime(time.Hour)
				c := newClient(t, srv)
				if _, err := test.start(t.Context(), c); err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 40*time.Minute)
				defer cancel()
				err := test.wait(ctx, c, func() {})
				e, _ := errors.AsType[*errors.Error](err)
				if e == nil || e.Code != errors.NotFinished || e.Operation != name || !errors.Is(err, context.DeadlineExceeded) {
					t.Fatalf("got %v, want %q", err, errors.NotFinished)
				}
				if diff := cmp.Diff([]errors.Step{test.remaining}, e.Steps); diff != "" {
					t.Errorf("steps (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestWaiters_FailedTask(t *testing.T) {
	t.Parallel()
	for name, test := range waiters {
		if !test.fails {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := katapulttest.NewServer()
				addAllKinds(srv)
				srv.FailTasks(1)
				c := newClient(t, srv)
				if _, err := test.start(t.Context(), c); err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				err := test.wait(ctx, c, func() {})
				if e, _ := errors.AsType[*errors.Error](err); e == nil || e.Code != errors.TaskFailed || len(e.Steps) != 1 || errors.Retryable(err) {
					t.Errorf("got %v, want %q", err, errors.TaskFailed)
				}
				if _, err := c.GetTrashObject(t.Context(), katapult.ID("trsh_1")); err != nil {
					t.Errorf("the object is not in the trash: %v", err)
				}
			})
		})
	}
}

func TestWaitUntilStopped_FailedOrOrphaned(t *testing.T) {
	t.Parallel()
	for _, state := range []katapult.VirtualMachineState{katapult.VirtualMachineStateFailed, katapult.VirtualMachineStateOrphaned} {
		srv := katapulttest.NewServer()
		srv.AddOrganization(katapulttest.Organization{ID: "org_acme"})
		srv.Add("org_acme", katapulttest.VirtualMachine{ID: "vm_1", State: state})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		_, err := newClient(t, srv).WaitUntilStopped(ctx, katapult.ID("vm_1"), nil)
		cancel()
		if e, _ := errors.AsType[*errors.Error](err); e == nil || e.Code != errors.TaskFailed || e.Target != "vm_1" {
			t.Errorf("%s: got %v, want %q", state, err, errors.TaskFailed)
		}
	}
}

// A retryable error of a read does not end the wait, but a missing scope does.
func TestWaitUntilPurged_RetryableErrors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := katapulttest.NewServer()
		addAllKinds(srv)
		c := newClient(t, srv, katapult.WithRetry(katapult.Retry{MaxAttempts: 1, MaxWait: time.Minute}))
		if _, err := trashAndPurge(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		unavailable := answer(503, `{"error":{"code":"service_unavailable"}}`)
		unavailable.Times = 2
		srv.Fail(unavailable)
		if err := c.WaitUntilPurged(t.Context(), katapult.ObjectID("fsv_1"), nil); err != nil {
			t.Error(err)
		}
		srv.Fail(answer(403, `{"error":{"code":"scope_not_granted"}}`))
		if err := c.WaitUntilPurged(t.Context(), katapult.ObjectID("fsv_1"), nil); !errors.Is(err, errors.ScopeNotGranted) {
			t.Errorf("got %v, want %q", err, errors.ScopeNotGranted)
		}
	})
}

// A 404 without Katapult's own code does not prove that the object was purged.
func TestWaitUntilPurged_RouteNotFound(t *testing.T) {
	t.Parallel()
	srv := katapulttest.NewServer()
	srv.Fail(answer(404, `{"error":{"code":"route_not_found"}}`))
	if err := newClient(t, srv).WaitUntilPurged(t.Context(), katapult.ObjectID("vm_1"), nil); !errors.Is(err, errors.RouteNotFound) {
		t.Errorf("got %v, want %q", err, errors.RouteNotFound)
	}
}
