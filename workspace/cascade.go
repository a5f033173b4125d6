package workspace

import (
	"cmp"
	"context"
	"iter"
	"strconv"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// maxNames is how many a loss names.
const maxNames = 5

// pageSize is how many items of a list are requested at a time to count them.
const pageSize = 100

// cascades counts what goes along with an organization.
func (c *Client) cascades(ctx context.Context, id string) ([]teardown.Cascade, error) {
	var losses []teardown.Cascade
	for _, of := range []struct {
		kind, note string
		count      func() (teardown.Cascade, error)
	}{
		{"apps", "", func() (teardown.Cascade, error) {
			return count(c.ListApps(ctx, id, ListAppsPageOptions{Limit: pageSize}), (*App).identity, func(a *App) string { return cmp.Or(a.Name, a.Slug, a.ID) })
		}},
		{"devices", "it is not documented what becomes of them", func() (teardown.Cascade, error) {
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
			return count(below(top, err), (*Segment).identity, func(s *Segment) string { return s.Name })
		}},
	} {
		loss, err := of.count()
		switch {
		case errors.Is(err, errors.PermissionDenied), errors.Is(err, errors.NotFound):
			// One code stands for all that is not found. That the organization is there
			// was just read, so that this is not about it.
			e, _ := errors.AsType[*errors.Error](err)
			loss = teardown.Cascade{Note: "how many is not known: " + string(e.Code.Category())}
		case err != nil:
			return nil, err
		case loss.Count == 0:
			continue
		default:
			loss.Note = of.note
		}
		loss.Kind = of.kind
		losses = append(losses, loss)
	}
	return losses, nil
}

// count counts the items of a list: the total that a page states may be wrong.
func count[T any](list iter.Seq2[T, error], identity, name func(*T) string) (teardown.Cascade, error) {
	var loss teardown.Cascade
	var ids []string
	for item, err := range list {
		if err != nil {
			return loss, err
		}
		id := identity(&item)
		if id == "" {
			return loss, &errors.Error{
				Provider: provider, Operation: "Plan", Code: errors.UnexpectedResponse, Err: errors.New("an item of a list has no id"),
			}
		}
		loss.Count++
		ids = append(ids, id)
		if text := name(&item); len(loss.Names) < maxNames && text != "" {
			loss.Names = append(loss.Names, text)
		}
	}
	loss.Identify(ids)
	return loss, nil
}

// identity tells a segment from others; "" for what is none.
func (s *Segment) identity() string {
	if s.ID == 0 {
		return ""
	}
	return strconv.Itoa(s.ID)
}

// below yields segments, each before those below it, or an error.
func below(level []Segment, err error) iter.Seq2[Segment, error] {
	return func(yield func(Segment, error) bool) {
		if err != nil {
			yield(Segment{}, err)
			return
		}
		for _, s := range level {
			if !yield(s, nil) {
				return
			}
			for s, err := range below(s.Children, nil) {
				if !yield(s, err) {
					return
				}
			}
		}
	}
}
