package atlas

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/backoff"
	"github.com/offboard-dev/offboard-go/internal/resource"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/internal/trace"
	"github.com/offboard-dev/offboard-go/internal/wait"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Plan reads what stands in the way of an organization's deletion and what goes
// along with it, and changes nothing.
//
// The steps are each thing that [Client.ListBlockers] finds in a project, the project
// itself, the link by which live migrations reach the organization, and its
// connection to a federation. Before everything else goes the link, for a migration
// that runs keeps it, and then nothing should be destroyed. After everything else the
// federation, by which people may be signing in. A cluster goes after its outage
// simulation, its online archives and the backup compliance policy that would keep its
// snapshots; peerings and endpoints that clusters use after these; and each project
// after what is in it.
//
// By hand are invoices whose payment has failed, and the protection of a backup
// compliance policy, which the vendor's support lifts. A cluster with termination
// protection needs [teardown.TerminationProtection] to be permitted. A live migration
// that runs does not show; the step of its link fails until it has ended.
//
// A service account and an API key belong to one organization and end with it, and
// it is mostly the only one that they reach. The plan needs [teardown.OwnOrganization]
// when the client's is among those of the organization. Such a client can read nothing
// afterwards: see [Client.DeleteOrganization].
//
// Losses are the service accounts and the API keys. Users and teams are not listed.
// Atlas may make a final charge for what was used since the last invoice.
//
// The plan's error is that of [Client.CheckDeletion].
//
// It takes 7 requests, those of ListBlockers for each project, and one for each further
// page of 500. The lists of up to eight projects are read at the same time. It needs the
// role Organization Owner. Errors are those of the reads,
// among them [errors.OrganizationNotFound].
//
// Source: vendor OpenAPI of SDK v20250312023; vendor's error page; vendor's clean-up
// of its own test organizations.
func (c *Client) Plan(ctx context.Context, orgID string) (*teardown.Plan, error) {
	return teardown.NewPlan(ctx, newDriver(c), teardown.Organization{ID: orgID})
}

// Teardown carries out a plan of [Client.Plan]: it removes what the steps name, waits
// until a list says that it is gone, and deletes the organization by
// [Client.DeleteOrganization].
//
// What is deleted in its own time, clusters above all, takes minutes. Those who wait
// for resources of one kind in one project share their lists, and clusters of several
// projects the organization's list of projects, whose number of clusters says when to read
// them. What a list lacks is read by itself where an operation does that. Atlas refuses to delete a
// project for some time after all in it is gone; it is asked again each minute, for
// as long as [teardown.WithRetryFor] says. Snapshots go with the project if
// this run has deleted their cluster, and stay if somebody else has, or an earlier run: a new
// plan names them.
//
// What has a name, and a project, is read by itself right before its deletion is requested:
// one that was recreated under the name is another one. In a project that was moved to
// another organization nothing is changed from then on, and its steps fail. One list of
// projects, not older than a second, shows whose each project is.
//
// After Atlas has accepted the deletion of the organization a read decides. The outcome
// is [teardown.Deleted] when that shows that it is deleted; while it exists the deletion is
// requested again, three times at most. It is [teardown.Unknown] when no read shows that
// within 5 minutes. A credential of the organization itself ends with it: with such a one,
// as the plan shows, it is Gone when Atlas has accepted the deletion and then refuses the
// credential in several reads one after the other, and Unknown when the answer was lost.
//
// Before the first step the organization is read again, but for what Atlas refuses to
// delete a project or a cluster with: outage simulations, backup compliance policies,
// snapshots, peerings and endpoints that are new since the plan are not looked for, except in a project
// whose plan has the kind, and keep their project from being deleted. Clusters, federated
// databases, stream workspaces and online archives that are new make the plan stale. So do
// the snapshots of a cluster of the plan that does not exist any more, and a project of the
// plan that belongs to another organization. In a
// project with more than 100 clusters, online archives are looked for only at the clusters
// that have them in the plan; a new one at another cluster is deleted with its cluster.
//
// It needs the role Organization Owner. It takes fewer requests than the plan for the reads
// before the first step and before the deletion, and for each resource its deletion, a read
// right before that, a read which shows that it does not exist, and a part of the lists, which
// are read until then.
//
// Errors, among those of DeleteOrganization, joined, one of each step that failed, and
// with the report being nil where nothing was begun:
//
//   - [errors.NotConfirmed]: the name is another one, or something was not permitted
//   - [errors.PlanStale]: the plan is of another provider or address, too old, or was
//     changed; or there is something now that it does not have
//   - [errors.ActiveLiveMigration]: one is running; nothing else was touched
//   - [errors.DeletionStepsNotSatisfied]: something is to be done by hand, or was
//     still in the way after all attempts
func (c *Client) Teardown(ctx context.Context, p *teardown.Plan, options ...teardown.Option) (*teardown.Report, error) {
	return teardown.Execute(ctx, newDriver(c), p, options...)
}

// driver is what a teardown needs of Atlas.
type driver struct {
	*resource.Driver[ref]
	c     *Client
	all   []kind
	kinds map[BlockerKind]*kind

	ownCredential bool // the client's credential is one of the organization's; not known without Inspect
	applied       bool // the read before applying a plan is over

	mu            sync.Mutex
	deleted       map[string]bool  // steps whose resource does not exist, as a read has shown, and cannot come back
	clusterCounts map[string]int64 // clusters, by kind and project

	ownedAt         map[string]time.Time // by organization and project: the last read that shows that the one has the other
	removedClusters map[string]string    // names of clusters that this run has deleted, by project and ID of Atlas's own

	ownershipRead chan struct{} // has an element while a read shows whether projects belong to the organization
}

func newDriver(c *Client) *driver {
	d := &driver{
		c: c, all: kinds(), kinds: map[BlockerKind]*kind{}, deleted: map[string]bool{}, clusterCounts: map[string]int64{},
		ownedAt: map[string]time.Time{}, removedClusters: map[string]string{}, ownershipRead: make(chan struct{}, 1),
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

// Inspect takes a plan. When a plan is applied, it reads less: see [kind.refused]. Right
// before the deletion of the organization it does not read invoices either, because Atlas
// refuses to delete an organization with an invoice whose payment has failed.
func (d *driver) Inspect(ctx context.Context, o teardown.Organization, before *teardown.Plan) (*teardown.Plan, error) {
	found, projects, err := d.c.survey(ctx, "Plan", o.ID)
	if err != nil {
		return nil, err
	}
	i := &inspection{driver: d, o: teardown.Organization{ID: found.ID, Name: found.Name}, before: before, stepIndex: map[string]int{}, planned: d.planned(o, before)}
	if projects, err = i.addOmittedProjects(ctx, projects); err != nil {
		return nil, err
	}
	var invoices []Invoice
	if before == nil || !d.applied {
		if invoices, err = d.c.failedInvoices(ctx, o.ID); err != nil {
			return nil, err
		}
	}
	p := &i.plan
	p.Provider, p.Instance, p.Organization = provider, d.c.instance(), i.o
	p.DeletionError, _ = errors.AsType[*errors.Error](deletionError(o.ID, projects, invoices))
	last := make([]string, 0, len(projects)+len(invoices)+1) // what the federation comes after
	for _, x := range invoices {
		last = append(last, i.addStep(i.query(kindFailedInvoice, nil), Blocker{ID: x.ID}, x.ID, nil))
	}
	var links []string
	if before == nil || !d.applied {
		if links, err = i.addListed(ctx, kindLiveMigrationLink, nil); err != nil {
			return nil, err
		}
	}
	last = append(last, links...)
	contents := make([][]Blocker, len(projects))
	if err := trace.Parallel(ctx, len(projects), func(n int) (err error) {
		contents[n], err = i.readBlockers(ctx, &projects[n])
		return err
	}); err != nil {
		return nil, err
	}
	for n := range projects {
		last = append(last, i.addProject(&projects[n], contents[n], links))
	}
	if _, err := i.addListed(ctx, kindFederation, last); err != nil {
		return nil, err
	}
	if err := i.addOmittedSteps(ctx, projects); err != nil {
		return nil, err
	}
	if err := d.credentials(ctx, p); err != nil {
		return nil, err
	}
	d.applied = before != nil
	return p, nil
}

// inspection is a plan that is being made.
type inspection struct {
	*driver
	o         teardown.Organization
	plan      teardown.Plan
	stepIndex map[string]int // of plan.Steps, by ID
	before    *teardown.Plan
	planned   map[string]map[BlockerKind][]ref // of before, by project; nil if there is none
}

// planned returns what a plan has in projects. A step that does not say where its resource
// is has a reference without a kind.
func (d *driver) planned(o teardown.Organization, p *teardown.Plan) map[string]map[BlockerKind][]ref {
	if p == nil {
		return nil
	}
	all := map[string]map[BlockerKind][]ref{}
	for _, s := range p.Steps {
		name, identity, _ := strings.Cut(s.ID, "/")
		project, _, _ := strings.Cut(identity, "/")
		r, err := d.refOf(o, s)
		if err != nil || len(s.Ref) == 0 && r.kind.parentOf != nil {
			r = ref{}
		}
		if all[project] == nil {
			all[project] = map[BlockerKind][]ref{}
		}
		all[project][BlockerKind(name)] = append(all[project][BlockerKind(name)], r)
	}
	return all
}

// scope returns where resources of a kind are, of the organization or of a project.
func (i *inspection) query(name BlockerKind, project *Project) listQuery {
	query := listQuery{kind: i.kinds[name], organization: i.o.ID}
	if project != nil {
		query.projectID, query.created = project.ID, project.Created
	}
	return query
}

// list adds a step for each resource of a kind of the organization.
func (i *inspection) addListed(ctx context.Context, name BlockerKind, after []string) ([]string, error) {
	query := i.query(name, nil)
	l, err := i.c.list(ctx, query)
	ids := make([]string, len(l.found))
	for n, blocker := range l.found {
		ids[n] = i.addStep(query, blocker, blocker.ID, after)
	}
	return ids, err
}

// read reads what is in a project. If the project does not exist any more, which a
// read of it shows, nothing is. In a project that was just made roles may be missing for
// some seconds.
func (i *inspection) readBlockers(ctx context.Context, project *Project) (all []Blocker, err error) {
	query := i.query(BlockerCluster, project)
	for reads := 0; ; reads++ {
		s := i.c.newListCache(ctx, project.ID, nil)
		if i.before != nil {
			if s.planned = i.planned[project.ID]; s.planned == nil {
				s.planned = map[BlockerKind][]ref{}
			}
			s.removed = func(uid string) bool { return i.hasRemoved(project.ID, uid) }
		}
		if all, err = gather(s.blockers(ctx)); err == nil {
			return all, nil
		}
		err = i.c.inAbsentParent(ctx, query, err)
		again := errors.Is(err, errContradicted) || query.passing(err) != err
		if err == nil || !again || reads == maxInspectRetries || wait.Sleep(ctx, inspectBackoff.Bound(reads)) != nil {
			return nil, err
		}
	}
}

// maxInspectRetries is how often read reads a project again, the first time at once.
const maxInspectRetries = 5

// inspectBackoff is the wait before read reads a project again.
var inspectBackoff = backoff.Exponential{First: time.Second, Max: 8 * time.Second}

// project adds a step for each resource in a project, which may have been deleted
// meanwhile, and for the project, which comes after them. A resource that comes after none
// in it comes after first. It returns the ID of the step of the project.
func (i *inspection) addProject(project *Project, all []Blocker, first []string) string {
	all = slices.DeleteFunc(all, func(blocker Blocker) bool { return i.isRetained(project, blocker) })
	ids := make([]string, len(all))
	for n, blocker := range all {
		query, name := i.query(blocker.Kind, project), blocker.ID+" in "+project.Name
		if blocker.Kind == BlockerBackupCompliancePolicy {
			name = "policy of " + project.Name
		}
		var after []string
		for m, other := range all[:n] {
			if query.kind.follows(blocker, other) {
				after = append(after, ids[m])
			}
		}
		if blocker.Kind == BlockerBackupCompliancePolicy && blocker.Protected {
			hold := i.addStep(i.query(kindPolicyProtection, project), Blocker{ID: blocker.ID}, name, nil)
			after = append(slices.Clone(first), hold)
		}
		if after == nil {
			after = first
		}
		ids[n] = i.addStep(query, blocker, name, after)
	}
	if len(ids) == 0 {
		ids = first
	}
	r := refTo(i.query(kindProject, project), Blocker{ID: project.ID})
	return i.addStepOf(r, Blocker{}, project.Name, ids)
}

// isRetained reports whether a snapshot is of a cluster that this run has deleted, and is
// not in the plan before itself. It is deleted with its project.
func (i *inspection) isRetained(project *Project, blocker Blocker) bool {
	if i.before == nil || blocker.Kind != BlockerSnapshot && blocker.Kind != BlockerShardedSnapshot {
		return false
	}
	id := refTo(i.query(blocker.Kind, project), blocker).stepID()
	isPlanned := func(r ref) bool { return r.kind != nil && r.stepID() == id }
	return !slices.ContainsFunc(i.planned[project.ID][blocker.Kind], isPlanned) && i.hasRemovedName(project.ID, blocker.Parent)
}

// step adds the step of a resource and returns its ID.
func (i *inspection) addStep(query listQuery, blocker Blocker, name string, after []string) string {
	return i.addStepOf(refTo(query, blocker), blocker, name, after)
}

func (i *inspection) addStepOf(r ref, blocker Blocker, name string, after []string) string {
	s := teardown.Step{
		ID: r.stepID(), Kind: string(r.kind.name), Name: name, Why: r.kind.why, Removal: r.kind.removal, After: after,
		Manual: r.kind.manual, Ref: r.json(),
	}
	if blocker.Protected && r.kind.unprotect != nil {
		s.Removal = "take off its termination protection, and " + s.Removal
		s.Requires = []teardown.Override{teardown.TerminationProtection}
	}
	i.stepIndex[s.ID] = len(i.plan.Steps)
	i.plan.Steps = append(i.plan.Steps, s)
	return s.ID
}

// omitted adds those projects of the plan before that the list of projects lacks and that
// exist nevertheless, as a read of each shows.
func (i *inspection) addOmittedProjects(ctx context.Context, projects []Project) ([]Project, error) {
	if i.before == nil {
		return projects, nil
	}
	listed := make(map[string]bool, len(projects))
	for _, x := range projects {
		listed[x.ID] = true
	}
	var missing []string
	for _, s := range i.before.Steps {
		r, err := i.refOf(i.o, s)
		if err != nil || r.Project == "" || listed[r.Project] || i.isDeleted(string(kindProject)+"/"+r.Project) {
			continue
		}
		listed[r.Project] = true // once
		missing = append(missing, r.Project)
	}
	found := make([]*Project, len(missing))
	err := trace.Parallel(ctx, len(missing), func(n int) error {
		id := missing[n]
		r := refTo(i.query(kindProject, &Project{ID: id}), Blocker{ID: id})
		x, err := i.c.GetProject(ctx, id)
		switch {
		case err == nil && x.ID == id && x.OrgID == i.o.ID:
			found[n] = x
			return nil
		case err == nil && x.ID == id && x.OrgID != "":
			return &errors.Error{
				Provider: provider, Operation: "Teardown", Target: id, Code: errors.PlanStale,
				Steps: []errors.Step{{Name: string(kindProject) + "/" + id, Description: "belongs to another organization"}},
				Err:   errors.New("a project of the plan belongs to another organization"),
			}
		case err == nil:
			return wrongResource("GetProject", id)
		}
		if gone, wrong := i.c.projectDeleted(ctx, r, err); !gone {
			return cmp.Or(wrong, err)
		}
		i.noteDeleted(r)
		return nil
	})
	for _, x := range found {
		if x != nil {
			projects = append(projects, *x)
		}
	}
	return projects, err
}

// confirm adds those steps of the plan before that the lists of projects lack and that
// exist nevertheless: a list of several pages may leave out what exists, and so may the
// list of clusters by which others are found. A resource that an operation reads by itself
// is read; any other is sought in its list again, unless that was read and is empty: an
// empty list has one page.
func (i *inspection) addOmittedSteps(ctx context.Context, projects []Project) error {
	if i.before == nil {
		return nil
	}
	exists, listed := map[string]bool{}, map[string]bool{}
	for _, x := range projects {
		exists[x.ID] = true
	}
	for _, s := range i.plan.Steps {
		if r, err := i.refOf(i.o, s); err == nil {
			listed[s.Kind+"/"+r.Project] = true
		}
	}
	var missing []teardown.Step
	for _, s := range i.before.Steps {
		r, err := i.refOf(i.o, s)
		_, found := i.stepIndex[s.ID]
		if err != nil || found || !exists[r.Project] || r.kind.unpaged || r.kind.name == kindProject || i.isDeleted(s.ID) {
			continue
		}
		if r.kind.read != nil || r.kind.parentOf != nil || listed[s.Kind+"/"+r.Project] {
			missing = append(missing, s)
		}
	}
	items := make([]resource.Item, len(missing))
	found := make([]bool, len(missing))
	if err := trace.Parallel(ctx, len(missing), func(n int) (err error) {
		items[n], found[n], err = i.Find(ctx, i.o, missing[n])
		return err
	}); err != nil {
		return err
	}
	for n, s := range missing {
		if found[n] {
			i.restoreStep(s, items[n].Value.(Blocker))
		} else if r, err := i.refOf(i.o, s); err == nil {
			i.noteDeleted(r)
		}
	}
	return nil
}

// again adds a step of the plan before.
func (i *inspection) restoreStep(s teardown.Step, blocker Blocker) {
	r, err := i.refOf(i.o, s)
	if err != nil {
		return
	}
	s.Ref = refTo(r.query(), blocker).json()
	s.After = slices.DeleteFunc(slices.Clone(s.After), func(id string) bool {
		_, ok := i.stepIndex[id]
		return !ok
	})
	if len(s.Requires) == 0 && blocker.Protected && r.kind.unprotect != nil {
		s.Requires = []teardown.Override{teardown.TerminationProtection}
	}
	n := len(i.plan.Steps)
	if project, ok := i.stepIndex[string(kindProject)+"/"+r.Project]; ok {
		n = project
		i.plan.Steps[n].After = append(slices.Clone(i.plan.Steps[n].After), s.ID)
	}
	i.plan.Steps = slices.Insert(i.plan.Steps, n, s)
	for ; n < len(i.plan.Steps); n++ {
		i.stepIndex[i.plan.Steps[n].ID] = n
	}
}

// A removal that Atlas has accepted is requested again if so many reads show the resource
// unchanged, as the vendor's own operator does.
const (
	readsBeforeRepeat = 5

	// rightBefore is how old a read may be on which a removal by name, or that of a project,
	// relies: each is sent right after a read of its own. Another resource may have the name
	// the next moment, and a project another organization.
	freshRead = time.Nanosecond

	// stateless is how long a resource is given whose state does not show that its deletion
	// has started.
	statelessSettling = 75 * time.Second
)

// Act sends the next request of a step.
func (d *driver) Act(ctx context.Context, o teardown.Organization, s teardown.Step) (teardown.Progress, error) {
	p, err := d.Driver.Act(ctx, o, s)
	if err == nil && p.State == teardown.ProgressNotFound {
		d.noteStep(o, s)
	}
	return p, err
}

// Poll reads the resources of steps.
func (d *driver) Poll(ctx context.Context, o teardown.Organization, group string, steps []teardown.Step) ([]teardown.Progress, error) {
	all, err := d.Driver.Poll(ctx, o, group, steps)
	for i, p := range all {
		if p.State == teardown.ProgressNotFound {
			d.noteStep(o, steps[i])
		}
	}
	return all, err
}

// note keeps that the resource of a step does not exist, unless its ID is a name, which
// another resource may have later.
func (d *driver) noteStep(o teardown.Organization, s teardown.Step) {
	if r, err := d.refOf(o, s); err == nil {
		d.noteDeleted(r)
	}
}

func (d *driver) noteDeleted(r ref) {
	if r.kind.unpaged || r.kind.byName && r.UID == "" {
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
			Read: func(ctx context.Context) (rest.Existence, error) { return d.c.readExistence(ctx, o.ID) },
			CredentialEnded: func(_ context.Context, refusal error) (bool, error) {
				switch {
				case !errors.Is(refusal, errors.Unauthenticated):
					return false, nil
				case d.ownCredential && accepted:
					return true, nil
				}
				return false, refusal
			},
			MinRefusals: 4, RepeatAfter: 9 * time.Second, Timeout: 5 * time.Minute,
		},
	}
	return deletion.Run(ctx)
}
