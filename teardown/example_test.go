package teardown_test

import (
	"context"
	"fmt"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// rooms is a driver in the blocking form: Remove returns when the room is deleted.
type rooms map[string]bool

func (r rooms) Provider() (name, instance string) { return "rooms", "https://rooms.invalid" }

func (r rooms) Inspect(_ context.Context, o teardown.Organization, _ *teardown.Plan) (*teardown.Plan, error) {
	p := &teardown.Plan{Provider: "rooms", Instance: "https://rooms.invalid", Organization: o}
	if r["blue"] {
		p.Steps = []teardown.Step{{ID: "room/blue", Kind: "room", Name: "blue", Why: "it exists", Removal: "DELETE /rooms/{name}"}}
		p.DeletionError = &errors.Error{Operation: "CheckDeletion", Code: errors.DeletionStepsNotSatisfied}
	}
	return p, nil
}

func (r rooms) Remove(_ context.Context, _ teardown.Organization, s teardown.Step, progress func(string)) error {
	progress("the room is cleared")
	delete(r, s.Name)
	return nil
}

func (r rooms) IsDeleted(_ context.Context, _ teardown.Organization, s teardown.Step) (bool, error) {
	return !r[s.Name], nil
}

func (r rooms) Delete(context.Context, teardown.Organization) (teardown.Deletion, error) {
	return teardown.Deletion{Outcome: teardown.Deleted}, nil
}

// A driver whose removals block becomes a Driver.
func ExampleFromBlocking() {
	ctx, d := context.Background(), teardown.FromBlocking(rooms{"blue": true})
	plan, err := teardown.NewPlan(ctx, d, teardown.Organization{ID: "42", Name: "Acme"})
	if err != nil {
		fmt.Println(err)
		return
	}
	report, err := teardown.Execute(ctx, d, plan, teardown.WithConfirm("Acme"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Steps[0].ID, report.Steps[0].State)
	fmt.Println(report.Outcome)
	// Output:
	// room/blue deleted
	// deleted
}

// lockedRooms cannot be removed.
type lockedRooms struct{ rooms }

func (lockedRooms) Remove(_ context.Context, _ teardown.Organization, s teardown.Step, _ func(string)) error {
	return &errors.Error{Provider: "rooms", Operation: "DeleteRoom", Target: s.Name, Code: errors.PermissionDenied, Status: 403}
}

// The error of a teardown joins an error for each step that failed.
func ExampleExecute_errors() {
	ctx, d := context.Background(), teardown.FromBlocking(lockedRooms{rooms{"blue": true}})
	plan, err := teardown.NewPlan(ctx, d, teardown.Organization{ID: "42", Name: "Acme"})
	if err != nil {
		fmt.Println(err)
		return
	}
	report, err := teardown.Execute(ctx, d, plan, teardown.WithConfirm("Acme"))
	fmt.Println(report.Outcome)
	for e := range errors.All(err) {
		fmt.Println(e.Operation, e.Target, e.Code, e.Code.Retryable())
	}
	// Output:
	// blocked
	// DeleteRoom blue permission_denied false
}
