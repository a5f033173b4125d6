package resource_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/resource"
	"github.com/offboard-dev/offboard-go/internal/trace"
	"github.com/offboard-dev/offboard-go/teardown"
)

var acme = teardown.Organization{ID: "org_1", Name: "Acme"}

// fake is a provider with a table of one kind. Functions determine the phases of its resources.
type fake struct {
	t    *testing.T
	kind resource.Kind[string]
	d    *resource.Driver[string]

	reads   func(id string, n int) (resource.Item, error) // the nth read of a resource
	task    func(id string, n int) (resource.Task, error) // the nth read of a task
	sends   func(what string, n int) (resource.Response, error)
	lists   func(n int) ([]*resource.Item, error)
	removed func(context.Context) // called by Remove
	calls   []string
	counts  map[string]int
	start   time.Time
}

func newFake(t *testing.T, kind resource.Kind[string]) *fake {
	f := &fake{t: t, kind: kind, counts: map[string]int{}, start: time.Now()}
	f.kind.Name = "resource"
	f.kind.Read = func(_ context.Context, id string) (resource.Item, error) {
		n := f.note("read " + id)
		if f.reads == nil {
			return resource.Item{Text: id + " exists"}, nil
		}
		return f.reads(id, n)
	}
	send := func(what string) (resource.Response, error) {
		n := f.note(what)
		if f.sends == nil {
			return resource.Response{}, nil
		}
		return f.sends(what, n)
	}
	f.kind.Remove = func(ctx context.Context, id string, i resource.Item) (resource.Response, error) {
		if f.removed != nil {
			defer f.removed(ctx)
		}
		return send(strings.TrimSpace("remove " + id + " " + fmt.Sprint(or(i.Value, ""))))
	}
	if kind.Purge != nil {
		f.kind.Purge = func(_ context.Context, id string, _ resource.Item, trash string) (resource.Response, error) {
			return send(strings.TrimSpace("purge " + id + " " + trash))
		}
	}
	if kind.Scope != nil {
		f.kind.List = func(_ context.Context, ids []string) ([]*resource.Item, error) {
			n := f.note("list " + strings.Join(ids, " "))
			if f.lists == nil {
				return make([]*resource.Item, len(ids)), nil
			}
			return f.lists(n)
		}
	}
	f.d = resource.New(&resource.Table[string]{
		Provider: "fake", Kinds: []resource.Kind[string]{f.kind},
		Task:        func(_ context.Context, id string) (resource.Task, error) { return f.task(id, f.note("task "+id)) },
		NothingToDo: func(err error) bool { return errors.Is(err, errors.ObjectInTrash) },
	}, func(_ teardown.Organization, s teardown.Step) (string, error) {
		if !strings.HasPrefix(s.ID, "resource/") {
			return "", &errors.Error{Code: errors.InvalidArgument}
		}
		return strings.TrimPrefix(s.ID, "resource/"), nil
	})
	return f
}

func or(v, otherwise any) any {
	if v == nil {
		return otherwise
	}
	return v
}

// note records a call, and returns how many times it was made.
func (f *fake) note(call string) int {
	f.calls = append(f.calls, call)
	f.counts[call]++
	return f.counts[call]
}

func step(id string) teardown.Step {
	return teardown.Step{ID: "resource/" + id, Kind: "resource", Name: id, Why: "it exists", Removal: "DELETE"}
}

func (f *fake) act(id string) (teardown.Progress, error) {
	return f.d.Act(f.t.Context(), acme, step(id))
}

func (f *fake) poll(group string, ids ...string) ([]teardown.Progress, error) {
	var steps []teardown.Step
	for _, id := range ids {
		steps = append(steps, step(id))
	}
	return f.d.Poll(f.t.Context(), acme, group, steps)
}

// mustAct acts, and fails the test unless the progress has the state want.
func (f *fake) mustAct(id string, want teardown.ProgressState) teardown.Progress {
	f.t.Helper()
	p, err := f.act(id)
	if err != nil || p.State != want {
		f.t.Fatalf("act: got %+v, %v, want state %d; calls %q", p, err, want, f.calls)
	}
	return p
}

// mustPoll polls a single step, and fails the test unless the progress has the state want.
func (f *fake) mustPoll(id string, want teardown.ProgressState) teardown.Progress {
	f.t.Helper()
	all, err := f.poll("", id)
	if err != nil || len(all) != 1 || all[0].State != want {
		f.t.Fatalf("poll after %v: got %+v, %v, want state %d; calls %q", time.Since(f.start), all, err, want, f.calls)
	}
	return all[0]
}

// want fails the test unless these are the calls since its last call, in order.
func (f *fake) want(calls ...string) {
	f.t.Helper()
	if diff := cmp.Diff(calls, f.calls); diff != "" {
		f.t.Errorf("calls (-want +got):\n%s", diff)
	}
	f.calls = nil
}

func (f *fake) in(d time.Duration) {
	time.Sleep(d)
}

func item(p resource.Phase) func(string, int) (resource.Item, error) {
	return func(id string, _ int) (resource.Item, error) { return resource.Item{Phase: p, Text: id}, nil }
}

// phases returns the phases in order, and then the last one again.
func phases(all ...resource.Phase) func(string, int) (resource.Item, error) {
	return func(id string, n int) (resource.Item, error) {
		p := all[min(n, len(all))-1]
		return resource.Item{Phase: p, Text: fmt.Sprintf("%s %d", id, p)}, nil
	}
}

func bubble(t *testing.T, kind resource.Kind[string], test func(*fake)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(newFake(t, kind)) })
}

func refused(code errors.Code) error {
	return &errors.Error{Provider: "fake", Operation: "DeleteResource", Code: code, Status: 400}
}

func scope(string) string { return "all" }

// purges is the Purge of a kind that has a trash.
func purges(context.Context, string, resource.Item, string) (resource.Response, error) {
	return resource.Response{}, nil
}

const (
	exists   = teardown.ProgressExists
	deleting = teardown.ProgressDeleting
	ready    = teardown.ProgressReady
	notFound = teardown.ProgressNotFound
)

// A resource is read before it is removed, unless a poll has just read it. The maximum age of
// that read depends on whether the name is reusable.
func TestAct_ItemAge(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		named bool
		after time.Duration
		reads int
	}{
		"by ID, at once":       {false, 0, 1},
		"by ID, later":         {false, 2 * time.Minute, 1},
		"by ID, much later":    {false, 2*time.Minute + time.Second, 2},
		"by name, at once":     {true, 0, 1},
		"by name, later":       {true, 10 * time.Second, 1},
		"by name, a bit later": {true, 11 * time.Second, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, resource.Kind[string]{ReusableName: test.named}, func(f *fake) {
				f.mustPoll("a", ready)
				f.in(test.after)
				f.mustAct("a", deleting)
				if f.counts["read a"] != test.reads || f.counts["remove a"] != 1 {
					t.Errorf("calls %q, want %d reads", f.calls, test.reads)
				}
				// The act used a read that was not recent.
				f.mustAct("a", deleting)
				if f.counts["read a"] != test.reads+1 {
					t.Errorf("calls %q", f.calls)
				}
			})
		})
	}
}

// Act removes the resource that a read has just found under the step's identity.
func TestAct_RecreatedResource(t *testing.T) {
	t.Parallel()
	bubble(t, resource.Kind[string]{ReusableName: true}, func(f *fake) {
		f.reads = func(string, int) (resource.Item, error) {
			if time.Since(f.start) > time.Minute {
				return resource.Item{Phase: resource.NotFound}, nil // another one has the name
			}
			return resource.Item{Value: "uid_1"}, nil
		}
		f.mustPoll("a", ready)
		f.in(2 * time.Minute)
		f.mustAct("a", notFound)
		f.want("read a", "read a")
	})
	// The item of the read is given to the removal.
	bubble(t, resource.Kind[string]{ReusableName: true}, func(f *fake) {
		f.reads = func(string, int) (resource.Item, error) { return resource.Item{Value: "uid_1"}, nil }
		f.mustAct("a", deleting)
		f.want("read a", "remove a uid_1")
	})
}

// No removal follows a read that failed or that did not identify the resource.
func TestAct_UnclearRead(t *testing.T) {
	t.Parallel()
	for _, code := range []errors.Code{errors.UnexpectedResponse, errors.PermissionDenied, errors.Unavailable, errors.NotFound} {
		bubble(t, resource.Kind[string]{}, func(f *fake) {
			f.reads = func(string, int) (resource.Item, error) { return resource.Item{}, refused(code) }
			if p := f.mustAct("a", exists); !errors.Is(p.Err, code) {
				t.Errorf("got %v", p.Err)
			}
			f.want("read a")
			if _, err := f.poll("", "a"); !errors.Is(err, code) {
				t.Errorf("got %v", err)
			}
			// Nor is the item of an earlier read acted upon.
			f.reads = nil
			f.mustPoll("a", ready)
			f.reads = func(string, int) (resource.Item, error) { return resource.Item{}, refused(code) }
			if _, err := f.poll("", "a"); err == nil {
				t.Error("no error")
			}
			f.calls = nil
		})
	}
}

// A removal is sent without a read only if its name can never belong to another resource, and
// only once.
func TestAct_SkipFirstRead(t *testing.T) {
	t.Parallel()
	bubble(t, resource.Kind[string]{SkipFirstRead: func(id string) bool { return id == "a" }}, func(f *fake) {
		f.mustAct("a", deleting)
		f.mustAct("b", deleting)
		f.want("remove a", "read b", "remove b")
		f.mustAct("a", deleting) // another attempt
		f.want("read a", "remove a")
	})
}

// The progress has the provider's ID of the last request.
func TestAct_RequestID(t *testing.T) {
	t.Parallel()
	bubble(t, resource.Kind[string]{}, func(f *fake) {
		f.removed = func(ctx context.Context) { trace.Of(ctx).Note("r-1") }
		if p, err := f.act("a"); err != nil || p.RequestID != "r-1" {
			t.Errorf("got %+v, %v", p, err)
		}
	})
}

func TestAct_Phases(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		phase resource.Phase
		purge bool
		want  teardown.ProgressState
		code  errors.Code
		calls []string
	}{
		"present":               {resource.Exists, false, deleting, "", []string{"read a", "remove a"}},
		"changing":              {resource.Changing, false, deleting, "", []string{"read a", "remove a"}},
		"deleting already":      {resource.Deleting, false, deleting, "", []string{"read a"}},
		"absent":                {resource.NotFound, false, notFound, "", []string{"read a"}},
		"in the trash":          {resource.InTrash, true, deleting, "", []string{"read a", "purge a"}},
		"in a trash of no kind": {resource.InTrash, false, 0, errors.UnexpectedResponse, []string{"read a"}},
		"failed before":         {resource.Failed, false, deleting, "", []string{"read a", "remove a"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kind := resource.Kind[string]{}
			if test.purge {
				kind.Purge = purges
			}
			bubble(t, kind, func(f *fake) {
				f.reads = item(test.phase)
				p, err := f.act("a")
				if p.State != test.want || (err != nil) != (test.code != "") || test.code != "" && !errors.Is(err, test.code) {
					t.Errorf("got %+v, %v", p, err)
				}
				f.want(test.calls...)
			})
		})
	}
}

// A resource that is being deleted is not removed, unless its deletion stops.
func TestPoll_DeletingAtFirst(t *testing.T) {
	t.Parallel()
	bubble(t, resource.Kind[string]{}, func(f *fake) {
		f.reads = phases(resource.Deleting, resource.Deleting, resource.Deleting, resource.Deleting, resource.Deleting, resource.Deleting, resource.Deleting, resource.Failed, resource.Failed)
		f.mustAct("a", deleting)
		for range 6 {
			f.in(time.Minute)
			f.mustPoll("a", deleting)
		}
		f.mustPoll("a", exists)
		if f.counts["remove a"] != 0 {
			t.Errorf("calls %q", f.calls)
		}
		f.mustAct("a", deleting) // another attempt
		if f.counts["remove a"] != 1 {
			t.Errorf("calls %q", f.calls)
		}
	})
}

// If a removal failed before the act, the removal is requested again. If it fails after the
// act, the attempt ends with the reason.
func TestPoll_Failed(t *testing.T) {
	t.Parallel()
	bubble(t, resource.Kind[string]{}, func(f *fake) {
		f.reads = func(string, int) (resource.Item, error) {
			return resource.Item{Phase: resource.Failed, Err: refused(errors.TaskFailed)}, nil
		}
		f.mustPoll("a", ready)
		f.mustAct("a", deleting)
		if p := f.mustPoll("a", exists); !errors.Is(p.Err, errors.TaskFailed) {
			t.Errorf("got %v", p.Err)
		}
		f.want("read a", "remove a", "read a")
		// Each attempt counts its own repeats.
		f.reads = nil
		for range 2 {
			f.mustAct("a", deleting)
			sent := 1
			for range 40 {
				f.in(15 * time.Second)
				if all, _ := f.poll("", "a"); all[0].State == ready {
					f.mustAct("a", deleting)
					sent++
				}
			}
			if sent != 1+3 {
				t.Errorf("sent %d times", sent)
			}
			f.reads = item(resource.Failed)
			f.mustPoll("a", exists)
			f.reads = nil
		}
	})
}

// A removal that never starts is sent again, at most three times, and not while it may still
// start.
func TestPoll_Repeats(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		interval time.Duration
		patience int
		polls    []int // until each repeat
	}{
		"slow polls":       {15 * time.Second, 0, []int{4, 4, 4}},
		"fast polls":       {time.Second, 0, []int{10, 10, 10}},
		"more reads":       {15 * time.Second, 7, []int{7, 7, 7}},
		"less, fast polls": {2 * time.Second, 1, []int{5, 5, 5}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, resource.Kind[string]{RepeatAfterReads: test.patience}, func(f *fake) {
				f.mustAct("a", deleting)
				for _, polls := range test.polls {
					for range polls - 1 {
						f.in(test.interval)
						f.mustPoll("a", deleting)
					}
					f.in(test.interval)
					f.mustPoll("a", ready)
					f.mustAct("a", deleting)
				}
				for range 50 {
					f.in(test.interval)
					f.mustPoll("a", deleting)
				}
				if f.counts["remove a"] != 4 {
					t.Errorf("removed %d times", f.counts["remove a"])
				}
			})
		})
	}
	// One that looks different, is being deleted or changes is not unchanged.
	for _, p := range []resource.Phase{resource.Deleting, resource.Changing, resource.Exists} {
		bubble(t, resource.Kind[string]{}, func(f *fake) {
			f.reads = func(_ string, n int) (resource.Item, error) {
				i := resource.Item{Phase: p, Text: "x"}
				if n > 1 && p == resource.Exists {
					i.Text = fmt.Sprint(n)
				}
				return i, nil
			}
			f.mustAct("a", deleting)
			for range 30 {
				f.in(15 * time.Second)
				f.mustPoll("a", deleting)
			}
			if want := 1; f.counts["remove a"] > want {
				t.Errorf("phase %d: removed %d times", p, f.counts["remove a"])
			}
		})
	}
}

// The answer to a repeated request proves nothing about the first one.
func TestAct_AnswerToARepeat(t *testing.T) {
	t.Parallel()
	for _, code := range []errors.Code{errors.NotFound, errors.Conflict, errors.OutcomeUnknown, errors.Unavailable, errors.ObjectInTrash, errors.PermissionDenied} {
		bubble(t, resource.Kind[string]{}, func(f *fake) {
			f.sends = func(_ string, n int) (resource.Response, error) {
				if n == 1 {
					return resource.Response{}, nil
				}
				return resource.Response{}, refused(code)
			}
			f.mustAct("a", deleting)
			for range 3 {
				f.in(15 * time.Second)
				f.mustPoll("a", deleting)
			}
			f.in(15 * time.Second)
			f.mustPoll("a", ready)
			p, err := f.act("a")
			if code == errors.PermissionDenied {
				if !errors.Is(err, code) {
					t.Errorf("%s: got %+v, %v", code, p, err)
				}
				f.mustPoll("a", exists)
				return
			}
			if err != nil || p.State != deleting || !p.Next.Now {
				t.Errorf("%s: got %+v, %v", code, p, err)
			}
			f.reads = item(resource.NotFound)
			f.mustPoll("a", notFound)
		})
	}
}

// The refusal of a request that would change nothing proves nothing: if the resource still
// exists, the refusal is the error of the attempt.
func TestAct_NothingToDo(t *testing.T) {
	t.Parallel()
	for _, code := range []errors.Code{errors.NotFound, errors.ObjectInTrash} {
		bubble(t, resource.Kind[string]{}, func(f *fake) {
			f.sends = func(string, int) (resource.Response, error) { return resource.Response{}, refused(code) }
			if p := f.mustAct("a", deleting); !p.Next.Now {
				t.Errorf("got %+v", p)
			}
			for range 40 {
				f.in(15 * time.Second)
				all, err := f.poll("", "a")
				switch {
				case err != nil:
					t.Fatal(err)
				case all[0].State == ready:
					f.mustAct("a", deleting)
				case all[0].State == exists:
					if !errors.Is(all[0].Err, code) || f.counts["remove a"] != 4 {
						t.Errorf("got %v after %d removals", all[0].Err, f.counts["remove a"])
					}
					return
				}
			}
			t.Error("the loop does not end")
		})
	}
}

// The refusal of an act is the error of the attempt if the resource exists. If the resource is
// being deleted, the step waits.
func TestPoll_AfterARefusal(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		phase resource.Phase
		want  teardown.ProgressState
	}{{resource.Exists, exists}, {resource.Changing, exists}, {resource.Failed, exists}, {resource.Deleting, deleting}, {resource.InTrash, ready}, {resource.NotFound, notFound}} {
		bubble(t, resource.Kind[string]{Purge: purges}, func(f *fake) {
			f.sends = func(string, int) (resource.Response, error) {
				return resource.Response{}, refused(errors.PermissionDenied)
			}
			if _, err := f.act("a"); !errors.Is(err, errors.PermissionDenied) {
				t.Fatal(err)
			}
			f.reads = item(test.phase)
			f.mustPoll("a", test.want)
			// A refusal ends one attempt only.
			f.sends, f.reads = nil, nil
			if test.want == exists {
				f.mustAct("a", deleting)
				f.mustPoll("a", deleting)
			}
		})
	}
	// A purge that is refused.
	bubble(t, resource.Kind[string]{Purge: purges}, func(f *fake) {
		f.reads = item(resource.InTrash)
		f.sends = func(string, int) (resource.Response, error) {
			return resource.Response{}, refused(errors.PermissionDenied)
		}
		if _, err := f.act("a"); !errors.Is(err, errors.PermissionDenied) {
			t.Fatal(err)
		}
		f.mustPoll("a", exists)
	})
}

// An undocumented answer is not a refusal; an answer about another resource is.
func TestAct_UnexpectedAnswer(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err  *errors.Error
		fine bool
	}{
		"202":              {&errors.Error{Code: errors.UnexpectedResponse, Status: 202, Operation: "DeleteResource"}, true},
		"302":              {&errors.Error{Code: errors.UnexpectedResponse, Status: 302, Operation: "DeleteResource"}, true},
		"404":              {&errors.Error{Code: errors.UnexpectedResponse, Status: 404, Operation: "DeleteResource"}, false},
		"none":             {&errors.Error{Code: errors.UnexpectedResponse, Operation: "DeleteResource"}, false},
		"another resource": {&errors.Error{Code: errors.UnexpectedResponse, Status: 200, Operation: "Teardown"}, false},
		"another code":     {&errors.Error{Code: errors.Internal, Status: 200, Operation: "DeleteResource"}, false},
	} {
		bubble(t, resource.Kind[string]{}, func(f *fake) {
			f.sends = func(string, int) (resource.Response, error) { return resource.Response{}, test.err }
			if _, err := f.act("a"); (err == nil) != test.fine {
				t.Errorf("%s: got %v", name, err)
			}
		})
	}
}

// A resource that is deleted at once is polled at once, and a read proves its absence.
func TestAct_PollAtOnce(t *testing.T) {
	t.Parallel()
	bubble(t, resource.Kind[string]{PollAtOnce: true, Expect: time.Minute}, func(f *fake) {
		if p := f.mustAct("a", deleting); !p.Next.Now || p.Next.Expect != 0 {
			t.Errorf("got %+v", p)
		}
		if p := f.mustPoll("a", deleting); p.Next.Now {
			t.Errorf("got %+v", p)
		}
		f.reads = item(resource.NotFound)
		f.mustPoll("a", notFound)
		f.want("read a", "remove a", "read a", "read a")
	})
	bubble(t, resource.Kind[string]{Expect: time.Minute}, func(f *fake) {
		if p := f.mustAct("a", deleting); p.Next.Now || p.Next.Expect != time.Minute || p.Next.Class != "resource removal" {
			t.Errorf("got %+v", p)
		}
	})
	// A removal that is sent again is not done at once.
	bubble(t, resource.Kind[string]{PollAtOnce: true}, func(f *fake) {
		f.mustAct("a", deleting)
		for range 4 {
			f.in(15 * time.Second)
			_, _ = f.poll("", "a")
		}
		if p := f.mustAct("a", deleting); p.Next.Now {
			t.Errorf("got %+v", p)
		}
	})
}

func here(ids ...string) []*resource.Item {
	items := make([]*resource.Item, len(ids))
	for i, id := range ids {
		if id != "" {
			items[i] = &resource.Item{Phase: resource.Deleting, Text: id}
		}
	}
	return items
}

// A list shows the state of each resource that it contains. A read proves the absence of the
// others.
func TestPoll_List(t *testing.T) {
	t.Parallel()
	bubble(t, resource.Kind[string]{Scope: scope}, func(f *fake) {
		ids := []string{"a", "b", "c"}
		for _, id := range ids {
			if p := f.mustAct(id, deleting); p.Next.Group != "resource all" {
				t.Errorf("got %+v", p)
			}
		}
		f.calls = nil
		f.lists = func(int) ([]*resource.Item, error) { return here("a", "", "c"), nil }
		all, err := f.poll("resource all", ids...)
		if err != nil || all[0].State != deleting || all[0].Next.Now || all[0].Next.Group == "" || all[1].State != deleting || !all[1].Next.Now || all[1].Next.Group != "" {
			t.Errorf("got %+v, %v", all, err)
		}
		f.want("list a b c")
		// It may have moved to another page.
		f.reads = item(resource.Deleting)
		if p := f.mustPoll("b", deleting); p.Next.Group != "resource all" {
			t.Errorf("got %+v", p)
		}
		f.reads = item(resource.NotFound)
		f.mustPoll("b", notFound)
		f.want("read b", "read b")
		// A list that proves that a resource does not exist says so.
		f.lists = func(int) ([]*resource.Item, error) {
			return []*resource.Item{{Phase: resource.NotFound}, {Phase: resource.NotFound}, {}}, nil
		}
		if all, err = f.poll("resource all", ids...); err != nil || all[0].State != notFound || all[1].State != notFound || all[2].State != deleting {
			t.Errorf("got %+v, %v", all, err)
		}
		f.want("list a b c")
		// For two resources a list is not worth it.
		f.reads = item(resource.Deleting)
		if all, err = f.poll("resource all", "a", "b"); err != nil || all[0].State == notFound || all[1].State == notFound {
			t.Errorf("got %+v, %v", all, err)
		}
		f.want("read a", "read b")
	})
}

// The age of a resource that a list shows starts at the start of the poll.
func TestPoll_AgeOfAList(t *testing.T) {
	t.Parallel()
	bubble(t, resource.Kind[string]{Scope: scope, ReusableName: true}, func(f *fake) {
		f.lists = func(int) ([]*resource.Item, error) {
			f.in(11 * time.Second)
			return []*resource.Item{{}, {}, {}}, nil
		}
		all, err := f.poll("resource all", "a", "b", "c")
		if err != nil || all[0].State != ready {
			t.Fatalf("got %+v, %v", all, err)
		}
		f.mustAct("a", deleting)
		f.want("list a b c", "read a", "remove a")
	})
}

func TestPoll_ListFirst(t *testing.T) {
	t.Parallel()
	bubble(t, resource.Kind[string]{Scope: scope, ListFirst: true, Expect: time.Minute}, func(f *fake) {
		ids := []string{"a", "b", "c"}
		for _, id := range ids {
			if p := f.mustAct(id, deleting); p.Next.Group != "resource all" || p.Next.Expect != 0 || p.Next.Now {
				t.Errorf("got %+v", p)
			}
		}
		f.want()
		f.lists = func(int) ([]*resource.Item, error) {
			return []*resource.Item{{Phase: resource.NotFound}, {Text: "b"}, nil}, nil
		}
		all, err := f.poll("resource all", ids...)
		if err != nil || all[0].State != notFound || all[1].State != ready || all[2].State != deleting || !all[2].Next.Now {
			t.Errorf("got %+v, %v", all, err)
		}
		f.mustAct("b", deleting)
		f.want("list a b c", "remove b")
		f.mustPoll("c", ready)
		f.mustAct("c", deleting)
		f.want("read c", "remove c")
		// Another attempt reads by itself.
		f.mustAct("b", deleting)
		f.want("read b", "remove b")
	})
}

// A list that contradicts itself is read again, a limited number of times: then each resource
// is read by itself.
func TestPoll_ContradictoryList(t *testing.T) {
	t.Parallel()
	bubble(t, resource.Kind[string]{Scope: scope}, func(f *fake) {
		ids := []string{"a", "b", "c"}
		for _, id := range ids {
			f.mustAct(id, deleting)
		}
		f.reads = item(resource.NotFound)
		f.lists = func(n int) ([]*resource.Item, error) { return nil, refused(errors.UnexpectedResponse) }
		for range 5 {
			f.calls = nil
			all, err := f.poll("resource all", ids...)
			if err != nil || slices.ContainsFunc(all, func(p teardown.Progress) bool { return p.State != deleting || p.Next.Group == "" }) {
				t.Fatalf("got %+v, %v", all, err)
			}
			f.want("list a b c")
		}
		all, err := f.poll("resource all", ids...)
		if err != nil || slices.ContainsFunc(all, func(p teardown.Progress) bool { return p.State != notFound && !p.Next.Now }) {
			t.Fatalf("got %+v, %v", all, err)
		}
		// One good list in between starts the count again.
		for i := range 12 {
			f.lists = func(int) ([]*resource.Item, error) { return nil, refused(errors.UnexpectedResponse) }
			if i%4 == 3 {
				f.lists = func(int) ([]*resource.Item, error) { return here(ids...), nil }
			}
			if all, err := f.poll("resource all", ids...); err != nil || all[0].State != deleting || all[0].Next.Group == "" {
				t.Fatalf("%d: got %+v, %v", i, all, err)
			}
		}
		// Any other error is that of the poll.
		f.lists = func(int) ([]*resource.Item, error) { return nil, refused(errors.Unavailable) }
		if _, err := f.poll("resource all", ids...); !errors.Is(err, errors.Unavailable) {
			t.Errorf("got %v", err)
		}
	})
}

// A failed read of one resource proves nothing about it or about the others.
func TestPoll_ErrorsOfSingleReads(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		code errors.Code
		want teardown.ProgressState
	}{{errors.Unavailable, deleting}, {errors.RateLimitReached, deleting}, {errors.PermissionDenied, exists}, {errors.UnexpectedResponse, exists}} {
		bubble(t, resource.Kind[string]{Scope: scope}, func(f *fake) {
			f.mustAct("a", deleting)
			f.mustAct("b", deleting)
			f.reads = func(id string, _ int) (resource.Item, error) {
				if id == "a" {
					return resource.Item{}, refused(test.code)
				}
				return resource.Item{Phase: resource.NotFound}, nil
			}
			all, err := f.poll("resource all", "a", "b")
			if err != nil || all[0].State != test.want || test.want == exists && !errors.Is(all[0].Err, test.code) || all[1].State != notFound {
				t.Errorf("%s: got %+v, %v", test.code, all, err)
			}
			// Of one step it is that of the poll.
			if _, err := f.poll("resource all", "a"); !errors.Is(err, test.code) {
				t.Errorf("%s: got %v", test.code, err)
			}
		})
	}
	// The item of an earlier read is not acted upon then.
	bubble(t, resource.Kind[string]{Scope: scope}, func(f *fake) {
		f.mustPoll("a", ready)
		f.reads = func(id string, _ int) (resource.Item, error) {
			if id == "a" {
				return resource.Item{}, refused(errors.PermissionDenied)
			}
			return resource.Item{}, nil
		}
		if all, err := f.poll("resource all", "a", "b"); err != nil || all[0].State != exists {
			t.Fatalf("got %+v, %v", all, err)
		}
		f.calls = nil
		f.mustAct("a", exists)
		f.want("read a")
	})
}

// taskOf is a removal that has a task.
func taskOf(string, int) (resource.Response, error) { return resource.Response{Task: "task_1"}, nil }

// While a task makes progress, the request is not sent again.
func TestPoll_TaskContinues(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text    func(n int) string
		removed int
	}{
		"with progress":    {func(n int) string { return fmt.Sprint(n) }, 1},
		"without progress": {func(int) string { return "running" }, 4},
	} {
		bubble(t, resource.Kind[string]{}, func(f *fake) {
			f.sends = taskOf
			f.task = func(_ string, n int) (resource.Task, error) { return resource.Task{Text: test.text(n)}, nil }
			f.mustAct("a", deleting)
			for range 120 {
				f.in(5 * time.Second)
				if all, err := f.poll("", "a"); err != nil {
					t.Fatal(err)
				} else if all[0].State == ready {
					f.mustAct("a", deleting)
				}
			}
			if f.counts["remove a"] != test.removed {
				t.Errorf("%s: removed %d times", name, f.counts["remove a"])
			}
		})
	}
}

// A task is read rarely, and not before it is 8 s old.
func TestPoll_ReadsOfATask(t *testing.T) {
	t.Parallel()
	bubble(t, resource.Kind[string]{}, func(f *fake) {
		f.sends = taskOf
		f.task = func(_ string, n int) (resource.Task, error) { return resource.Task{Text: fmt.Sprint(n)}, nil }
		f.mustAct("a", deleting)
		f.calls = nil
		var at []time.Duration
		for range 15 {
			f.in(2 * time.Second)
			n := f.counts["task task_1"]
			f.mustPoll("a", deleting)
			if f.counts["task task_1"] > n {
				at = append(at, time.Since(f.start))
			}
		}
		if diff := cmp.Diff([]time.Duration{8 * time.Second, 14 * time.Second, 20 * time.Second, 26 * time.Second}, at); diff != "" {
			t.Errorf("reads of the task (-want +got):\n%s", diff)
		}
	})
	// A poll of many resources reads four of their tasks.
	bubble(t, resource.Kind[string]{Scope: scope}, func(f *fake) {
		f.sends = func(what string, _ int) (resource.Response, error) { return resource.Response{Task: what}, nil }
		f.task = func(string, int) (resource.Task, error) { return resource.Task{}, nil }
		ids := []string{"a", "b", "c", "d", "e", "f"}
		for _, id := range ids {
			f.mustAct(id, deleting)
		}
		f.lists = func(int) ([]*resource.Item, error) { return []*resource.Item{{}, {}, {}, {}, {}, {}}, nil }
		for range 2 {
			f.in(10 * time.Second)
			f.calls = nil
			if _, err := f.poll("resource all", ids...); err != nil {
				t.Fatal(err)
			}
		}
		f.want("list a b c d e f", "task remove a", "task remove b", "task remove c", "task remove d")
		// Then the others.
		f.calls = nil
		_, _ = f.poll("resource all", ids...)
		f.want("list a b c d e f", "task remove e", "task remove f")
	})
}

// The failure of a task counts only if the resource exists after it.
func TestPoll_TaskFinished(t *testing.T) {
	t.Parallel()
	failed := resource.Task{Finished: true, Failed: true, Text: "purge failed"}
	for name, test := range map[string]struct {
		task  resource.Task
		err   error
		then  func(string, int) (resource.Item, error) // reads after that of the task
		want  []teardown.ProgressState                 // of the polls from that on
		tasks int
	}{
		"failed, exists":       {failed, nil, item(resource.Exists), []teardown.ProgressState{exists}, 1},
		"failed, in the trash": {failed, nil, item(resource.InTrash), []teardown.ProgressState{exists}, 1},
		"failed, deleted":      {failed, nil, item(resource.NotFound), []teardown.ProgressState{deleting, notFound}, 1},
		"failed, unread": {failed, nil, func(string, int) (resource.Item, error) {
			return resource.Item{}, refused(errors.Unavailable)
		}, []teardown.ProgressState{deleting, deleting, deleting, exists}, 2},
		"failed, not to be read": {failed, nil, func(string, int) (resource.Item, error) {
			return resource.Item{}, refused(errors.PermissionDenied)
		}, []teardown.ProgressState{exists}, 1},
		"completed, exists":  {resource.Task{Finished: true}, nil, item(resource.Deleting), []teardown.ProgressState{deleting, deleting, deleting, deleting}, 1},
		"completed, deleted": {resource.Task{Finished: true}, nil, item(resource.NotFound), []teardown.ProgressState{deleting, notFound}, 1},
		"not found":          {resource.Task{}, refused(errors.NotFound), item(resource.Deleting), []teardown.ProgressState{deleting, deleting, deleting, deleting}, 1},
		"unavailable":        {resource.Task{}, refused(errors.Unavailable), item(resource.Deleting), []teardown.ProgressState{deleting, deleting, deleting, deleting}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, resource.Kind[string]{Purge: purges}, func(f *fake) {
				f.sends = taskOf
				f.task = func(_ string, n int) (resource.Task, error) {
					if n == 1 {
						f.reads = test.then
					}
					return test.task, test.err
				}
				f.mustAct("a", deleting)
				f.in(10 * time.Second)
				f.mustPoll("a", deleting)
				for n, want := range test.want {
					f.in(time.Second)
					if name == "failed, unread" {
						f.reads = nil
					}
					all, err := f.poll("", "a")
					if err != nil || all[0].State != want {
						t.Fatalf("poll %d: got %+v, %v, want %d; calls %q", n, all, err, want, f.calls)
					}
					switch e, _ := errors.AsType[*errors.Error](all[0].Err); {
					case want != exists:
					case name == "failed, not to be read":
						// The resource cannot be read, so that the task proves nothing.
						if e == nil || e.Code != errors.PermissionDenied || errors.Is(e, errors.TaskFailed) {
							t.Errorf("got %+v, want the error of the read", e)
						}
					case e == nil || e.Code != errors.TaskFailed || len(e.Steps) != 1 || e.Steps[0].Description != "purge failed":
						t.Errorf("got %+v", e)
					}
				}
				if f.counts["task task_1"] != test.tasks {
					t.Errorf("%d reads of the task, want %d", f.counts["task task_1"], test.tasks)
				}
			})
		})
	}
}

// A resource in the trash is purged.
func TestPoll_Trash(t *testing.T) {
	t.Parallel()
	bubble(t, resource.Kind[string]{Purge: purges, Scope: scope}, func(f *fake) {
		f.sends = func(what string, _ int) (resource.Response, error) {
			if strings.HasPrefix(what, "remove") {
				return resource.Response{Trash: "trash_1"}, nil
			}
			return resource.Response{Task: "task_1"}, nil
		}
		f.reads = phases(resource.Exists, resource.Exists, resource.InTrash, resource.InTrash, resource.NotFound)
		f.mustAct("a", deleting)
		f.mustPoll("a", deleting)
		f.mustPoll("a", ready)
		if p := f.mustAct("a", deleting); p.Next.Class != "resource purge" || p.Next.Group != "resource all" {
			t.Errorf("got %+v", p)
		}
		f.mustPoll("a", deleting)
		f.mustPoll("a", notFound)
		f.want("read a", "remove a", "read a", "read a", "purge a trash_1", "read a", "read a")
	})
	// One that is taken out of the trash by others is not purged, nor removed again in
	// this attempt.
	for _, p := range []resource.Phase{resource.Exists, resource.Changing, resource.Failed} {
		bubble(t, resource.Kind[string]{Purge: purges}, func(f *fake) {
			f.reads = phases(resource.InTrash, resource.InTrash, p)
			f.mustAct("a", deleting)
			f.mustPoll("a", deleting)
			f.in(time.Minute)
			q := f.mustPoll("a", exists)
			if p != resource.Failed && !errors.Is(q.Err, errors.Conflict) {
				t.Errorf("got %v", q.Err)
			}
			f.want("read a", "purge a", "read a", "read a")
			f.mustAct("a", deleting)
			if f.counts["remove a"] != 1 {
				t.Errorf("calls %q", f.calls)
			}
		})
	}
}

// If an answer shows that a resource is in the trash, the purge follows at once. A resource that
// never went to the trash is removed again.
func TestPoll_TrashOfAnAnswer(t *testing.T) {
	t.Parallel()
	bubble(t, resource.Kind[string]{Purge: purges}, func(f *fake) {
		f.sends = func(what string, _ int) (resource.Response, error) {
			if strings.HasPrefix(what, "remove") {
				return resource.Response{InTrash: &resource.Item{Phase: resource.InTrash, Text: "in the trash"}}, nil
			}
			return resource.Response{}, refused(errors.NotFound)
		}
		f.mustAct("a", ready)
		f.mustAct("a", deleting)
		f.want("read a", "remove a", "purge a")
		for range 4 { // it looks different at first
			f.in(15 * time.Second)
			f.mustPoll("a", deleting)
		}
		f.in(15 * time.Second)
		f.mustPoll("a", ready)
		f.mustAct("a", ready)
		if f.counts["remove a"] != 2 {
			t.Errorf("calls %q", f.calls)
		}
	})
	// A purge that was refused is no failure of a resource that is not there.
	bubble(t, resource.Kind[string]{Purge: purges}, func(f *fake) {
		f.sends = func(what string, _ int) (resource.Response, error) {
			if strings.HasPrefix(what, "remove") {
				return resource.Response{InTrash: &resource.Item{Phase: resource.InTrash}}, nil
			}
			return resource.Response{}, refused(errors.PermissionDenied)
		}
		f.mustAct("a", ready)
		if _, err := f.act("a"); !errors.Is(err, errors.PermissionDenied) {
			t.Fatal(err)
		}
		f.mustPoll("a", deleting)
	})
	// A read that shows it in the trash ends the assumption.
	bubble(t, resource.Kind[string]{Purge: purges}, func(f *fake) {
		f.sends = func(what string, _ int) (resource.Response, error) {
			if strings.HasPrefix(what, "remove") {
				return resource.Response{InTrash: &resource.Item{Phase: resource.InTrash}}, nil
			}
			return resource.Response{}, nil
		}
		f.reads = phases(resource.Exists, resource.InTrash, resource.Exists)
		f.mustAct("a", ready)
		f.mustAct("a", deleting)
		f.mustPoll("a", deleting)
		if p := f.mustPoll("a", exists); !errors.Is(p.Err, errors.Conflict) {
			t.Errorf("got %v", p.Err)
		}
	})
	// A kind without a trash has none.
	bubble(t, resource.Kind[string]{}, func(f *fake) {
		f.sends = func(string, int) (resource.Response, error) {
			return resource.Response{InTrash: &resource.Item{Phase: resource.InTrash}}, nil
		}
		f.mustAct("a", deleting)
	})
}

// After a preparation has ended, the removal or another preparation follows.
func TestPoll_Preparation(t *testing.T) {
	t.Parallel()
	bubble(t, resource.Kind[string]{}, func(f *fake) {
		prepared, done := 0, false
		kind := f.kind
		kind.Prepare = func(_ context.Context, id string, i resource.Item) (resource.Preparation, error) {
			prepared++
			switch prepared {
			case 1: // it changes by itself
				f.note("prepare")
				return resource.Preparation{Text: "it changes"}, nil
			case 2: // its state shows it
				f.note("stop")
				return resource.Preparation{Text: "it stops"}, nil
			case 3: // another resource shows it
				f.note("detach")
				return resource.Preparation{Text: "detaching", Done: func(context.Context) (bool, string, error) {
					f.note("done?")
					return done, "still detaching", nil
				}}, nil
			}
			return resource.Preparation{Ready: true}, nil
		}
		f.d = resource.New(&resource.Table[string]{Provider: "fake", Kinds: []resource.Kind[string]{kind}},
			func(_ teardown.Organization, s teardown.Step) (string, error) {
				return strings.TrimPrefix(s.ID, "resource/"), nil
			})
		f.reads = func(_ string, n int) (resource.Item, error) {
			return resource.Item{Phase: map[int]resource.Phase{1: resource.Changing, 2: resource.Changing}[n], Unprepared: n == 4, Text: fmt.Sprint("state ", min(n, 5))}, nil
		}
		if p := f.mustAct("a", deleting); p.Text != "it changes" || p.Next.Class != "resource preparation" || p.Next.Now {
			t.Errorf("got %+v", p)
		}
		f.want("read a", "prepare")
		f.mustPoll("a", deleting) // still changing
		f.mustPoll("a", ready)    // it does not change any more
		f.mustAct("a", deleting)
		f.want("read a", "read a", "stop")
		f.mustPoll("a", deleting) // still unprepared
		f.mustPoll("a", ready)
		f.mustAct("a", deleting)
		f.want("read a", "read a", "detach")
		if p := f.mustPoll("a", deleting); p.Text != "still detaching" {
			t.Errorf("got %+v", p)
		}
		done = true
		f.mustPoll("a", ready)
		f.mustAct("a", deleting)
		f.want("read a", "done?", "read a", "done?", "remove a")
	})
}

// No removal follows a preparation that failed, or whose end a read could not show.
func TestPoll_PreparationFails(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		code errors.Code
		want teardown.ProgressState
	}{{errors.Unavailable, deleting}, {errors.PermissionDenied, exists}} {
		bubble(t, resource.Kind[string]{}, func(f *fake) {
			kind := f.kind
			var failure, unread error
			kind.Prepare = func(context.Context, string, resource.Item) (resource.Preparation, error) {
				return resource.Preparation{Done: func(context.Context) (bool, string, error) { return false, "", unread }}, failure
			}
			f.d = resource.New(&resource.Table[string]{Provider: "fake", Kinds: []resource.Kind[string]{kind}},
				func(_ teardown.Organization, s teardown.Step) (string, error) {
					return strings.TrimPrefix(s.ID, "resource/"), nil
				})
			unread = refused(test.code)
			f.mustAct("a", deleting)
			f.mustPoll("a", test.want)
			failure = refused(errors.PermissionDenied)
			if _, err := f.act("a"); !errors.Is(err, errors.PermissionDenied) {
				t.Errorf("got %v", err)
			}
			f.mustPoll("a", exists)
			if f.counts["remove a"] != 0 {
				t.Errorf("calls %q", f.calls)
			}
		})
	}
}

// Find does not change the state of a step, and refuses steps that the table lacks.
func TestFind(t *testing.T) {
	t.Parallel()
	bubble(t, resource.Kind[string]{}, func(f *fake) {
		for _, test := range []struct {
			reads func(string, int) (resource.Item, error)
			found bool
			fails bool
		}{
			{item(resource.Exists), true, false}, {item(resource.InTrash), true, false}, {item(resource.NotFound), false, false},
			{func(string, int) (resource.Item, error) { return resource.Item{}, refused(errors.Unavailable) }, false, true},
		} {
			f.reads = test.reads
			if _, found, err := f.d.Find(t.Context(), acme, step("a")); found != test.found || (err != nil) != test.fails {
				t.Errorf("got %t, %v", found, err)
			}
		}
		f.reads = nil
		f.calls = nil
		f.mustAct("a", deleting)
		f.want("read a", "remove a")
		for _, s := range []teardown.Step{{ID: "resource/b", Kind: "other"}, {ID: "other/a", Kind: "resource"}} {
			if _, _, err := f.d.Find(t.Context(), acme, s); !errors.Is(err, errors.InvalidArgument) {
				t.Errorf("find: got %v", err)
			}
			if _, err := f.d.Act(t.Context(), acme, s); !errors.Is(err, errors.InvalidArgument) {
				t.Errorf("act: got %v", err)
			}
			if _, err := f.d.Poll(t.Context(), acme, "", []teardown.Step{s}); !errors.Is(err, errors.InvalidArgument) {
				t.Errorf("poll: got %v", err)
			}
		}
	})
}

// The state of a step is discarded when its resource does not exist: a resource that exists
// again is another one.
func TestDriver_Forgets(t *testing.T) {
	t.Parallel()
	for _, by := range []string{"act", "poll"} {
		bubble(t, resource.Kind[string]{}, func(f *fake) {
			f.mustAct("a", deleting)
			f.reads = item(resource.NotFound)
			if by == "act" {
				f.mustAct("a", notFound)
			} else {
				f.mustPoll("a", notFound)
			}
			f.reads = nil
			f.mustPoll("a", ready)
		})
	}
}

// The resources of a kind without a list are read one by one.
func TestPoll_WithoutAList(t *testing.T) {
	t.Parallel()
	bubble(t, resource.Kind[string]{}, func(f *fake) {
		if all, err := f.poll("resource all", "a", "b", "c"); err != nil || len(all) != 3 {
			t.Errorf("got %+v, %v", all, err)
		}
		f.want("read a", "read b", "read c")
	})
}

// The first act of a kind with ListFirst sends nothing, and each other act reads.
func TestAct_ListFirst(t *testing.T) {
	t.Parallel()
	bubble(t, resource.Kind[string]{Scope: scope, ListFirst: true}, func(f *fake) {
		f.mustAct("a", deleting)
		f.mustAct("a", deleting) // no poll has shown it
		f.want("read a", "remove a")
		f.mustPoll("b", ready)
		f.mustAct("b", deleting)
		f.mustAct("b", deleting)
		f.want("read b", "remove b", "read b", "remove b")
	})
}

// A purge is polled by the list, even if the removal is polled at once.
func TestAct_Purge(t *testing.T) {
	t.Parallel()
	bubble(t, resource.Kind[string]{Scope: scope, Purge: purges, PollAtOnce: true, Expect: time.Minute}, func(f *fake) {
		f.reads = item(resource.InTrash)
		if p := f.mustAct("a", deleting); p.Next.Now || p.Next.Expect != time.Minute || p.Next.Group == "" {
			t.Errorf("got %+v", p)
		}
		if p := f.mustPoll("a", deleting); p.Next.Now || p.Next.Expect != time.Minute || p.Next.Group == "" {
			t.Errorf("got %+v", p)
		}
		// One that leaves the trash by being deleted was not taken out of it.
		f.reads = item(resource.Deleting)
		f.mustPoll("a", deleting)
	})
	// A purge that is sent again is of the same object in the trash.
	bubble(t, resource.Kind[string]{Purge: purges}, func(f *fake) {
		f.sends = func(what string, _ int) (resource.Response, error) {
			if strings.HasPrefix(what, "remove") {
				return resource.Response{Trash: "trash_1"}, nil
			}
			return resource.Response{}, nil
		}
		f.mustAct("a", deleting)
		f.reads = item(resource.InTrash)
		f.mustPoll("a", ready)
		f.mustAct("a", deleting)
		for range 3 {
			f.in(15 * time.Second)
			f.mustPoll("a", deleting)
		}
		f.in(15 * time.Second)
		f.mustPoll("a", ready)
		f.mustAct("a", deleting)
		if f.counts["purge a trash_1"] != 2 {
			t.Errorf("calls %q", f.calls)
		}
	})
	// An answer other than documented shows nothing in the trash.
	bubble(t, resource.Kind[string]{Purge: purges}, func(f *fake) {
		f.sends = func(string, int) (resource.Response, error) {
			return resource.Response{InTrash: &resource.Item{Phase: resource.InTrash}}, &errors.Error{Code: errors.UnexpectedResponse, Status: 202}
		}
		f.mustAct("a", deleting)
	})
}

// prepares returns a fake whose kind has the function Prepare.
func prepares(f *fake, prepare func() (resource.Preparation, error)) {
	kind := f.kind
	kind.Prepare = func(context.Context, string, resource.Item) (resource.Preparation, error) {
		f.note("prepare")
		return prepare()
	}
	f.d = resource.New(&resource.Table[string]{Provider: "fake", Kinds: []resource.Kind[string]{kind}},
		func(_ teardown.Organization, s teardown.Step) (string, error) {
			return strings.TrimPrefix(s.ID, "resource/"), nil
		})
}

func TestPoll_PreparationsAreRepeated(t *testing.T) {
	t.Parallel()
	// Each of two counts its own repeats, and neither is polled by the list.
	bubble(t, resource.Kind[string]{Scope: scope}, func(f *fake) {
		f.reads = func(string, int) (resource.Item, error) { return resource.Item{Unprepared: true, Text: "x"}, nil }
		prepares(f, func() (resource.Preparation, error) { return resource.Preparation{Text: "stopping"}, nil })
		if p := f.mustAct("a", deleting); p.Next.Group != "" {
			t.Errorf("got %+v", p)
		}
		for range 2 {
			sent := 1
			for range 30 {
				f.in(15 * time.Second)
				all, err := f.poll("", "a")
				if err != nil {
					t.Fatal(err)
				}
				if all[0].State == ready {
					f.mustAct("a", deleting)
					sent++
				}
			}
			if sent != 1+3 {
				t.Errorf("sent %d times", sent)
			}
			unprepared := f.reads
			f.reads = nil
			f.mustPoll("a", ready) // it is prepared, and another preparation follows
			f.reads = unprepared
			f.mustAct("a", deleting)
		}
	})
	// A removal that has failed before is prepared again.
	bubble(t, resource.Kind[string]{}, func(f *fake) {
		f.reads = item(resource.Failed)
		done := false
		prepares(f, func() (resource.Preparation, error) {
			return resource.Preparation{Done: func(context.Context) (bool, string, error) { return done, "detaching", nil }}, nil
		})
		f.mustAct("a", deleting)
		f.mustPoll("a", deleting)
		done = true
		f.mustPoll("a", ready)
	})
	// One that is ready and has an error is not.
	bubble(t, resource.Kind[string]{}, func(f *fake) {
		prepares(f, func() (resource.Preparation, error) {
			return resource.Preparation{Ready: true}, refused(errors.PermissionDenied)
		})
		if _, err := f.act("a"); !errors.Is(err, errors.PermissionDenied) {
			t.Errorf("got %v", err)
		}
		f.want("read a", "prepare")
	})
}

// watched is a kind whose resources are in different scopes and are covered by one hint.
func watched(changed func(n int) ([]bool, error)) (resource.Kind[string], *int) {
	n := new(int)
	return resource.Kind[string]{
		Scope: func(id string) string { return id },
		Watch: &resource.Watch[string]{
			Scope:   func(string) string { return "all" },
			Changed: func(context.Context, []string) ([]bool, error) { *n++; return changed(*n) },
		},
	}, n
}

// A hint decides only that unchanged resources wait: a resource that may have changed is read.
func TestPoll_Watch(t *testing.T) {
	t.Parallel()
	ids := []string{"a", "b", "c"}
	leave := func(f *fake) {
		f.reads = item(resource.Deleting)
		for _, id := range ids {
			if p := f.mustAct(id, deleting); p.Next.Group != "resource watch all" {
				t.Errorf("got %+v", p)
			}
		}
		f.calls = nil
	}
	kind, n := watched(func(int) ([]bool, error) { return []bool{false, true, false}, nil })
	bubble(t, kind, func(f *fake) {
		leave(f)
		all, err := f.poll("resource watch all", ids...)
		if err != nil || all[0].State != deleting || all[0].Next.Now || all[0].Next.Group != "resource watch all" ||
			all[1].State != deleting || !all[1].Next.Now || all[1].Next.Group != "resource b" {
			t.Errorf("got %+v, %v", all, err)
		}
		f.want()
		// Two resources are read.
		if all, err = f.poll("resource watch all", "a", "b"); err != nil || all[0].State != deleting || *n != 1 {
			t.Errorf("got %+v, %v after %d hints", all, err, *n)
		}
		f.want("read a", "read b")
		// So is each that no read has shown for long.
		f.in(91 * time.Second)
		all, err = f.poll("resource watch all", ids...)
		if err != nil || slices.ContainsFunc(all, func(p teardown.Progress) bool { return p.State != deleting || !p.Next.Now }) {
			t.Errorf("got %+v, %v", all, err)
		}
	})
	// A hint that cannot be read decides nothing.
	kind, _ = watched(func(int) ([]bool, error) { return nil, refused(errors.PermissionDenied) })
	bubble(t, kind, func(f *fake) {
		leave(f)
		all, err := f.poll("resource watch all", ids...)
		if err != nil || slices.ContainsFunc(all, func(p teardown.Progress) bool { return p.State != deleting || !p.Next.Now }) {
			t.Errorf("got %+v, %v", all, err)
		}
	})
	kind, _ = watched(func(int) ([]bool, error) { return nil, refused(errors.Unavailable) })
	bubble(t, kind, func(f *fake) {
		leave(f)
		if all, err := f.poll("resource watch all", ids...); !errors.Is(err, errors.Unavailable) {
			t.Errorf("got %+v, %v", all, err)
		}
	})
	// A removal that may never start is watched by reads.
	bubble(t, kind, func(f *fake) {
		if p := f.mustAct("a", deleting); p.Next.Group != "resource a" {
			t.Errorf("got %+v", p)
		}
	})
}

// A resource whose creation failed is not a failed removal, unless a read showed the removal.
func TestPoll_Broken(t *testing.T) {
	t.Parallel()
	broken := func(string, int) (resource.Item, error) {
		return resource.Item{Phase: resource.Broken, Text: "FAILED", Err: refused(errors.Conflict)}, nil
	}
	bubble(t, resource.Kind[string]{}, func(f *fake) {
		f.reads = broken
		f.mustAct("a", deleting)
		f.mustPoll("a", deleting)
		f.reads = item(resource.Deleting)
		f.mustPoll("a", deleting)
		f.reads = broken
		if p := f.mustPoll("a", exists); !errors.Is(p.Err, errors.Conflict) {
			t.Errorf("got %+v", p)
		}
		// Another attempt starts with the broken resource.
		f.mustAct("a", deleting)
		f.mustPoll("a", deleting)
	})
	bubble(t, resource.Kind[string]{}, func(f *fake) {
		f.mustAct("a", deleting)
		f.reads = broken
		f.mustPoll("a", exists)
	})
}

// If the list threshold is 1, the same poll reads the resources that the list lacks.
func TestPoll_ListThreshold(t *testing.T) {
	t.Parallel()
	bubble(t, resource.Kind[string]{Scope: scope, ListThreshold: 1}, func(f *fake) {
		f.mustAct("a", deleting)
		f.calls = nil
		f.lists = func(int) ([]*resource.Item, error) { return here("a"), nil }
		if all, err := f.poll("resource all", "a"); err != nil || all[0].State != deleting {
			t.Errorf("got %+v, %v", all, err)
		}
		f.lists, f.reads = nil, item(resource.NotFound)
		if all, err := f.poll("resource all", "a"); err != nil || all[0].State != notFound {
			t.Errorf("got %+v, %v", all, err)
		}
		f.want("list a", "list a", "read a")
	})
}

// A removal is sent again only after RepeatAfter of its kind.
func TestPoll_RepeatAfter(t *testing.T) {
	t.Parallel()
	bubble(t, resource.Kind[string]{RepeatAfterReads: 2, RepeatAfter: time.Minute}, func(f *fake) {
		f.mustAct("a", deleting)
		for range 5 {
			f.in(11 * time.Second)
			f.mustPoll("a", deleting)
		}
		f.in(6 * time.Second)
		f.mustPoll("a", ready)
	})
}

// A request is sent by a list until MaxAge of its kind.
func TestAct_MaxAge(t *testing.T) {
	t.Parallel()
	for after, want := range map[time.Duration][]string{
		9 * time.Second:  {"list a b c", "remove a"},
		11 * time.Second: {"list a b c", "read a", "remove a"},
	} {
		bubble(t, resource.Kind[string]{Scope: scope, ListFirst: true, MaxAge: 10 * time.Second}, func(f *fake) {
			f.mustAct("a", deleting)
			f.lists = func(int) ([]*resource.Item, error) { return []*resource.Item{{}, {}, {}}, nil }
			if all, err := f.poll("resource all", "a", "b", "c"); err != nil || all[0].State != ready {
				t.Fatalf("got %+v, %v", all, err)
			}
			f.in(after)
			f.mustAct("a", deleting)
			f.want(want...)
		})
	}
}

// A request that waits is sent only if another read shows the resource in the same phase.
func TestAct_ChangedDuringWait(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		reads func(id string, n int) (resource.Item, error)
		named bool
		want  errors.Code
	}{
		"unchanged":        {phases(resource.Exists), false, ""},
		"unchanged, named": {phases(resource.Exists), true, ""},
		"deleting":         {phases(resource.Exists, resource.Deleting), false, errors.NotFound},
		"recreated":        {phases(resource.Exists, resource.NotFound), true, errors.NotFound},
		"unread": {func(_ string, n int) (resource.Item, error) {
			if n > 1 {
				return resource.Item{}, refused(errors.Unavailable)
			}
			return resource.Item{}, nil
		}, false, errors.Unavailable},
	} {
		bubble(t, resource.Kind[string]{ReusableName: test.named}, func(f *fake) {
			f.reads = test.reads
			age := 2 * time.Minute
			if test.named {
				age = 10 * time.Second
			}
			var err error
			f.removed = func(ctx context.Context) {
				fresh := trace.FreshnessOf(ctx)
				if until := fresh.Until(); !until.Equal(f.start.Add(age)) {
					t.Errorf("%s: permitted until %v after the read, want %v", name, until.Sub(f.start), age)
				}
				f.in(time.Hour) // the wait for the rate limit
				if err = fresh.Renew(ctx); err == nil && !fresh.Until().Equal(time.Now().Add(age)) {
					t.Errorf("%s: permitted again until %v", name, fresh.Until())
				}
			}
			f.mustAct("a", deleting)
			if got := errors.CodeOf(err); got != test.want {
				t.Errorf("%s: got %v, want %q", name, err, test.want)
			}
			f.want("read a", "remove a", "read a")
		})
	}
	// A kind whose requests each need a read of their own needs no second one without a wait.
	bubble(t, resource.Kind[string]{MaxAge: time.Nanosecond}, func(f *fake) {
		f.removed = func(ctx context.Context) {
			fresh := trace.FreshnessOf(ctx)
			if !fresh.Until().Equal(f.start.Add(10 * time.Second)) {
				t.Errorf("permitted until %v", fresh.Until())
			}
			f.in(time.Hour)
			if err := fresh.Renew(ctx); err != nil || !fresh.Until().Equal(time.Now().Add(10*time.Second)) {
				t.Errorf("permitted again until %v: %v", fresh.Until(), err)
			}
		}
		f.mustAct("a", deleting)
		f.want("read a", "remove a", "read a")
	})
	// A request without a read needs no other one.
	bubble(t, resource.Kind[string]{SkipFirstRead: func(string) bool { return true }}, func(f *fake) {
		f.removed = func(ctx context.Context) {
			if trace.FreshnessOf(ctx) != nil {
				t.Error("the request needs a read")
			}
		}
		f.mustAct("a", deleting)
		f.want("remove a")
	})
}
