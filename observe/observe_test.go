package observe_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/observe"
)

type key struct{}

// Join calls the functions in order, and passes on the contexts of Start.
func TestJoin(t *testing.T) {
	t.Parallel()
	var got []string
	named := func(name string) observe.Observer {
		add := func(ctx context.Context, event string) {
			got = append(got, fmt.Sprintf("%s %s %v", name, event, ctx.Value(key{})))
		}
		return observe.Observer{
			Start: func(ctx context.Context, _ observe.Call) context.Context {
				add(ctx, "start")
				return context.WithValue(ctx, key{}, name)
			},
			Attempt: func(ctx context.Context, _ observe.Call, _ observe.Attempt) { add(ctx, "attempt") },
			Wait:    func(ctx context.Context, _ observe.Call, _ observe.Wait) { add(ctx, "wait") },
			Done:    func(ctx context.Context, _ observe.Call, _ observe.Result) { add(ctx, "done") },
		}
	}
	silent := observe.Observer{Start: func(context.Context, observe.Call) context.Context { return nil }}
	o := observe.Join(observe.Observer{}, named("a"), silent, named("b"), observe.Observer{})
	ctx := o.Start(t.Context(), observe.Call{})
	o.Attempt(ctx, observe.Call{}, observe.Attempt{})
	o.Wait(ctx, observe.Call{}, observe.Wait{})
	o.Done(ctx, observe.Call{}, observe.Result{})
	want := []string{"a start <nil>", "b start a", "a attempt b", "b attempt b", "a wait b", "b wait b", "a done b", "b done b"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if !observe.Join().IsZero() || !observe.Join(observe.Observer{}, observe.Observer{}).IsZero() {
		t.Error("joined zero observers are not zero")
	}
	if silent.IsZero() || o.IsZero() {
		t.Error("an observer with a function is zero")
	}
}

func TestFromContext(t *testing.T) {
	t.Parallel()
	if _, ok := observe.FromContext(t.Context()); ok {
		t.Error("a context without a request has one")
	}
	want := observe.Request{Call: observe.Call{Provider: "atlas", Operation: "GetOrganization"}, Attempt: 2}
	if got, ok := observe.FromContext(observe.NewContext(t.Context(), want)); !ok || got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
