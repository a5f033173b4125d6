package atlas

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/resource"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/teardown"
)

// driver is what a teardown needs of Atlas.
type driver struct {
	*resource.Driver[ref]
	c     *Client
	all   []kind
	kinds map[BlockerKind]*kind

	own     bool // the client's credential is one of the organization's; not known without Inspect
	applied bool // the read before applying a plan is over

	mu      sync.Mutex
	deleted map[string]bool  // steps whose resource does not exist, as a read has shown, and cannot come back
	counts  map[string]int64 // clusters, by kind and project

	owned   map[string]time.Time // by organization and project: the last read that shows that the one has the other
	removed map[string]string    // names of clusters that this run has deleted, by project and ID of Atlas's own

	reading chan struct{} // has an element while a read shows whether projects belong to the organization
}

func newDriver(c *Client) *driver {
	d := &driver{
		c: c, all: kinds(), kinds: map[BlockerKind]*kind{}, deleted: map[string]bool{}, counts: map[string]int64{},
		owned: map[string]time.Time{}, removed: map[string]string{}, reading: make(chan struct{}, 1),
	}
	for i := range d.all {
		d.kinds[d.all[i].name] = &d.all[i]
	}
	d.Driver = resource.New(d.table(), d.refOf)
	return d
}

// Provider returns what plans of this client have as their provider and instance.
func (d *driver) Provider() (name, instance string) { return provider, d.c.instance() }

// Durations returns what all teardowns of the client have learned.
func (d *driver) Durations() *teardown.Durations {
	if d.c == nil {
		return nil
	}
	return d.c.durations
}

// instance is the address of Atlas, of which there is another one for Government.
func (c *Client) instance() string { return c.rest().BaseURL().String() }

// table describes how the resources of all kinds are read and removed.
func (d *driver) table() *resource.Table[ref] {
	t := &resource.Table[ref]{Provider: provider, Immaterial: func(err error) bool {
		return errors.Is(err, errors.AlreadyRequestedDeletion) || isNotInGroup(err)
	}}
	for i := range d.all {
		k := &d.all[i]
		entry := resource.Kind[ref]{
			Name: string(k.name), Read: d.readResource, Remove: d.remove,
			Scope: func(r ref) string { return r.scope().name() }, List: d.listResources,
			Named: k.named, Soon: k.soon, Expect: k.expect, Patience: k.patience,
		}
		if k.named || k.name == kindProject {
			entry.Fresh = rightBefore
		}
		if k.findIn == nil {
			entry.ListWorth = 1 // its state is in the list, and in a project there are few
		}
		switch {
		case k.patience > 0:
		case k.stateful:
			entry.Patience = readsBeforeRepeat
		default:
			entry.Patience, entry.Settling = 2*readsBeforeRepeat, stateless
		}
		if k.unprotect != nil {
			entry.Prepare = d.unprotect
		}
		if k.counted {
			entry.Watch = &resource.Watch[ref]{Scope: func(r ref) string { return r.organization }, Changed: d.countClusters}
		}
		t.Kinds = append(t.Kinds, entry)
	}
	return t
}

// A removal that Atlas has accepted is requested again if so many reads show the resource
// unchanged, as the vendor's own operator does.
const (
	readsBeforeRepeat = 5

	// rightBefore is how old a read may be on which a removal by name, or that of a project,
	// relies: each is sent right after a read of its own. Another resource may have the name
	// the next moment, and a project another organization.
	rightBefore = time.Nanosecond

	// stateless is how long a resource is given whose state does not show that its deletion
	// has started.
	stateless = 75 * time.Second
)

// refOf returns where the resource of a step is. The step must be that of its reference.
func (d *driver) refOf(o teardown.Organization, s teardown.Step) (r ref, err error) {
	name, identity, _ := strings.Cut(s.ID, "/")
	k := d.kinds[BlockerKind(name)]
	if k == nil || s.Kind != name {
		return ref{}, invalidStep(s)
	}
	if len(s.Ref) == 0 {
		r = parsed(k, identity, s.Name)
	} else if err := json.Unmarshal(s.Ref, &r); err != nil {
		return ref{}, invalidStep(s)
	}
	r.kind, r.organization, r.unprotect = k, o.ID, slices.Contains(s.Requires, teardown.TerminationProtection)
	if r.stepID() != s.ID || (r.Project == "") != (k.find == nil && k.name != kindProject) {
		return ref{}, invalidStep(s)
	}
	return r, nil
}

func invalidStep(s teardown.Step) error {
	return rest.Invalid(provider, "Teardown", s.ID, errors.New("there is no such step"))
}

// parsed returns where the resource of a step without a reference is, by the ID of the step
// without its kind, and the name.
func parsed(k *kind, id, name string) ref {
	holder, identity, _ := strings.Cut(id, "/")
	r := ref{ID: identity}
	if k.inParent {
		r.Parent, r.ID, _ = strings.Cut(identity, "/")
	}
	if identity == "" {
		r.ID = holder
	}
	if k.find != nil || k.name == kindProject {
		r.Project = holder
	}
	if short, _, ok := strings.Cut(name, " in "); ok && k.named && !k.inParent && short != identity {
		r.ID, r.UID = short, identity
	}
	return r
}

// Act sends the next request of a step.
func (d *driver) Act(ctx context.Context, o teardown.Organization, s teardown.Step) (teardown.Progress, error) {
	p, err := d.Driver.Act(ctx, o, s)
	if err == nil && p.State == teardown.ProgressNotFound {
		d.note(o, s)
	}
	return p, err
}

// Poll reads the resources of steps.
func (d *driver) Poll(ctx context.Context, o teardown.Organization, group string, steps []teardown.Step) ([]teardown.Progress, error) {
	all, err := d.Driver.Poll(ctx, o, group, steps)
	for i, p := range all {
		if p.State == teardown.ProgressNotFound {
			d.note(o, steps[i])
		}
	}
	return all, err
}

// note keeps that the resource of a step does not exist, unless its ID is a name, which
// another resource may have later.
func (d *driver) note(o teardown.Organization, s teardown.Step) {
	if r, err := d.refOf(o, s); err == nil {
		d.noteDeleted(r)
	}
}

func (d *driver) noteDeleted(r ref) {
	if r.kind.onePiece || r.kind.named && r.UID == "" {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.deleted[r.stepID()] = true
}

func (d *driver) isDeleted(step string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.deleted[step]
}

// readResource reads a resource. One that does not exist in a project of another
// organization is not the one that was planned.
func (d *driver) readResource(ctx context.Context, r ref) (resource.Item, error) {
	item, err := d.c.readResource(ctx, r)
	if err == nil && item.Phase == resource.Absent && r.kind.name != kindProject {
		if _, err = d.belongs(ctx, r); err != nil {
			return resource.Item{}, err
		}
	}
	return item, err
}

// readResource reads a resource by itself, or in its list if no operation does that.
func (c *Client) readResource(ctx context.Context, r ref) (resource.Item, error) {
	if r.kind.read == nil {
		found, err := c.stable(ctx, r.scope())
		if err != nil {
			return resource.Item{}, err
		}
		return r.among(found)
	}
	left, err := r.kind.read(c, ctx, r)
	if err != nil {
		absent, err := r.kind.absent(c, ctx, r, err)
		if err != nil || !absent {
			return resource.Item{}, err
		}
		return resource.Item{Phase: resource.Absent}, nil
	}
	if left.ID != r.ID {
		return resource.Item{}, another("Teardown", r.ID)
	}
	left.Kind = r.kind.name
	return r.among([]Blocker{left})
}

// among returns the resource among those that a read has found. Another resource of its
// name is another one, and one without Atlas's own ID proves nothing.
func (r ref) among(found []Blocker) (resource.Item, error) {
	id, in := r.stepID(), r.scope()
	for _, x := range found {
		switch {
		case refTo(in, x).stepID() == id:
			return r.item(x), nil
		case r.UID != "" && x.UID == "" && x.ID == r.ID && x.Parent == r.Parent:
			return resource.Item{}, another("Teardown", r.ID)
		}
	}
	return resource.Item{Phase: resource.Absent}, nil
}

// item returns what a read shows of the resource.
func (r ref) item(left Blocker) resource.Item {
	i := resource.Item{Text: left.step().Description, Value: left, Unprepared: r.unprotect && left.Protected}
	switch {
	case left.going():
		i.Phase = resource.Leaving
	case left.State == failed:
		i.Phase = resource.Broken
		i.Err = &errors.Error{
			Provider: provider, Operation: "Teardown", Target: r.stepID(), Code: errors.Conflict,
			Steps: []errors.Step{left.step()}, Err: errors.New("a deletion that had started failed"),
		}
	}
	return i
}

// listResources reads resources of one scope by one list. What a list of several pages
// lacks, or what an operation reads by itself, may exist.
func (d *driver) listResources(ctx context.Context, rs []ref) ([]*resource.Item, error) {
	l, err := d.c.list(ctx, rs[0].scope())
	if errors.Is(err, errors.UnexpectedResponse) {
		err = unavailable(err, err) // it contradicts itself, and another read may not
	}
	if err != nil {
		return nil, err
	}
	found := make(map[string][]Blocker, len(l.found))
	for _, x := range l.found {
		found[x.ID] = append(found[x.ID], x)
	}
	items := make([]*resource.Item, len(rs))
	for i, r := range rs {
		item, err := r.among(found[r.ID])
		if err != nil {
			return nil, err
		}
		switch {
		case item.Phase != resource.Absent:
		case l.paged || r.kind.read != nil:
			continue
		default:
			if _, err := d.belongs(ctx, r); err != nil {
				return nil, err
			}
		}
		items[i] = &item
	}
	return items, nil
}

// remove requests the removal of a resource in a project of the organization.
func (d *driver) remove(ctx context.Context, r ref, _ resource.Item) (resource.Sent, error) {
	if r.kind.remove == nil {
		return resource.Sent{}, rest.Invalid(provider, "Teardown", r.stepID(), errors.New("no API removes it"))
	}
	if err := d.owns(ctx, r); err != nil {
		return resource.Sent{}, err
	}
	err := r.kind.remove(d, ctx, r)
	if r.kind.name == KindCluster && r.UID != "" && err == nil {
		d.noteRemoved(r)
	}
	return resource.Sent{}, r.scope().passing(err)
}

// unprotect ends the termination protection of a cluster, where that was planned.
func (d *driver) unprotect(ctx context.Context, r ref, i resource.Item) (resource.Preparation, error) {
	if !i.Unprepared {
		return resource.Preparation{Ready: true}, nil
	}
	if err := d.owns(ctx, r); err != nil {
		return resource.Preparation{}, err
	}
	return resource.Preparation{Text: i.Text}, r.scope().passing(r.kind.unprotect(d.c, ctx, r))
}

// countClusters reports whether clusters may have changed, by the number of clusters that
// their projects have: it is another than before, or at first less than the number of those
// that are waited for. One list of the organization has those of all projects.
func (d *driver) countClusters(ctx context.Context, rs []ref) ([]bool, error) {
	at := time.Now()
	projects, err := gather(d.c.ListProjects(ctx, rs[0].organization, ListProjectsPageOptions{}))
	if err != nil {
		return nil, err
	}
	d.noteOwned(rs[0].organization, projects, at)
	now, waiting := map[string]int64{}, map[string]int64{}
	for _, x := range projects {
		now[x.ID] = x.ClusterCount
	}
	for _, r := range rs {
		waiting[r.Project]++
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	changed := make([]bool, len(rs))
	for i, r := range rs {
		before, known := d.counts[string(r.kind.name)+r.Project]
		changed[i] = known && before != now[r.Project] || !known && now[r.Project] < waiting[r.Project]
	}
	for id := range waiting {
		d.counts[string(rs[0].kind.name)+id] = now[id]
	}
	return changed, nil
}

// Delete deletes the organization, and reads whether it is deleted. Atlas documents that it no
// longer exists at once. A credential of the organization itself ends with it: that Atlas
// accepted it right before the deletion, and refuses it in several reads right after, is all
// that it can read. Other refused reads end the wait, because no later read decides either.
func (d *driver) Delete(ctx context.Context, o teardown.Organization) (teardown.Deletion, error) {
	accepted := false // the last deletion that was sent
	deletion := resource.Deletion{
		Send: func(ctx context.Context) (bool, error) {
			proved, err := d.c.deleteProved(ctx, o.ID)
			accepted = err == nil
			return proved, err
		},
		Verification: resource.Verification{
			Wait: d.c.rest().Wait, Provider: provider, Operation: "Teardown", Organization: o.ID,
			Read: func(ctx context.Context) (rest.Existence, error) { return d.c.look(ctx, o.ID) },
			Ended: func(_ context.Context, refusal error) (bool, error) {
				switch {
				case !errors.Is(refusal, errors.Unauthenticated):
					return false, nil
				case d.own && accepted:
					return true, nil
				}
				return false, refusal
			},
			Refusals: 4, Settling: 9 * time.Second, Within: 5 * time.Minute,
		},
	}
	return deletion.Run(ctx)
}
