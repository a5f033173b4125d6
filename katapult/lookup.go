package katapult

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
)

// OrganizationLookup names an organization: an [ID] or a [SubDomain].
type OrganizationLookup interface {
	organizationLookup() (key, id string)
}

// ID names an organization by its id: katapult.ID("org_…").
type ID string

// SubDomain names an organization by its sub domain: katapult.SubDomain("acme").
// An id is the safer name: a sub domain is free for others once its organization
// is gone.
type SubDomain string

func (id ID) organizationLookup() (string, string) { return "id", string(id) }

func (s SubDomain) organizationLookup() (string, string) { return "sub_domain", string(s) }

// lookup returns the argument that carries a lookup, and its value.
func lookup(organization OrganizationLookup) (key, id string) {
	if organization == nil {
		return "id", ""
	}
	return organization.organizationLookup()
}

// names reports whether a lookup is one of the organization that was found.
func names(organization OrganizationLookup, found *Organization) bool {
	switch l := organization.(type) {
	case ID:
		return string(l) == found.ID
	case SubDomain:
		return string(l) == found.SubDomain
	}
	return false
}

// Time is a point in time, which the API writes in Unix seconds.
type Time struct{ time.Time }

// UnmarshalJSON reads Unix seconds; null is the zero time.
func (t *Time) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	seconds, err := strconv.ParseInt(string(data), 10, 64)
	if err != nil {
		return errors.New("katapult: a time is not in Unix seconds")
	}
	t.Time = time.Unix(seconds, 0).UTC()
	return nil
}

// MarshalJSON writes Unix seconds; null for the zero time.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return strconv.AppendInt(nil, t.Unix(), 10), nil
}

// deletionOrder is the order in which steps have to go: what holds something
// else goes first, and what no API can do comes last.
var deletionOrder = []string{
	"managed_organizations",
	"load_balancers",
	"dns_zones",
	"disk_backup_policies",
	"virtual_machines",
	"disks",
	"file_storage_volumes",
	"object_storage",
	"empty_trash",
	"virtual_networks",
	"ip_addresses",
	"isos",
	"disk_templates",
	"ensure_zero_balance",
	"ensure_no_outstanding_invoices",
}

// Open returns the steps that are not satisfied, in the order in which they have
// to go. Steps that are not known here come last, by name.
func (s DeletionSteps) Open() []errors.Step {
	left := 0
	for _, step := range s {
		if !step.Satisfied {
			left++
		}
	}
	open := make([]errors.Step, 0, left)
	add := func(name string) {
		if step, ok := s[name]; ok && !step.Satisfied {
			open = append(open, errors.Step{Name: name, Description: step.Description})
		}
	}
	for _, name := range deletionOrder {
		add(name)
	}
	if len(open) < left {
		for _, name := range slices.Sorted(maps.Keys(s)) {
			if !slices.Contains(deletionOrder, name) {
				add(name)
			}
		}
	}
	return open
}
