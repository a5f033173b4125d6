package planfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/format"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Confirmation returns the value for [teardown.WithConfirm]: the organization's name, or its
// ID if it has no name.
func Confirmation(o teardown.Organization) string {
	if strings.TrimSpace(o.Name) == "" {
		return o.ID
	}
	return o.Name
}

// Confirms reports whether a value confirms an organization. An empty value confirms
// nothing.
func Confirms(value string, o teardown.Organization) bool {
	return strings.TrimSpace(value) != "" && value == Confirmation(o)
}

// Wanted returns the value that --confirm or the answer to a prompt must have for an
// organization of the file: its name, or its ID if the name is empty or not unique.
func (f *File) Wanted(i int) string {
	o := f.Organizations[i].Plan.Organization
	for j, other := range f.Organizations {
		if j != i && other.Plan != nil && other.Plan.Organization.Name == o.Name {
			return o.ID
		}
	}
	return Confirmation(o)
}

// ConfirmedBy returns the indexes of the organizations that the values of --confirm confirm.
// It returns an error unless each value confirms exactly one.
func (f *File) ConfirmedBy(values []string) ([]int, error) {
	var confirmed []int
	for n, value := range values {
		if strings.TrimSpace(value) == "" {
			return nil, mismatch("--confirm is empty: give the name of an organization")
		}
		var by, called []int
		for i, o := range f.Organizations {
			if o.Plan == nil {
				continue
			}
			if f.Wanted(i) == value {
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
		case len(both) == 0:
			return nil, mismatch("--confirm number %d matches no organization of the plan file: give the name, or the ID if the name is empty or not unique", n+1)
		case len(by) == 0:
			return nil, mismatch("%d organizations have the name %q: confirm each by its ID: %s", len(called), value, format.List(f.ids(called)))
		default:
			return nil, mismatch("--confirm number %d matches %d organizations: confirm them in the manifest", n+1, len(both))
		}
	}
	return confirmed, nil
}

// mismatch returns the error of a value of --confirm that does not confirm one organization.
func mismatch(format string, args ...any) error {
	return &errors.Error{Code: errors.NotConfirmed, Err: fmt.Errorf(format, args...)}
}

// ids returns the quoted IDs of organizations of the file.
func (f *File) ids(indexes []int) []string {
	var ids []string
	for _, i := range indexes {
		ids = append(ids, fmt.Sprintf("%q", f.Organizations[i].Plan.Organization.ID))
	}
	return ids
}

// Misnamed returns the error of a method for an organization whose name differs from the
// confirmed one. It does not repeat the confirmed name, which may be a secret.
func Misnamed(method string, e Entry, o teardown.Organization) error {
	text := fmt.Errorf("the confirmed name differs from the provider's name %q", o.Name)
	if strings.TrimSpace(o.Name) == "" {
		text = fmt.Errorf("the organization has no name: confirm it by its ID %q", o.ID)
	}
	return &errors.Error{
		Provider: e.Provider, Operation: method, Target: cmp.Or(o.ID, o.Name), Code: errors.NotConfirmed, Err: text,
	}
}

// Unconfirmed returns the error of a method for an organization that is not confirmed.
func Unconfirmed(method string, o Planned, text string) error {
	return &errors.Error{
		Provider: o.Entry.Provider, Operation: method, Target: o.Subject().ID, Code: errors.NotConfirmed,
		Err: errors.New(text),
	}
}
