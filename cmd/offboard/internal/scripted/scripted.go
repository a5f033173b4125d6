// Package scripted provides organizations for tests whose behavior the test sets. No fake of a
// provider is involved.
package scripted

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Organization is an organization whose behavior a test sets. The teardown engine itself applies
// its plans.
type Organization struct {
	Provider string
	teardown.Organization
	Alias         string // the name in the manifest; the ID if empty
	Steps         []teardown.Step
	Cascades      []teardown.Cascade
	DeletionError *errors.Error
	outcome       teardown.Deletion

	Duration    time.Duration                 // of each removal
	Remove      func(teardown.Step) error     // the error of a removal; nil for none
	ReadError   error                         // of reads; nil for none
	DeleteError error                         // of Delete
	Waits       func(progress func(s string)) // what a removal waits for

	mu      sync.Mutex
	pending bool // the deletion was accepted
	Absent  map[string]bool
	Removed []string
	Deleted bool
}

func (s *Organization) Identify(ctx context.Context) (teardown.Organization, error) {
	p, err := s.Plan(ctx)
	if err != nil {
		return teardown.Organization{}, err
	}
	return p.Organization, nil
}

func (s *Organization) Check(ctx context.Context) error {
	p, err := s.Plan(ctx)
	if err != nil {
		return err
	}
	return p.Err()
}

func (s *Organization) Plan(ctx context.Context) (*teardown.Plan, error) {
	return teardown.NewPlan(ctx, teardown.FromBlocking(driver{s}), s.Organization)
}

// Driver returns the driver of the organization.
func (s *Organization) Driver(*teardown.Plan) (teardown.Driver, error) {
	return teardown.FromBlocking(driver{s}), nil
}

func (s *Organization) Teardown(ctx context.Context, p *teardown.Plan, options ...teardown.Option) (*teardown.Report, error) {
	time.Sleep(time.Second) // another organization finishes first
	return teardown.Execute(ctx, teardown.FromBlocking(driver{s}), p, options...)
}

func (s *Organization) Delete(ctx context.Context) error {
	_, err := driver{s}.Delete(ctx, s.Organization)
	return err
}

// driver is the [teardown.BlockingDriver] of a scripted organization.
type driver struct{ of *Organization }

func (d driver) Provider() (name, instance string) { return d.of.Provider, "" }

func (d driver) Inspect(context.Context, teardown.Organization, *teardown.Plan) (*teardown.Plan, error) {
	d.of.mu.Lock()
	defer d.of.mu.Unlock()
	if d.of.ReadError != nil {
		return nil, d.of.ReadError
	}
	if d.of.Deleted {
		return nil, &errors.Error{Provider: d.of.Provider, Operation: "Plan", Target: d.of.ID, Code: errors.OrganizationNotFound, Status: 404}
	}
	p := &teardown.Plan{Provider: d.of.Provider, Organization: d.of.Organization, Cascades: d.of.Cascades, DeletionError: d.of.DeletionError}
	if d.of.pending {
		p.PendingDeletion = &d.of.outcome
	}
	for _, step := range d.of.Steps {
		if !d.of.Absent[step.ID] {
			step.After = slices.DeleteFunc(slices.Clone(step.After), func(id string) bool { return d.of.Absent[id] })
			p.Steps = append(p.Steps, step)
		}
	}
	return p, nil
}

func (d driver) Remove(ctx context.Context, _ teardown.Organization, step teardown.Step, progress func(string)) error {
	if d.of.Waits != nil {
		d.of.Waits(progress)
	}
	select {
	case <-time.After(d.of.Duration):
	case <-ctx.Done():
		return ctx.Err()
	}
	if d.of.Remove != nil {
		if err := d.of.Remove(step); err != nil {
			return err
		}
	}
	d.of.mu.Lock()
	defer d.of.mu.Unlock()
	if d.of.Absent == nil {
		d.of.Absent = map[string]bool{}
	}
	d.of.Absent[step.ID] = true
	d.of.Removed = append(d.of.Removed, step.ID)
	return nil
}

func (d driver) IsDeleted(_ context.Context, _ teardown.Organization, step teardown.Step) (bool, error) {
	d.of.mu.Lock()
	defer d.of.mu.Unlock()
	return d.of.Absent[step.ID], nil
}

func (d driver) Delete(context.Context, teardown.Organization) (teardown.Deletion, error) {
	d.of.mu.Lock()
	defer d.of.mu.Unlock()
	d.of.Deleted = d.of.outcome.Outcome == teardown.Deleted
	if d.of.DeleteError != nil {
		return teardown.Deletion{}, d.of.DeleteError
	}
	d.of.pending = d.of.outcome.Outcome == teardown.Pending
	return d.of.outcome, nil
}

// Reactivate ends a pending deletion: the organization is in use again.
func (s *Organization) Reactivate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending = false
}

// Touched reports whether anything was removed or deleted.
func (s *Organization) Touched() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Deleted || len(s.Removed) > 0
}

var Blocked = &errors.Error{Operation: "CheckDeletion", Code: errors.DeletionStepsNotSatisfied, Status: 409, RequestID: "req-before"}

// Hosting returns an organization with a machine, a disk and a trash.
func Hosting() *Organization {
	return &Organization{
		Provider: "katapult", Organization: teardown.Organization{ID: "org_1", Name: "Acme Hosting"},
		DeletionError: Blocked, outcome: teardown.Deletion{Outcome: teardown.Deleted}, Duration: 2 * time.Second,
		Steps: []teardown.Step{
			{ID: "virtual_machine/vm_1", Kind: "virtual_machine", Name: "web-1", Why: "it runs", Removal: "stop and delete it"},
			{ID: "disk/disk_1", Kind: "disk", Name: "data-1", Why: "it exists", Removal: "detach and delete it", After: []string{"virtual_machine/vm_1"}},
			{ID: "trash/all", Kind: "trash", Name: "trash", Why: "it is not empty", Removal: "purge it", After: []string{"virtual_machine/vm_1", "disk/disk_1"}},
		},
	}
}

// Tenant returns an organization whose deletion is pending.
func Tenant() *Organization {
	return &Organization{
		Provider: "volterra", Organization: teardown.Organization{ID: "acme-edge", Name: "acme-edge"},
		outcome:  teardown.Deletion{Outcome: teardown.Pending, PendingOn: "F5 deletes it after its grace period"},
		Cascades: []teardown.Cascade{{Kind: "namespace", Count: 3, Names: []string{"shop", "blog"}, Note: "with all that is in them"}},
	}
}

// Planned returns the plan of an organization with its entry of a manifest.
func Planned(t *testing.T, s *Organization) planfile.Planned {
	t.Helper()
	p, err := s.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return planfile.Planned{Entry: planfile.Entry{Provider: s.Provider, Organization: s.ID}, Plan: p}
}

// Named returns an organization of Katapult without resources.
func Named(id, name string) *Organization {
	return &Organization{
		Provider: "katapult", Organization: teardown.Organization{ID: id, Name: name}, outcome: teardown.Deletion{Outcome: teardown.Deleted},
	}
}
