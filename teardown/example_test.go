package teardown_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// rooms is a driver in the blocking form: Remove returns when the room is deleted.
type rooms map[string]bool

func (r rooms) Provider() (name, instance string) { return "rooms", "https://rooms.invalid" }

func (r rooms) Inspect(_ context.Context, o teardown.Organization, _ *teardown.Plan) (*teardown.Plan, error) {
	p := &teardown.Plan{Provider: "rooms", Instance: "https://rooms.invalid", Organization: o}
	for _, name := range slices.Sorted(maps.Keys(r)) {
		p.Steps = append(p.Steps, teardown.Step{ID: "room/" + name, Kind: "room", Name: name, Why: "it exists", Removal: "DELETE /rooms/{name}"})
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

// Each job plans and applies for one organization. A result arrives when its job ends.
func ExampleRunJobs() {
	drivers := map[string]teardown.Driver{
		"Acme":    teardown.FromBlocking(rooms{"blue": true}),
		"Globex":  teardown.FromBlocking(rooms{}),
		"Initech": teardown.FromBlocking(lockedRooms{rooms{"blue": true}}),
	}
	names := []string{"Acme", "Globex", "Initech"}
	var jobs []teardown.Job
	for i, name := range names {
		d := drivers[name]
		jobs = append(jobs, teardown.Job{
			Plan: func(ctx context.Context) (*teardown.Plan, error) {
				return teardown.NewPlan(ctx, d, teardown.Organization{ID: fmt.Sprint(i), Name: name})
			},
			Teardown: func(ctx context.Context, p *teardown.Plan, options ...teardown.Option) (*teardown.Report, error) {
				return teardown.Execute(ctx, d, p, options...)
			},
			Options: []teardown.Option{teardown.WithConfirm(name)},
		})
	}
	for result := range teardown.RunJobs(context.Background(), jobs, 2) {
		if result.Report == nil { // no plan, or a plan that was not applied
			fmt.Println(names[result.Index], result.Err)
			continue
		}
		fmt.Printf("%s: %s %q\n", names[result.Index], result.Report.Outcome, errors.CodeOf(result.Err))
	}
	// Unordered output:
	// Acme: deleted ""
	// Globex: deleted ""
	// Initech: blocked "permission_denied"
}

// A plan is stored as JSON for a review, and read again to be applied.
func ExampleReadPlan() {
	ctx, d := context.Background(), teardown.FromBlocking(rooms{"blue": true})
	plan, err := teardown.NewPlan(ctx, d, teardown.Organization{ID: "42", Name: "Acme"})
	if err != nil {
		fmt.Println(err)
		return
	}
	stored, err := json.Marshal(plan)
	if err != nil {
		fmt.Println(err)
		return
	}

	// Later, in another process, after the approval:
	approved, err := teardown.ReadPlan(bytes.NewReader(stored))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("approved:", approved.Digest() == plan.Digest())
	report, err := teardown.Execute(ctx, d, approved, teardown.WithConfirm("Acme"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Outcome)
	// Output:
	// approved: true
	// deleted
}

// office is an organization whose deletion is executed, and whose response is lost.
type office struct {
	rooms
	deleted bool
}

func (o *office) Inspect(ctx context.Context, of teardown.Organization, before *teardown.Plan) (*teardown.Plan, error) {
	if o.deleted {
		return nil, &errors.Error{Provider: "rooms", Operation: "GetOrganization", Target: of.ID, Code: errors.OrganizationNotFound}
	}
	return o.rooms.Inspect(ctx, of, before)
}

func (o *office) Delete(_ context.Context, of teardown.Organization) (teardown.Deletion, error) {
	o.deleted = true
	return teardown.Deletion{}, &errors.Error{Provider: "rooms", Operation: "Delete", Target: of.ID, Code: errors.OutcomeUnknown}
}

// The journal of an earlier run shows that the run started the deletion. Without it, an
// organization that no longer exists has the outcome not_found.
func ExampleWithResume() {
	ctx, d := context.Background(), teardown.FromBlocking(&office{rooms: rooms{"blue": true}})
	plan, err := teardown.NewPlan(ctx, d, teardown.Organization{ID: "42", Name: "Acme"})
	if err != nil {
		fmt.Println(err)
		return
	}
	var journal bytes.Buffer // in a program: a file, opened with os.O_APPEND
	report, err := teardown.Execute(ctx, d, plan, teardown.WithConfirm("Acme"), teardown.WithJournal(&journal))
	fmt.Println(report.Outcome, errors.CodeOf(err))

	// Later, also after a crash:
	var entries []teardown.Entry
	for entry, err := range teardown.ReadJournal(&journal) {
		if err != nil {
			fmt.Println(err)
			return
		}
		entries = append(entries, entry)
	}
	report, err = teardown.Execute(ctx, d, plan, teardown.WithConfirm("Acme"), teardown.WithResume(entries))
	fmt.Println(report.Outcome, err)
	// Output:
	// unknown outcome_unknown
	// deleted <nil>
}

// An approval is given to the plan that was shown. Days later, the organization is planned again:
// the approval stands while the fresh plan has nothing that the approved plan lacks.
func ExamplePlan_Diff() {
	ctx, building := context.Background(), rooms{"blue": true, "red": true}
	approved, err := teardown.NewPlan(ctx, teardown.FromBlocking(building), teardown.Organization{ID: "b1", Name: "Building"})
	if err != nil {
		panic(err)
	}
	fmt.Println("approved:", len(approved.Steps), "steps, digest of", len(approved.Digest()), "digits")

	delete(building, "blue") // deleted by others: the approval stands
	building["green"] = true // new: it does not
	now, err := teardown.NewPlan(ctx, teardown.FromBlocking(building), approved.Organization)
	if err != nil {
		panic(err)
	}
	for _, difference := range approved.Diff(now) {
		fmt.Println(difference)
	}
	// Output:
	// approved: 2 steps, digest of 64 digits
	// room/green is new
}

// The parts of a teardown may run in different processes. A prepared plan is stored as JSON.
func ExampleExecuteSteps() {
	ctx, building := context.Background(), rooms{"blue": true, "red": true}
	options := []teardown.Option{teardown.WithConfirm("Building")}
	plan, err := teardown.NewPlan(ctx, teardown.FromBlocking(building), teardown.Organization{ID: "b1", Name: "Building"})
	if err != nil {
		panic(err)
	}
	prepared, report, err := teardown.Prepare(ctx, teardown.FromBlocking(building), plan, options...)
	if err != nil || report != nil {
		panic(fmt.Sprint(report, err))
	}
	for _, step := range prepared.Steps {
		steps, err := teardown.ExecuteSteps(ctx, teardown.FromBlocking(building), prepared, []string{step.ID}, options...)
		if err != nil {
			panic(err)
		}
		fmt.Println(steps[0].ID, steps[0].State)
	}
	report, err = teardown.ExecuteDelete(ctx, teardown.FromBlocking(building), prepared, options...)
	if err != nil {
		panic(err)
	}
	fmt.Println(report.Outcome)
	// Output:
	// room/blue deleted
	// room/red deleted
	// deleted
}
