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

// Plan lists the resources to remove before an organization can be deleted, and changes
// nothing.
//
// Each resource is a step: machines, disks, buckets and all others that lists show, the
// objects in the trash, and each managed organization after its own resources, which
// requires [teardown.ManagedOrganizations]. These steps are manual:
//
//   - disk templates
//   - buckets that no access key names
//   - managed organizations that cannot be read
//   - open deletion steps whose cause no read shows: ISO images, a balance, invoices, and
//     object storage without an access key
//
// Object storage in a region that no access key names is missing from the plan if another
// region has object storage, because no list shows it. Its deletion step is still open
// after all steps. A list is read unless Katapult reports its deletion step as satisfied.
// The plan has no cascades: resources that are deleted with an organization, such as
// security groups, tokens and SSH keys, are not listed.
//
// A plan does not require [teardown.OwnOrganization], because only a token of the managing
// organization can delete an organization. With a token of the organization itself, the
// steps are applied and the deletion is refused.
//
// The DeletionError of the plan is the error of [Client.CheckDeletion].
//
// It sends two requests, and one for each page of 100 items of each list, each region and
// each bucket; for each managed organization one more in addition to its lists.
//
// It needs the scopes organizations:read and managed_organizations:delete, and for the
// resources managed_organizations, load_balancers:read, dns:read,
// disk_backup_policies:read, virtual_machines:read, disks:read,
// file_storage_volumes:read, object_storage, trash_objects:read, virtual_networks:read,
// ip_addresses:read and disk_templates:read. It returns the errors of these reads, and
// [errors.NotConfirmed] if the answer names another organization.
//
// Source: vendor OpenAPI 2.68.0; live exchanges.
func (c *Client) Plan(ctx context.Context, organization OrganizationLookup) (*teardown.Plan, error) {
	d := c.driver()
	d.lookup = organization
	return teardown.NewPlan(ctx, d, teardown.Organization{})
}

// Identify returns the ID and the name of an organization as a plan has them. The error is
// [errors.OrganizationNotFound] if the organization does not exist or the token cannot access it.
// Identify sends one request.
func (c *Client) Identify(ctx context.Context, organization OrganizationLookup) (teardown.Organization, error) {
	found, err := c.findOrganization(ctx, "Identify", organization)
	if err != nil {
		return teardown.Organization{}, err
	}
	return found.planned(), nil
}

// planned returns the organization as plans have it.
func (o *Organization) planned() teardown.Organization {
	return teardown.Organization{ID: o.ID, Name: o.Name}
}

// Teardown applies a plan of [Client.Plan]: it removes the resources in order, and deletes
// the organization after reads have shown that all of them no longer exist. The outcome is
// [teardown.Deleted] if a read shows that the organization no longer exists. While it still
// exists, the deletion is sent again, at most three times, and not after Katapult has refused it
// because of new resources. The outcome is [teardown.Unknown] if no read shows the deletion
// within 5 minutes.
//
// A virtual machine is stopped, all its disks except the boot disk are unassigned, and the
// machine is deleted. A resource in the trash is purged by its ID; other objects in the
// trash stay. An address is unallocated first. A resource that an earlier run of the same
// plan moved to the trash keeps its step.
//
// Reads decide. A task proves neither success nor failure: its resource is read while the
// task runs, and before a result is reported. A request that Katapult accepts without a
// change of the resource is sent again, at most three times and within the timeout of the
// step. A bucket has no ID: it is deleted only if a read before the deletion shows that it
// names an access key of the organization. A resource in the trash is purged only if the
// trash of the organization has it. A request that waited for the rate limit is sent only after
// another read of its resource, if the read before is older than 2 minutes, or 10 seconds for a
// resource without an ID.
//
// Katapult answers the same for a deleted organization and for one that the token cannot
// access: apply a plan with a token of the same owner.
//
// It needs the scopes of Plan, and for the resources tasks:read, trash_objects:purge, and
// the scopes of Plan without :read, including managed_organizations:delete. It sends the
// requests of Plan, and three or four for each step; about ten for a resource that moves to
// the trash, most of them reads of its task.
//
// Errors, in addition to those of every call. The report is nil if the error was found before
// the plan was applied, as in [teardown.Execute]:
//
//   - [errors.NotConfirmed]: the name differs, an override is missing, or a bucket names no
//     access key of the organization
//   - [errors.PlanStale]: the plan has another provider, expired, was edited, or no longer
//     matches the provider
//   - [errors.DeletionStepsNotSatisfied]: a manual step is required, a resource was created
//     again, or a resource is not listed
//   - [errors.ManagedOrganizationRequired]: the organization is not managed by another one;
//     nothing was changed
//   - [errors.TaskFailed]: a machine was not stopped, a disk not detached, or an object not
//     purged
//
// Source: vendor OpenAPI 2.68.0; live exchanges.
func (c *Client) Teardown(ctx context.Context, p *teardown.Plan, options ...teardown.Option) (*teardown.Report, error) {
	return teardown.Execute(ctx, c.driver(), p, options...)
}

// Driver returns the driver that applies a plan in parts, in several processes, by
// [teardown.Prepare], [teardown.ExecuteSteps] and [teardown.ExecuteDelete]. p is the plan, or the
// prepared plan; [errors.InvalidArgument] if it is nil. Make a driver for each of these calls.
func (c *Client) Driver(p *teardown.Plan) (teardown.Driver, error) {
	if p == nil {
		return nil, rest.Invalid(provider, "Teardown", "", errors.New("the plan is nil"))
	}
	d := c.driver()
	if !p.PreparedAt.IsZero() {
		for _, s := range p.Steps { // the inspection of the preparation has shown them
			d.shown[s.ID] = true
		}
	}
	return d, nil
}

// driver implements [teardown.Driver].
type driver struct {
	*resource.Driver[ref]
	c     *Client
	shown map[string]bool // IDs of the steps that inspections have shown

	lookup OrganizationLookup // of the plan to make; nil for the ID
}

// driver returns the driver of one plan or one run.
func (c *Client) driver() *driver {
	all := c.kinds()
	return &driver{Driver: resource.New(c.table(all), all.refOf), c: c, shown: map[string]bool{}}
}

// Provider returns the provider and the instance of the plans of this client.
func (d *driver) Provider() (name, instance string) { return provider, d.c.rest().BaseURL().String() }

// Durations returns the durations of the removals of all teardowns of the client.
func (d *driver) Durations() *teardown.Durations { return d.c.durations }

// Inspect creates a plan.
func (d *driver) Inspect(ctx context.Context, o teardown.Organization, before *teardown.Plan) (*teardown.Plan, error) {
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

// inspect creates a plan. shown has the IDs of the steps that earlier inspections have shown.
func (c *Client) inspect(ctx context.Context, organization OrganizationLookup, before *teardown.Plan, shown map[string]bool) (*teardown.Plan, error) {
	found, err := c.findOrganization(ctx, "Plan", organization)
	if err != nil {
		return nil, err
	}
	if before == nil {
		before = &teardown.Plan{}
	}
	open, steps, err := c.inventory(ctx, found, before.Steps, shown, false, map[ID]bool{})
	if err != nil {
		return nil, c.confirmNotFound(ctx, ID(found.ID), err)
	}
	p := &teardown.Plan{
		Provider:     provider,
		Instance:     c.rest().BaseURL().String(),
		Organization: found.planned(),
		Steps:        steps,
	}
	if e := deletionError(found.ID, found, open); e != nil {
		p.DeletionError = e
	}
	return p, nil
}

// Delete deletes the organization, and reads until it no longer exists. Katapult does not
// document the delay.
func (d *driver) Delete(ctx context.Context, o teardown.Organization) (teardown.Deletion, error) {
	deletion := resource.Deletion{
		Send: func(ctx context.Context) (bool, error) { return d.c.deleteProved(ctx, ID(o.ID)) },
		Verification: resource.Verification{
			Wait: d.c.rest().Wait, Provider: provider, Operation: "Teardown", Organization: o.ID,
			Read:        func(ctx context.Context) (rest.Existence, error) { return d.c.verify(ctx, ID(o.ID)) },
			RepeatAfter: 5 * time.Second, Timeout: 5 * time.Minute,
		},
	}
	return deletion.Run(ctx)
}

// inventory is the list of the resources of one organization, as steps.
type inventory struct {
	c        *Client
	kinds    kinds
	id       ID
	name     string
	child    bool // an organization of the same plan manages this one
	open     DeletionSteps
	previous []teardown.Step // of the previous plan
	shown    map[string]bool // IDs of the steps that earlier inspections of this teardown have shown
	visited  map[ID]bool     // organizations whose steps the plan has

	children     []teardown.Step            // of the organizations that it manages
	own          map[string][]teardown.Step // of the organization itself, by kind
	added        map[string]bool            // IDs of the steps in own
	explained    map[string]bool            // deletion steps with a known cause
	unexplained  []teardown.Step            // of deletion steps without a known cause
	predecessors map[string][]string        // IDs of the steps before a resource, by its ID or address
	stepsOf      map[string][]string        // IDs of the steps that remove resources of a kind, including from the trash
	addressUsers map[string]string          // IDs of the steps of resources that can use an address, by the resource's ID

	trashedAccounts map[string]bool // IDs of objects in the trash whose account already has a step
	unnamedAccounts int             // number of such accounts whose object is not known
	multiPage       map[string]bool // deletion steps whose lists can have several pages
}

// maxInventories is the maximum number of times that the lists of an organization are read.
const maxInventories = 3

// inventory lists the resources of an organization as steps.
//
// Absence from a list of several pages proves nothing: if an item of the first page is
// deleted between two reads, the first item of the second page is skipped. If such a list
// lacks a step of the previous plan, its resource is read; if it exists, all lists are read
// again. Only a list proves that a resource belongs to the organization, so the inventory
// never has a step that no list shows.
func (c *Client) inventory(ctx context.Context, o *Organization, previous []teardown.Step, shown map[string]bool, child bool, visited map[ID]bool) (DeletionSteps, []teardown.Step, error) {
	for attempt := 1; ; attempt++ {
		open, err := c.GetDeletionSteps(ctx, ID(o.ID))
		if err != nil {
			return nil, nil, err
		}
		n := &inventory{
			c: c, kinds: c.kinds(), id: ID(o.ID), name: o.Name, child: child, open: open, previous: previous, shown: shown, visited: maps.Clone(visited),
			own: map[string][]teardown.Step{}, added: map[string]bool{}, explained: map[string]bool{}, predecessors: map[string][]string{},
			stepsOf: map[string][]string{}, addressUsers: map[string]string{}, trashedAccounts: map[string]bool{}, multiPage: map[string]bool{},
		}
		if err := n.read(ctx); err != nil {
			return nil, nil, err
		}
		missed, err := n.missed(ctx)
		if err != nil {
			return nil, nil, err
		}
		if !missed || attempt == maxInventories {
			maps.Copy(visited, n.visited)
			return open, n.steps(), nil
		}
	}
}

// read lists the resources of the organization and of the organizations that it manages.
func (n *inventory) read(ctx context.Context) error {
	n.visited[n.id] = true
	for _, k := range n.kinds {
		if k.list == nil || !n.unsatisfied(k.step) && (k.alsoIf == nil || !k.alsoIf(n)) {
			continue
		}
		var answers trace.Last
		err := k.list(n, trace.With(ctx, &answers), k.name)
		if err != nil {
			return err
		}
		n.multiPage[k.step] = answers.Answers() > 1
	}
	return n.addUnexplained(ctx)
}

// steps returns all steps in an order of removal. After has only steps of the inventory.
func (n *inventory) steps() []teardown.Step {
	all := slices.Clone(n.children)
	for _, k := range n.kinds {
		all = append(all, n.own[k.name]...)
	}
	all = append(all, n.unexplained...)
	listed := make(map[string]bool, len(all))
	for i := range all {
		var after []string
		for _, id := range all[i].After {
			if listed[id] && !slices.Contains(after, id) {
				after = append(after, id)
			}
		}
		all[i].After, listed[all[i].ID] = after, true
	}
	return all
}

// unsatisfied reports whether a deletion step may be open: Katapult does not report it as
// satisfied.
func (n *inventory) unsatisfied(step string) bool { return !n.open[step].Satisfied }

// addListed adds the step of a listed resource.
func (n *inventory) addListed(kind string, o object) {
	predecessors := slices.Clone(n.predecessors[o.id])
	for _, a := range n.kinds.byName(kind).after {
		if !a.usedOnly {
			predecessors = append(predecessors, n.stepsOf[a.kind]...)
			continue
		}
		for _, id := range o.uses {
			predecessors = append(predecessors, n.stepID(a.kind, id))
		}
	}
	step := n.add(kind, teardown.Step{Name: o.name, Removal: o.removal, After: predecessors}, o.id)
	for _, id := range o.before {
		n.predecessors[id] = append(n.predecessors[id], step)
	}
}

// add adds the step of a resource, unless it has one, and returns the ID of the step.
func (n *inventory) add(kind string, s teardown.Step, identity ...string) string {
	k, id := n.kinds.byName(kind), identity[len(identity)-1]
	s.ID, s.Kind = n.stepID(kind, identity...), kind
	s.Name, s.Removal, s.Manual = cmp.Or(s.Name, id), cmp.Or(s.Removal, k.removal), s.Manual || k.manual
	why := "open deletion step: " + k.step
	if !n.unsatisfied(k.step) {
		why = "deletion step that opens when no resource uses it: " + k.step
	}
	s.Why = cmp.Or(s.Why, why)
	if s.Requires = k.requires; n.child {
		s.Requires = []teardown.Override{teardown.ManagedOrganizations}
	}
	n.noteRemoval(s.ID, k, id)
	if !n.added[s.ID] {
		n.added[s.ID] = true
		n.own[kind] = append(n.own[kind], s)
	}
	return s.ID
}

// noteRemoval records that a step removes the resource with an ID.
func (n *inventory) noteRemoval(step string, k kind, id string) {
	n.explained[k.step] = true
	n.stepsOf[k.name] = append(n.stepsOf[k.name], step)
	if k.usesAddresses {
		n.addressUsers[id] = step
	}
}

// addressUsersOf returns the IDs of the steps of the resources that can use an address: the
// known user, or all possible ones.
func (n *inventory) addressUsersOf(a IPAddress) []string {
	users := n.predecessors[a.Address]
	switch user, known := n.addressUsers[a.AllocationID]; {
	case known:
		return append(slices.Clone(users), user)
	case a.AllocationID != "" && len(users) == 0:
		return slices.Sorted(maps.Values(n.addressUsers))
	}
	return users
}

// addUnexplained adds a manual step for each open deletion step without a known cause. A
// resource that this teardown has removed may keep the step open for a while. If only the
// previous plan names a cause, which proves nothing, the deletion steps are read again.
func (n *inventory) addUnexplained(ctx context.Context) error {
	var again DeletionSteps
	for _, step := range n.open.Open() {
		id := step.Name + "/" + string(n.id)
		if n.explained[step.Name] {
			continue
		}
		if _, planned := n.plannedStep(id); !planned && n.planCauses(step.Name) {
			if n.shownCauses(step.Name) {
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
			Why:     "Katapult reports this deletion step as open",
			Removal: cmp.Or(n.kinds.first(func(k kind) bool { return k.step == step.Name && k.unexplained != "" }).unexplained, unknownCause),
		}
		if step.Description != "" {
			s.Why += ": " + step.Description
		}
		if n.child {
			s.Requires = []teardown.Override{teardown.ManagedOrganizations}
		}
		n.unexplained = append(n.unexplained, s)
	}
	return nil
}

// planCauses reports whether the previous plan has a step that keeps a deletion step open.
func (n *inventory) planCauses(step string) bool {
	return n.causes(step, func(teardown.Step) bool { return true })
}

// shownCauses reports whether the previous plan has a step that keeps a deletion step open
// and that an inspection of this teardown has shown.
func (n *inventory) shownCauses(step string) bool {
	return n.causes(step, func(s teardown.Step) bool { return n.shown[s.ID] })
}

func (n *inventory) causes(step string, by func(teardown.Step) bool) bool {
	return slices.ContainsFunc(n.kinds, func(k kind) bool {
		return (k.step == step || step == stepEmptyTrash && k.trash != "") && slices.ContainsFunc(n.planned(k.name), by)
	})
}

// missed reports whether a resource of the previous plan exists although no list shows it,
// because its list can have several pages.
func (n *inventory) missed(ctx context.Context) (bool, error) {
	if len(n.previous) == 0 {
		return false, nil
	}
	d := n.c.driver()
	for _, k := range n.kinds {
		if !n.multiPage[k.step] && (k.trash == "" || !n.multiPage[stepEmptyTrash]) {
			continue
		}
		for _, s := range n.planned(k.name) {
			if s.Manual || n.added[s.ID] {
				continue
			}
			_, found, err := d.Find(ctx, teardown.Organization{ID: string(n.id)}, s)
			switch {
			case isUnknownStep(err):
				continue
			case err != nil:
				return false, err
			case found:
				return true, nil
			}
		}
	}
	return false, nil
}

// isUnknownStep reports whether an error states that no plan of this package has such a step. An
// answer of the provider has a status.
func isUnknownStep(err error) bool {
	e, ok := errors.AsType[*errors.Error](err)
	return ok && e.Code.Category() == errors.InvalidArgument && e.Status == 0
}

// stepID returns the ID of a step: the kind, the ID of the organization if it is a managed
// one, and the identity of the resource.
func (n *inventory) stepID(kind string, identity ...string) string {
	parts := []string{kind}
	if n.child {
		parts = append(parts, string(n.id))
	}
	return strings.Join(append(parts, identity...), "/")
}

// owns reports whether a step has a resource of this organization.
func (n *inventory) owns(s teardown.Step) bool {
	organization, _, ok := n.kinds.identity(s)
	return ok && n.child == (organization != "") && (!n.child || organization == string(n.id))
}

// planned returns the steps of a kind that the previous plan has for this organization.
func (n *inventory) planned(kind string) []teardown.Step {
	var steps []teardown.Step
	for _, s := range n.previous {
		if s.Kind == kind && n.owns(s) {
			steps = append(steps, s)
		}
	}
	return steps
}

// plannedStep returns the step with an ID of the previous plan.
func (n *inventory) plannedStep(id string) (s teardown.Step, ok bool) {
	i := slices.IndexFunc(n.previous, func(s teardown.Step) bool { return s.ID == id })
	if i < 0 {
		return teardown.Step{}, false
	}
	return n.previous[i], true
}
