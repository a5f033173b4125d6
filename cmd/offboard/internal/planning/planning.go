// Package planning plans the removal of all blockers of a manifest's organizations.
package planning

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/connect"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/problem"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Plan plans all organizations of a manifest, several at a time. The file also lists those
// that could not be planned, with their problems. The exit code is the most severe one. The
// source may be nil. Earlier shows which of the organizations that are not found are deleted.
func Plan(ctx context.Context, m *planfile.Manifest, s *planfile.Source, open connect.Connector, parallel int, earlier Earlier) (*planfile.File, int, error) {
	file := &planfile.File{Organizations: make([]planfile.Planned, len(m.Organizations))}
	codes, opened := make([]int, len(m.Organizations)), make([]connect.Organization, len(m.Organizations))
	for i, e := range m.Organizations {
		var err error
		if opened[i], err = open(e); err != nil {
			return nil, 0, s.AtEntry(i, fmt.Sprintf("%s: organization %d", e.Provider, i+1), err)
		}
	}
	Each(len(opened), parallel, func(i int) {
		file.Organizations[i], codes[i] = planOne(ctx, m.Organizations[i], opened[i], earlier)
		if file.Organizations[i].Plan == nil {
			file.Organizations[i].Line = s.EntryLine(i)
		}
	})
	if err := ctx.Err(); err != nil {
		return nil, 0, &errors.Error{Provider: "offboard", Operation: "plan", Code: errors.Canceled, Err: err}
	}
	listed, err := resolve(ctx, m, s, file, open, parallel)
	if err != nil {
		return nil, 0, err
	}
	file.Allow, file.Deny = listed.allowed(), ids(listed.deny)
	if len(file.Allow) == 0 && len(m.Allow)+len(m.AllowFlags) > 0 { // an empty list would permit all
		return nil, 0, errors.New("--allow and the manifest permit no organization in common")
	}
	file.Unmatched = listed.unmatched(file)
	refuse := func(i int, denied bool, err error) {
		o := &file.Organizations[i]
		found := o.Plan.Organization
		o.Plan, o.Organization, o.Problem, o.ExitCode, o.Line = nil, &found, problem.Of(err), exitcode.Of(err), s.EntryLine(i)
		codes[i], o.Entry, o.Denied = o.ExitCode, o.Entry.Bare(), denied
	}
	for i := range file.Organizations {
		if err := forbidden(file.Organizations[i], listed); err != nil {
			refuse(i, true, err)
		}
	}
	for i := range file.Organizations { // an organization that a list denies deletes no other one
		if err := repeated(file, i); err != nil {
			refuse(i, false, err)
		} else if o := &file.Organizations[i]; o.Plan != nil {
			o.Overrides = o.Entry.Overrides(o.Plan, s.EntryLine(i))
		}
	}
	file.Flags = listed.flags(m, file)
	file.Seal()
	if slices.ContainsFunc(file.Organizations, planfile.Planned.Misnamed) {
		return file, exitcode.NotConfirmed, nil // apply refuses the whole file
	}
	return file, exitcode.Worst(codes), nil
}

// Each calls a function for 0 to n-1, several at a time.
func Each(n, parallel int, f func(int)) {
	var group sync.WaitGroup
	slots := make(chan struct{}, max(parallel, 1))
	for i := range n {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			f(i)
		})
	}
	group.Wait()
}

// Earlier is what earlier runs have recorded. The zero value is empty.
type Earlier struct {
	Journal planfile.Index
	File    *planfile.File // the plan file that is replaced; nil for none
}

// subject returns the organization that an entry named in the earlier plan file. Without one, the ID is
// the text of the entry.
func (r Earlier) subject(e planfile.Entry) teardown.Organization {
	if r.File != nil {
		for _, other := range r.File.Organizations {
			if other.Entry.Provider == e.Provider && other.Entry.Organization == e.Organization && other.Entry.BaseURL == e.BaseURL {
				return other.Subject()
			}
		}
	}
	return teardown.Organization{ID: e.Organization}
}

// replaced returns the ID of the organization that an entry named in the earlier plan file, if a plan is
// of another one and the journal shows the deletion of the earlier one; otherwise "".
func (r Earlier) replaced(e planfile.Entry, p *teardown.Plan) string {
	before := r.subject(e)
	if before.ID == e.Organization || strings.EqualFold(before.ID, p.Organization.ID) {
		return ""
	}
	if !r.Journal.Of(planfile.SubjectOf(&teardown.Plan{Provider: p.Provider, Instance: p.Instance, Organization: before})).DeletionStarted {
		return ""
	}
	return before.ID
}

// deletion returns the deletion that the journal shows of an organization whose read failed, and the
// organization; nil for none. The earlier plan file has the IDs of entries that have another name.
func (r Earlier) deletion(e planfile.Entry, o connect.Organization, failed error) (*planfile.Deletion, teardown.Organization) {
	found := r.subject(e)
	notFound, queued := errors.Is(failed, errors.OrganizationNotFound), errors.Is(failed, errors.Conflict)
	if !notFound && !queued && !connect.AccountDeleted(failed) {
		return nil, found
	}
	d, err := o.Driver(&teardown.Plan{Organization: found})
	if err != nil {
		return nil, found
	}
	provider, instance := d.Provider()
	record := r.Journal.Of(planfile.SubjectOf(&teardown.Plan{Provider: provider, Instance: instance, Organization: found}))
	switch {
	case notFound && record.DeletionStarted:
		return &planfile.Deletion{Instance: instance, Outcome: teardown.Deleted, Time: record.Last.Time}, found
	case queued && record.Complete() && record.Last.Outcome == teardown.Deleted: // a read found it
	case !notFound && record.Complete():
		return &planfile.Deletion{Instance: instance, Outcome: record.Last.Outcome, Time: record.Last.Time}, found
	}
	return nil, found
}

// planOne plans an organization, and compares its name with the confirmed one.
func planOne(ctx context.Context, e planfile.Entry, o connect.Organization, earlier Earlier) (planfile.Planned, int) {
	made := planfile.Planned{Entry: e}
	plan, err := o.Plan(ctx)
	failed := err
	if err == nil && len(plan.Steps) == 0 && errors.Is(plan.Err(), errors.Conflict) {
		failed = plan.Err() // of a deletion that is pending
	}
	if d, found := earlier.deletion(e, o, failed); d != nil {
		made.Deletion, made.Organization, made.Entry.Confirm, made.Entry.Override = d, &found, "", nil
		return made, exitcode.OK
	}
	if err == nil && e.Confirm != "" && !planfile.Confirms(e.Confirm, plan.Organization) {
		found := plan.Organization
		made.Organization, made.NameDiffers, err = &found, true, planfile.Misnamed("Plan", e, found)
	}
	if err != nil {
		made.Entry, made.Problem, made.ExitCode = e.Bare(), problem.Of(err), exitcode.Of(err)
		return made, made.ExitCode
	}
	made.Plan, made.Replaced = plan, earlier.replaced(e, plan)
	// The exit code reports what apply cannot remove.
	switch err := plan.Err(); {
	case err != nil && len(plan.Steps) == 0:
		return made, exitcode.Of(err)
	case len(plan.Manual()) > 0:
		return made, exitcode.Blocked
	case len(e.MissingOverrides(plan)) > 0:
		return made, exitcode.NotConfirmed
	}
	return made, exitcode.OK
}

// forbidden returns an error if a list denies an organization with a plan.
func forbidden(o planfile.Planned, l lists) error {
	if o.Plan == nil {
		return nil
	}
	if why, by := l.forbids(o); why != "" {
		return planfile.Advised("Plan", o, why, fmt.Sprintf("To delete this organization, change %s, and plan again.", by))
	}
	return nil
}

// repeated returns an error if an organization with a plan must not be applied, because another entry
// names it, or the plan of another entry deletes it.
func repeated(f *planfile.File, i int) error {
	o := f.Organizations[i]
	if o.Plan == nil {
		return nil
	}
	for j, other := range f.Organizations {
		var why string
		switch p, d := other.Plan, other.Deletion; {
		case j < i && p != nil && sameOrganization(o, other, p.Instance), d != nil && sameOrganization(o, other, d.Instance):
			why = fmt.Sprintf("same organization as %q", other.Entry.Organization)
		case j != i && p != nil && p.Provider == o.Plan.Provider && p.Instance == o.Plan.Instance && deletesManaged(p, o.Plan.Organization.ID):
			why = fmt.Sprintf("deleted by the plan of %q", other.Entry.Organization)
		default:
			continue
		}
		return planfile.Advised("Plan", o, why, "Remove one of both entries from the manifest, and plan again.")
	}
	return nil
}

// deletesManaged reports whether a step of a plan deletes an organization.
func deletesManaged(p *teardown.Plan, id string) bool {
	return slices.ContainsFunc(planfile.Deleted(p)[1:], func(o teardown.Organization) bool { return strings.EqualFold(o.ID, id) })
}

// sameOrganization reports whether an entry names the organization of a planned one, whatever its
// address and its credential are. The instance is that of the entry.
func sameOrganization(o, entry planfile.Planned, instance string) bool {
	return entry.Entry.Provider == o.Entry.Provider && instance == o.Plan.Instance && strings.EqualFold(entry.Subject().ID, o.Plan.Organization.ID)
}
