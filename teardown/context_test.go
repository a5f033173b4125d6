package teardown_test

import (
	"context"
	"testing"

	"github.com/offboard-dev/offboard-go/teardown"
)

// contextual is a driver that records the step of each act's context.
type contextual struct {
	teardown.Driver
	steps map[string]string
}

func (d *contextual) Act(ctx context.Context, o teardown.Organization, s teardown.Step) (teardown.Progress, error) {
	step, _ := teardown.StepFromContext(ctx)
	d.steps[s.ID] = step.Kind + " " + step.ID
	return d.Driver.Act(ctx, o, s)
}

func (d *contextual) Delete(ctx context.Context, o teardown.Organization) (teardown.Deletion, error) {
	if step, ok := teardown.StepFromContext(ctx); ok {
		d.steps["organization"] = step.ID
	}
	return d.Driver.Delete(ctx, o)
}

// The context of an act has its step, and that of the deletion has none.
func TestStepFromContext(t *testing.T) {
	t.Parallel()
	d := &contextual{teardown.FromBlocking(rooms{"blue": true}), map[string]string{}}
	plan, err := teardown.NewPlan(t.Context(), d, teardown.Organization{ID: "1", Name: "Acme"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := teardown.Execute(t.Context(), d, plan, teardown.WithConfirm("Acme")); err != nil {
		t.Fatal(err)
	}
	if len(d.steps) != 1 || d.steps["room/blue"] != "room room/blue" {
		t.Errorf("got %v", d.steps)
	}
	if _, ok := teardown.StepFromContext(t.Context()); ok {
		t.Error("a context without a step has one")
	}
}
