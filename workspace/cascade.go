package workspace

import (
	"cmp"
	"context"
	"iter"
	"strconv"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// maxNames is the maximum number of names in a cascade.
const maxNames = 5

// pageSize is the requested number of items per page of the lists that are counted.
const pageSize = 100

// cascades counts the resources that Applivery deletes along with an organization.
func (c *Client) cascades(ctx context.Context, id string) ([]teardown.Cascade, error) {
	var all []teardown.Cascade
	for _, of := range []struct {
		kind, note string
		count      func() (teardown.Cascade, error)
	}{
		{"apps", "", func() (teardown.Cascade, error) {
			return count(c.ListApps(ctx, id, ListAppsPageOptions{Limit: pageSize}), (*App).identity, func(a *App) string { return cmp.Or(a.Name, a.Slug, a.ID) })
		}},
		{"devices", "not documented whether Applivery disenrolls them", func() (teardown.Cascade, error) {
			return count(c.ListDevices(ctx, id, ListDevicesPageOptions{Limit: pageSize, SubType: DeviceSubTypeDevice}), (*Device).identity, (*Device).describe)
		}},
		{"collaborators", "", func() (teardown.Cascade, error) {
			return count(c.ListCollaborators(ctx, id, ListCollaboratorsPageOptions{Limit: pageSize}), (*Collaborator).identity, func(c *Collaborator) string { return cmp.Or(c.User.Email, c.User.ID, c.ID) })
		}},
		{"stores", "", func() (teardown.Cascade, error) {
			return count(c.ListStores(ctx, id, ListStoresPageOptions{Limit: pageSize}), (*Store).identity, func(s *Store) string { return cmp.Or(s.CustomDomain, s.ID) })
		}},
		{"segments", "", func() (teardown.Cascade, error) {
			top, err := c.ListSegments(ctx, id)
			return count(descendants(top, err), (*Segment).identity, func(s *Segment) string { return s.Name })
		}},
	} {
		cascade, err := of.count()
		switch {
		case errors.Is(err, errors.PermissionDenied), errors.Is(err, errors.NotFound):
			// Applivery has one code for every resource that does not exist. The
			// organization was read before, so the code does not mean the organization.
			e, _ := errors.AsType[*errors.Error](err)
			cascade = teardown.Cascade{Note: "number unknown: " + string(e.Code.Category())}
		case err != nil:
			return nil, err
		case cascade.Count == 0:
			continue
		default:
			cascade.Note = of.note
		}
		cascade.Kind = of.kind
		all = append(all, cascade)
	}
	return all, nil
}

// count counts the items of a list. It does not use the total that a page states, which may
// be wrong.
func count[T any](list iter.Seq2[T, error], identity, name func(*T) string) (teardown.Cascade, error) {
	var cascade teardown.Cascade
	var ids []string
	for item, err := range list {
		if err != nil {
			return cascade, err
		}
		id := identity(&item)
		if id == "" {
			return cascade, &errors.Error{
				Provider: provider, Operation: "Plan", Code: errors.UnexpectedResponse, Err: errors.New("an item of a list has no ID"),
			}
		}
		cascade.Count++
		ids = append(ids, id)
		if text := name(&item); len(cascade.Names) < maxNames && text != "" {
			cascade.Names = append(cascade.Names, text)
		}
	}
	cascade.Identify(ids)
	return cascade, nil
}

// identity returns the ID of a segment as text; "" if the segment has no ID.
func (s *Segment) identity() string {
	if s.ID == 0 {
		return ""
	}
	return strconv.Itoa(s.ID)
}

// descendants yields segments, each before its children. If err is not nil, it yields err only.
func descendants(level []Segment, err error) iter.Seq2[Segment, error] {
	return func(yield func(Segment, error) bool) {
		if err != nil {
			yield(Segment{}, err)
			return
		}
		for _, s := range level {
			if !yield(s, nil) {
				return
			}
			for s, err := range descendants(s.Children, nil) {
				if !yield(s, err) {
					return
				}
			}
		}
	}
}
