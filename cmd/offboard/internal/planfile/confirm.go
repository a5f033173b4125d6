package planfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/format"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/problem"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/confirmation"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/internal/spelling"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Confirmation returns the value for [teardown.WithConfirm]: the organization's name, or its
// ID if it has no name.
func Confirmation(o teardown.Organization) string {
	return confirmation.Value(o.Name, o.ID)
}

// Typed returns the value that a person can give for an organization: its name, or its ID if
// the name is empty, is printed in another form, or is refused as an argument.
func Typed(o teardown.Organization) string {
	return confirmation.Typed(o.Name, o.ID)
}

// Confirms reports whether a value confirms an organization: its name, or the ID if [Typed]
// returns it. An empty value confirms nothing.
func Confirms(value string, o teardown.Organization) bool {
	return strings.TrimSpace(value) != "" && (value == Confirmation(o) || value == Typed(o))
}

// Wanted returns the value that --confirm or the answer to a prompt must have for an
// organization of the file: its name, or its ID if the name is not unique or cannot be typed.
func (f *File) Wanted(i int) string {
	o := f.Organizations[i].Plan.Organization
	if !f.isUnique(i) {
		return o.ID
	}
	return Typed(o)
}

// isUnique reports whether no other organization of the file with a plan has the name of this one.
func (f *File) isUnique(i int) bool {
	for j, other := range f.Organizations {
		if j != i && other.Plan != nil && other.Plan.Organization.Name == f.Organizations[i].Plan.Organization.Name {
			return false
		}
	}
	return true
}

// ConfirmedBy returns the indexes of the organizations that the values of --confirm confirm.
// It returns an error unless each value confirms exactly one.
func (f *File) ConfirmedBy(values []string) ([]int, error) {
	var confirmed []int
	for n, value := range values {
		if strings.TrimSpace(value) == "" {
			return nil, mismatch("remove the empty --confirm", "--confirm is empty: give the name of an organization")
		}
		var by, called []int
		for i, o := range f.Organizations {
			if o.Plan == nil || value != o.Plan.Organization.Name && value != o.Plan.Organization.ID {
				continue
			}
			if f.Wanted(i) == value || f.isUnique(i) && Confirms(value, o.Plan.Organization) {
				by = append(by, i)
			}
			if o.Plan.Organization.Name == value {
				called = append(called, i)
			}
		}
		// The name of one organization may be the ID of another.
		both := slices.Compact(slices.Sorted(slices.Values(slices.Concat(by, called))))
		switch {
		case len(by) == 1 && len(both) == 1:
			confirmed = append(confirmed, by[0])
		case len(both) == 0 && named(f.unselected, value) != nil:
			return nil, mismatch("correct --confirm or --only", "--confirm number %d is about %s, which --only does not select: add it by --only, or remove this --confirm", n+1, named(f.unselected, value).Named())
		case len(both) == 0 && named(f.withoutPlan(), value) != nil:
			o := named(f.withoutPlan(), value)
			return nil, mismatch("remove this --confirm", "--confirm number %d is about %s, which this run does not delete: %s", n+1, o.Named(), o.Reason())
		case len(both) == 0:
			return nil, mismatch("correct this --confirm", "--confirm number %d matches no organization of the plan file: give the name, or the ID if the name is empty, not unique or not printable", n+1)
		case len(by) == 0:
			return nil, mismatch("confirm by the IDs", "%d organizations have the name %q: confirm each by its ID: %s", len(called), value, format.List(f.ids(called)))
		default:
			return nil, mismatch("write confirm in the manifest, and plan again", "--confirm number %d matches %d organizations: confirm them in the manifest", n+1, len(both))
		}
	}
	return confirmed, nil
}

// named returns the organization with a name or an ID; nil for none.
func named(organizations []Planned, value string) *Planned {
	for i, o := range organizations {
		if s := o.Subject(); value == s.ID || value == s.Name {
			return &organizations[i]
		}
	}
	return nil
}

// withoutPlan returns the organizations that apply does not delete: denied ones, those that could not
// be planned, and deleted ones.
func (f *File) withoutPlan() []Planned {
	return slices.DeleteFunc(slices.Clone(f.Organizations), func(o Planned) bool { return o.Plan != nil })
}

// Confirmations returns the values of --confirm that confirm organizations of the file. It omits
// a value that --confirm refuses, because it is also the ID of another organization.
func (f *File) Confirmations(indexes []int) []string {
	var values []string
	for _, i := range indexes {
		value := f.Wanted(i)
		if _, err := f.ConfirmedBy([]string{value}); err == nil {
			values = append(values, value)
		}
	}
	return values
}

// mismatch returns the error of a value of --confirm that does not confirm one organization. The
// action corrects the value.
func mismatch(action, format string, args ...any) error {
	return &errors.Error{Code: errors.NotConfirmed, Err: problem.Advise(fmt.Errorf(format, args...), "Nothing was changed. To apply, "+action+".")}
}

// ids returns the quoted IDs of organizations of the file.
func (f *File) ids(indexes []int) []string {
	var ids []string
	for _, i := range indexes {
		ids = append(ids, fmt.Sprintf("%q", f.Organizations[i].Plan.Organization.ID))
	}
	return ids
}

// Select keeps only the organizations with the given names or IDs. Without a value, it keeps all.
// It returns an error unless each value selects exactly one.
func (f *File) Select(values []string) error {
	if len(values) == 0 {
		return nil
	}
	selected := make([]bool, len(f.Organizations))
	for n, value := range values {
		var found []int
		for i, o := range f.Organizations {
			if s := o.Subject(); strings.TrimSpace(value) != "" && (value == s.ID || value == s.Name) {
				found = append(found, i)
			}
		}
		switch len(found) {
		case 0:
			return fmt.Errorf("--only number %d matches no organization of the plan file: give the name or the ID%s", n+1, spelling.Hint(value, f.names()))
		case 1:
			selected[found[0]] = true
		default:
			return fmt.Errorf("--only number %d matches %d organizations: give an ID", n+1, len(found))
		}
	}
	var kept []Planned
	for i, o := range f.Organizations {
		if selected[i] {
			kept = append(kept, o)
			continue
		}
		f.unselected = append(f.unselected, o)
	}
	f.Organizations = kept
	return nil
}

// names returns the names and the IDs of all organizations, without control characters.
func (f *File) names() []string {
	var names []string
	for _, o := range f.Organizations {
		for _, name := range []string{o.Subject().Name, o.Subject().ID} {
			if name != "" {
				names = append(names, printable.Text(name))
			}
		}
	}
	return names
}

// Restrict applies the values of --allow and --deny, which are names or IDs. An organization
// that they forbid, or whose steps delete one, loses its plan. --allow permits nothing that the
// manifest does not. It returns an error for a value that matches no organization of the file:
// a misspelled value would protect nothing.
func (f *File) Restrict(allow, deny []string) error {
	allowed, err := f.idsOf("--allow", allow)
	if err != nil {
		return err
	}
	denied, err := f.idsOf("--deny", deny)
	if err != nil {
		return err
	}
	f.Deny = append(f.Deny, denied...)
	switch {
	case len(allow) == 0:
	case len(f.Allow) == 0:
		f.Allow = allowed
	default:
		f.Allow = slices.DeleteFunc(allowed, func(id string) bool { return !slices.Contains(f.Allow, id) })
		if len(f.Allow) == 0 {
			return errors.New("--allow and the manifest permit no organization in common")
		}
	}
	for i, o := range f.Organizations {
		if o.Plan == nil {
			continue
		}
		for _, d := range o.deletes() {
			object := "this organization"
			if d.ID != o.Plan.Organization.ID {
				object = fmt.Sprintf("%q, which is deleted first", d.ID)
			}
			switch {
			case slices.Contains(denied, d.ID):
				f.forbid(i, "--deny forbids "+object)
			case len(allow) > 0 && !slices.Contains(f.Allow, d.ID):
				f.forbid(i, "--allow does not permit "+object)
			default:
				continue
			}
			break
		}
	}
	return nil
}

// Names reports whether an organization of the file has an ID, or a step of one deletes it. It takes
// organizations that are denied or not selected into account.
func (f *File) Names(id string) bool {
	return slices.ContainsFunc(slices.Concat(f.Organizations, f.unselected), func(p Planned) bool {
		return slices.ContainsFunc(p.deletes(), func(o teardown.Organization) bool { return strings.EqualFold(o.ID, id) })
	})
}

// Unselected returns the number of organizations that Select removed.
func (f *File) Unselected() int { return len(f.unselected) }

// Deleted returns the organizations that a plan deletes: first its own, then those that steps
// delete.
func Deleted(p *teardown.Plan) []teardown.Organization {
	all := []teardown.Organization{p.Organization}
	for _, step := range p.Steps {
		if step.Organization != nil {
			all = append(all, *step.Organization)
		}
	}
	return all
}

// deletes returns the organizations of [Deleted], also if Restrict removed the plan; only its own
// without a plan.
func (p Planned) deletes() []teardown.Organization {
	if plan := cmp.Or(p.Plan, p.forbidden); plan != nil {
		return Deleted(plan)
	}
	return []teardown.Organization{p.Subject()}
}

// idsOf returns the IDs of the organizations that the values of a flag name.
func (f *File) idsOf(flag string, values []string) ([]string, error) {
	var ids []string
	for n, value := range values {
		before := len(ids)
		for _, o := range f.Organizations {
			if o.Plan == nil {
				if s := o.Subject(); s.ID == value || s.Name != "" && s.Name == value {
					ids = append(ids, s.ID)
				}
				continue
			}
			for _, d := range o.deletes() {
				if strings.EqualFold(d.ID, value) || d.Name != "" && d.Name == value {
					ids = append(ids, d.ID)
				}
			}
		}
		if len(ids) == before || strings.TrimSpace(value) == "" {
			return nil, fmt.Errorf("%s number %d matches no organization of the plan file: give the name or the ID", flag, n+1)
		}
	}
	return ids, nil
}

// forbid removes the plan of an organization that must not be deleted.
func (f *File) forbid(i int, why string) {
	o := &f.Organizations[i]
	flag, _, _ := strings.Cut(why, " ")
	found, err := o.Plan.Organization, Advised("Teardown", *o, why, fmt.Sprintf("This organization was not changed. To delete it, correct %s in the command.", flag))
	o.forbidden = o.Plan
	o.Plan, o.Organization, o.Problem, o.ExitCode, o.Denied = nil, &found, problem.Of(err), exitcode.NotConfirmed, true
}

// Misnamed returns the error of a method for an organization whose name differs from the
// confirmed one. It does not repeat the confirmed name, which may be a secret.
func Misnamed(method string, e Entry, o teardown.Organization) error {
	text := fmt.Errorf("the confirmed name differs from the provider's name %q", o.Name)
	if strings.TrimSpace(o.Name) == "" {
		text = fmt.Errorf("the organization has no name: confirm it by its ID %q", o.ID)
	} else if Typed(o) != o.Name {
		text = fmt.Errorf("the confirmed name differs from the provider's name %q, which cannot be typed: confirm the organization by its ID %q", o.Name, o.ID)
	}
	return &errors.Error{
		Provider: e.Provider, Operation: method, Target: cmp.Or(o.ID, o.Name), Code: errors.NotConfirmed, Err: text,
	}
}

// AllUnconfirmed returns the error of organizations that are not confirmed. It names all of them,
// with the flag that confirms each.
func (f *File) AllUnconfirmed(indexes []int, text string) error {
	e := &errors.Error{
		Operation: "Teardown", Code: errors.NotConfirmed,
		Err: problem.Advise(errors.New(text), "Nothing was changed. Check each organization, and add its --confirm to the command; or select others by --only."),
	}
	for _, i := range indexes {
		e.Steps = append(e.Steps, errors.Step{Name: f.Organizations[i].Named(), Description: "--confirm " + format.ShellQuote(f.Wanted(i))})
	}
	return e
}

// Named returns the provider, the name and the ID of an organization for people.
func (p Planned) Named() string {
	s := p.Subject()
	switch {
	case strings.TrimSpace(s.Name) == "" || s.Name == s.ID:
		return p.Entry.Provider + " " + p.Title()
	case s.ID == "":
		return p.Entry.Provider + " " + printable.Text(s.Name)
	}
	return fmt.Sprintf("%s %s (%s)", p.Entry.Provider, printable.Text(s.Name), printable.Text(s.ID))
}

// Advised returns the error of Unconfirmed with an advice of its own.
func Advised(method string, o Planned, text, advice string) error {
	return &errors.Error{
		Provider: o.Entry.Provider, Operation: method, Target: o.Subject().ID, Code: errors.NotConfirmed,
		Err: problem.Advise(errors.New(text), advice),
	}
}

// Unconfirmed returns the error of a method for an organization that is not confirmed.
func Unconfirmed(method string, o Planned, text string) error {
	return &errors.Error{
		Provider: o.Entry.Provider, Operation: method, Target: o.Subject().ID, Code: errors.NotConfirmed,
		Err: errors.New(text),
	}
}
