package katapult

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/resource"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/internal/trace"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Plan reads what stands in the way of an organization's deletion, and changes
// nothing.
//
// Each thing is a step: machines, disks, buckets and all else that lists show, what is
// in the trash already, and each organization that this one manages, after all that it
// has, which needs [teardown.ManagedOrganizations]. Steps by hand are disk templates,
// buckets that no access key names, managed organizations that cannot be read, and
// every deletion step that Katapult says to be open while nothing that can be read
// explains it: images of discs, a balance, invoices, object storage without an access
// key. Beside other object storage that of a region which no access key names is not
// seen, for nothing lists it: then that deletion step is open after all steps. A list is read unless Katapult says that its deletion step is satisfied. The
// plan has no losses: what goes along with an organization, such as its security
// groups, tokens and SSH keys, is not listed.
//
// It needs no [teardown.OwnOrganization]: only a token of the organization that manages
// it deletes an organization, and so never its own. A token of its own would have its
// steps carried out and the deletion refused.
//
// The plan's Err is that of [Client.CheckDeletion] by id.
//
// It costs two requests, and one for each page of 100 of each list, each region and
// each bucket; and one beside the lists for each managed organization.
//
// It needs the scopes organizations:read, managed_organizations:delete, and for what
// there is managed_organizations, load_balancers:read, dns:read,
// disk_backup_policies:read, virtual_machines:read, disks:read,
// file_storage_volumes:read, object_storage, trash_objects:read, virtual_networks:read,
// ip_addresses:read and disk_templates:read. Errors are those of these reads, and
// [errors.NotConfirmed] when the organization that answers is not the one that is named.
//
// Source: vendor OpenAPI 2.68.0; live exchanges.
func (c *Client) Plan(ctx context.Context, organization OrganizationLookup) (*teardown.Plan, error) {
	d := c.driver()
	d.lookup = organization
	return teardown.NewPlan(ctx, d, teardown.Organization{})
}

// Teardown carries out a plan of [Client.Plan]: it removes one thing after the other,
// in order, and deletes the organization once all are read to be gone. After Katapult has
// accepted that, a read decides. The outcome is [teardown.Deleted] when that shows that the
// organization is deleted; while it exists the deletion is requested again, three times at
// most. It is [teardown.Unknown] when no read shows that within 5 minutes.
//
// A virtual machine is stopped, its disks are unassigned but for the one it boots from,
// and it is deleted. What goes to the trash is purged there by itself, and nothing else
// that is in the trash is. An address is taken away from what holds it. What went to the
// trash by an earlier run of the same plan stays the step that it was.
//
// Reads decide. A task is a record, and proves neither success nor failure: its resource
// is read while the task goes on, and before a result is reported. A request that
// Katapult accepts while its resource stays as it is is sent again, at most three times
// and within the time of the step. A bucket has no ID: it is deleted only if a read right
// before shows that an access key of the organization may use it. A resource in the trash
// is purged only if the trash of the organization has it.
//
// Katapult does not tell an organization that is gone from one that the token may not
// see: carry out a plan with a token of whoever made it.
//
// It needs the scopes of Plan, and for what there is tasks:read, trash_objects:purge
// and, without :read, those of the things, managed_organizations:delete included. It
// costs what Plan does, and for each step three or four requests; for what goes to the
// trash about ten, most of them to see how far its task is.
//
// Errors, among those of every call, and with the report being nil where nothing was
// begun:
//
//   - [errors.NotConfirmed]: the name is another one, something was not permitted, or a
//     bucket names no access key of the organization
//   - [errors.PlanStale]: the plan is of another provider, too old, was changed, or is
//     no longer the truth
//   - [errors.DeletionStepsNotSatisfied]: something has to be done by hand, is back, or
//     was not to be seen
//   - [errors.ManagedOrganizationRequired]: it is not a managed organization, and
//     nothing was touched
//   - [errors.TaskFailed]: a machine was not stopped, a disk not detached, or something
//     not purged
//
// Source: vendor OpenAPI 2.68.0; live exchanges.
func (c *Client) Teardown(ctx context.Context, p *teardown.Plan, options ...teardown.Option) (*teardown.Report, error) {
	return teardown.Execute(ctx, c.driver(), p, options...)
}

// driver is what a teardown needs of Katapult.
type driver struct {
	*resource.Driver[ref]
	c     *Client
	shown map[string]bool // ids of the steps that inspections have shown

	lookup OrganizationLookup // of the plan to make; nil for the ID
}

func (c *Client) driver() driver {
	all := c.kinds()
	return driver{Driver: resource.New(c.table(all), all.refOf), c: c, shown: map[string]bool{}}
}

// Provider returns what plans of this client have as their provider and instance.
func (d driver) Provider() (name, instance string) { return provider, d.c.rest().BaseURL().String() }

// Durations returns what all teardowns of the client have learned.
func (d driver) Durations() *teardown.Durations { return d.c.durations }

// Inspect takes a plan.
func (d driver) Inspect(ctx context.Context, o teardown.Organization, before *teardown.Plan) (*teardown.Plan, error) {
	organization := d.lookup
	if organization == nil {
		organization = ID(o.ID)
	}
	p, err := d.c.inspect(ctx, organization, before, d.shown)
	if err != nil {
		return nil, err
	}
	for _, s := range p.Steps {
		d.shown[s.ID] = true
	}
	return p, nil
}

// inspect takes a plan. shown has the ids of the steps that earlier inspections have shown.
func (c *Client) inspect(ctx context.Context, organization OrganizationLookup, before *teardown.Plan, shown map[string]bool) (*teardown.Plan, error) {
	found, err := c.find(ctx, "Plan", organization)
	if err != nil {
		return nil, err
	}
	if before == nil {
		before = &teardown.Plan{}
	}
	open, steps, err := c.inventory(ctx, found, before.Steps, shown, false, map[ID]bool{})
	if err != nil {
		return nil, c.proven(ctx, ID(found.ID), err)
	}
	p := &teardown.Plan{
		Provider:     provider,
		Instance:     c.rest().BaseURL().String(),
		Organization: teardown.Organization{ID: found.ID, Name: found.Name},
		Steps:        steps,
	}
	if e := deletionError(found.ID, found, open); e != nil {
		p.DeletionError = e
	}
	return p, nil
}

// Delete deletes the organization, and reads whether it is deleted. Katapult does not document
// whether it no longer exists at once.
func (d driver) Delete(ctx context.Context, o teardown.Organization) (teardown.Deletion, error) {
	deletion := resource.Deletion{
		Send: func(ctx context.Context) (bool, error) { return d.c.deleteProved(ctx, ID(o.ID)) },
		Verification: resource.Verification{
			Wait: d.c.rest().Wait, Provider: provider, Operation: "Teardown", Organization: o.ID,
			Read:        func(ctx context.Context) (rest.Existence, error) { return d.c.look(ctx, ID(o.ID)) },
			RepeatAfter: 5 * time.Second, Timeout: 5 * time.Minute,
		},
	}
	return deletion.Run(ctx)
}

// inventory is what one organization has, as steps.
type inventory struct {
	c      *Client
	kinds  kinds
	id     ID
	name   string
	child  bool // another organization of the same plan manages it
	open   DeletionSteps
	before []teardown.Step // of the plan before
	shown  map[string]bool // IDs of the steps that earlier inspections of this teardown have shown
	seen   map[ID]bool     // organizations whose steps the plan has

	children  []teardown.Step            // of the organizations that it manages
	own       map[string][]teardown.Step // its own, by kind
	has       map[string]bool            // IDs of its own
	explained map[string]bool            // deletion steps of which it is known what keeps them open
	others    []teardown.Step            // of deletion steps of which that is not known
	first     map[string][]string        // IDs of the steps that a resource comes after, by its ID or address
	ids       map[string][]string        // IDs of the steps that remove resources of a kind, from the trash included
	holders   map[string]string          // IDs of the steps of what may hold an address, by the resource's ID

	trashed   map[string]bool // IDs, in the trash, of accounts that are steps already
	anonymous int             // such accounts whose IDs there are not known
	long      map[string]bool // deletion steps whose lists may have had several pages
}

// maxInventories is how often the lists of an organization are read, at most.
const maxInventories = 3

// inventory reads what an organization has, as steps.
//
// Absence from a list of several pages is a hint only: if an item of the first page is
// deleted between two reads, the first item of the second page is never seen. A step of
// the plan before that such lists do not show is read by itself; if its resource exists,
// all lists are read again. Only a list shows that a resource belongs to the
// organization, so that a step that no list shows is never part of the inventory.
func (c *Client) inventory(ctx context.Context, o *Organization, before []teardown.Step, shown map[string]bool, child bool, seen map[ID]bool) (DeletionSteps, []teardown.Step, error) {
	for attempt := 1; ; attempt++ {
		open, err := c.GetDeletionSteps(ctx, ID(o.ID))
		if err != nil {
			return nil, nil, err
		}
		n := &inventory{
			c: c, kinds: c.kinds(), id: ID(o.ID), name: o.Name, child: child, open: open, before: before, shown: shown, seen: maps.Clone(seen),
			own: map[string][]teardown.Step{}, has: map[string]bool{}, explained: map[string]bool{}, first: map[string][]string{},
			ids: map[string][]string{}, holders: map[string]string{}, trashed: map[string]bool{}, long: map[string]bool{},
		}
		if err := n.read(ctx); err != nil {
			return nil, nil, err
		}
		missed, err := n.missed(ctx)
		if err != nil {
			return nil, nil, err
		}
		if !missed || attempt == maxInventories {
			maps.Copy(seen, n.seen)
			return open, n.list(), nil
		}
	}
}

// read reads what the organization has, and the organizations that it manages.
func (n *inventory) read(ctx context.Context) error {
	n.seen[n.id] = true
	for _, k := range n.kinds {
		if k.list == nil || !n.unsatisfied(k.step) && (k.also == nil || !k.also(n)) {
			continue
		}
		var answers trace.Last
		err := k.list(n, trace.With(ctx, &answers), k.name)
		if last := trace.Of(ctx); last != nil {
			last.Note(answers.ID())
		}
		if err != nil {
			return err
		}
		n.long[k.step] = answers.Answers() > 1
	}
	return n.addUnexplained(ctx)
}

// list returns all steps, in an order in which they can go. Each comes after what is
// there of that which it has to come after.
func (n *inventory) list() []teardown.Step {
	all := slices.Clone(n.children)
	for _, k := range n.kinds {
		all = append(all, n.own[k.name]...)
	}
	all = append(all, n.others...)
	there := make(map[string]bool, len(all))
	for i := range all {
		var after []string
		for _, id := range all[i].After {
			if there[id] && !slices.Contains(after, id) {
				after = append(after, id)
			}
		}
		all[i].After, there[all[i].ID] = after, true
	}
	return all
}

// unsatisfied reports whether a deletion step may be open: only what Katapult says to
// be satisfied is not.
func (n *inventory) unsatisfied(step string) bool { return !n.open[step].Satisfied }

// addListed adds the step of a resource that the list of its kind shows.
func (n *inventory) addListed(kind string, o object) {
	before := slices.Clone(n.first[o.id])
	for _, a := range n.kinds.of(kind).after {
		if !a.tied {
			before = append(before, n.ids[a.kind]...)
			continue
		}
		for _, id := range o.tied {
			before = append(before, n.stepID(a.kind, id))
		}
	}
	step := n.add(kind, teardown.Step{Name: o.name, Removal: o.removal, After: before}, o.id)
	for _, id := range o.before {
		n.first[id] = append(n.first[id], step)
	}
}

// add adds a step of a resource, unless it is there, and returns its ID.
func (n *inventory) add(kind string, s teardown.Step, identity ...string) string {
	k, id := n.kinds.of(kind), identity[len(identity)-1]
	s.ID, s.Kind = n.stepID(kind, identity...), kind
	s.Name, s.Removal, s.Manual = cmp.Or(s.Name, id), cmp.Or(s.Removal, k.removal), s.Manual || k.manual
	keeps := "it keeps"
	if !n.unsatisfied(k.step) {
		keeps = "once nothing uses it, it would keep"
	}
	s.Why = cmp.Or(s.Why, keeps+" the deletion step "+k.step+" open")
	if s.Requires = k.requires; n.child {
		s.Requires = []teardown.Override{teardown.ManagedOrganizations}
	}
	n.removes(s.ID, k, id)
	if !n.has[s.ID] {
		n.has[s.ID] = true
		n.own[kind] = append(n.own[kind], s)
	}
	return s.ID
}

// removes notes that a step removes the resource of a kind and an ID.
func (n *inventory) removes(step string, k kind, id string) {
	n.explained[k.step] = true
	n.ids[k.name] = append(n.ids[k.name], step)
	if k.holds {
		n.holders[id] = step
	}
}

// holdersOf returns the IDs of the steps of what may hold an address: of all that may, if
// it is not known what does.
func (n *inventory) holdersOf(a IPAddress) []string {
	holders := n.first[a.Address]
	switch holder, known := n.holders[a.AllocationID]; {
	case known:
		return append(slices.Clone(holders), holder)
	case a.AllocationID != "" && len(holders) == 0:
		return slices.Sorted(maps.Values(n.holders))
	}
	return holders
}

// addUnexplained adds a step for each deletion step that is open, and nothing that
// was read keeps it so. What this teardown has removed may keep it open for a while after
// it is gone. What the plan before names may have, too, but does not prove that: then the
// deletion steps are read again.
func (n *inventory) addUnexplained(ctx context.Context) error {
	var again DeletionSteps
	for _, step := range n.open.Open() {
		id := step.Name + "/" + string(n.id)
		if n.explained[step.Name] {
			continue
		}
		if _, planned := n.plannedAs(id); !planned && n.caused(step.Name) {
			if n.removed(step.Name) {
				continue
			}
			if again == nil {
				var err error
				if again, err = n.c.GetDeletionSteps(ctx, n.id); err != nil {
					return err
				}
			}
			if again[step.Name].Satisfied {
				continue
			}
		}
		s := teardown.Step{
			ID: id, Kind: step.Name, Manual: true, Name: strings.ReplaceAll(step.Name, "_", " "),
			Why:     "Katapult names it as a step that is open",
			Removal: cmp.Or(n.kinds.first(func(k kind) bool { return k.step == step.Name && k.unexplained != "" }).unexplained, atConsole),
		}
		if step.Description != "" {
			s.Why += ": " + step.Description
		}
		if n.child {
			s.Requires = []teardown.Override{teardown.ManagedOrganizations}
		}
		n.others = append(n.others, s)
	}
	return nil
}

// caused reports whether the plan before has steps that keep a deletion step open.
func (n *inventory) caused(step string) bool {
	return n.keptOpen(step, func(teardown.Step) bool { return true })
}

// removed reports whether the plan before has steps that keep a deletion step open, and
// that an inspection of this teardown has shown.
func (n *inventory) removed(step string) bool {
	return n.keptOpen(step, func(s teardown.Step) bool { return n.shown[s.ID] })
}

func (n *inventory) keptOpen(step string, by func(teardown.Step) bool) bool {
	return slices.ContainsFunc(n.kinds, func(k kind) bool {
		return (k.step == step || step == emptyTrash && k.trash != "") && slices.ContainsFunc(n.planned(k.name), by)
	})
}

// missed reports whether the resource of a step of the plan before exists although no
// list shows it, and a list that would show it may have had several pages.
func (n *inventory) missed(ctx context.Context) (bool, error) {
	if len(n.before) == 0 {
		return false, nil
	}
	d := n.c.driver()
	for _, k := range n.kinds {
		if !n.long[k.step] && (k.trash == "" || !n.long[emptyTrash]) {
			continue
		}
		for _, s := range n.planned(k.name) {
			if s.Manual || n.has[s.ID] {
				continue
			}
			_, found, err := d.Find(ctx, teardown.Organization{ID: string(n.id)}, s)
			switch {
			case errors.Is(err, errors.InvalidArgument):
				continue // no plan of this package has such a step
			case err != nil:
				return false, err
			case found:
				return true, nil
			}
		}
	}
	return false, nil
}

// stepID is the ID of a step: its kind, the organization that has the resource if that is
// managed by the one of the plan, and the resource's identity.
func (n *inventory) stepID(kind string, identity ...string) string {
	parts := []string{kind}
	if n.child {
		parts = append(parts, string(n.id))
	}
	return strings.Join(append(parts, identity...), "/")
}

// mine reports whether a step is about a resource of this organization.
func (n *inventory) mine(s teardown.Step) bool {
	organization, _, ok := n.kinds.identity(s)
	return ok && n.child == (organization != "") && (!n.child || organization == string(n.id))
}

// planned returns the steps that the plan before has of a kind, for this organization.
func (n *inventory) planned(kind string) []teardown.Step {
	var steps []teardown.Step
	for _, s := range n.before {
		if s.Kind == kind && n.mine(s) {
			steps = append(steps, s)
		}
	}
	return steps
}

// plannedAs returns the step of an ID that the plan before has.
func (n *inventory) plannedAs(id string) (s teardown.Step, ok bool) {
	i := slices.IndexFunc(n.before, func(s teardown.Step) bool { return s.ID == id })
	if i < 0 {
		return teardown.Step{}, false
	}
	return n.before[i], true
}
