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

// Plan lists the resources that block an organization's deletion and the resources that Atlas
// deletes along with the organization. It changes nothing.
//
// The steps are each blocker that [Client.ListBlockers] finds in a project, each project, the
// live migration link of the organization, and its connection to a federation. The link comes
// first: Atlas refuses to delete the link while a migration runs, and then nothing else is
// deleted. The federation comes last, because users may sign in through it. A cluster comes after
// its outage simulation, its online archives and the backup compliance policy that would retain its
// snapshots; peerings and endpoints that clusters use come after the clusters; and each project
// comes after its resources.
//
// Manual steps are failed invoices and the protection of a backup compliance policy, which only
// the vendor's support can remove. A cluster with termination protection requires
// [teardown.TerminationProtection]. No read shows a running live migration; the step of its link
// fails until the migration has ended.
//
// A service account or an API key belongs to one organization, and Atlas deletes it along with
// the organization. If the client's credential belongs to the organization, the plan requires
// [teardown.OwnOrganization]. Such a client cannot read anything afterwards: see
// [Client.DeleteOrganization].
//
// Cascades are the service accounts and the API keys. Users and teams are not listed. Atlas can
// charge the usage since the last invoice.
//
// DeletionError is the error of [Client.CheckDeletion].
//
// Plan sends 7 requests, those of ListBlockers for each project, and one for each further page of
// 500 items. It reads up to eight projects at the same time. The credential needs the role
// Organization Owner. Errors are those of the reads, such as [errors.OrganizationNotFound].
//
// Source: vendor OpenAPI of SDK v20250312023; vendor's error page; vendor's clean-up of its own
// test organizations.
func (c *Client) Plan(ctx context.Context, orgID string) (*teardown.Plan, error) {
	return teardown.NewPlan(ctx, c.driver(), teardown.Organization{ID: orgID})
}

// Identify returns the ID and the name of an organization as a plan has them. The error is
// [errors.OrganizationNotFound] if the organization does not exist, also if a read still finds a
// deleted one. Identify sends one request.
func (c *Client) Identify(ctx context.Context, orgID string) (teardown.Organization, error) {
	found, err := c.getExisting(ctx, "Identify", orgID)
	if err != nil {
		return teardown.Organization{}, err
	}
	return found.planned(), nil
}

// planned returns the organization as plans have it.
func (o *Organization) planned() teardown.Organization {
	return teardown.Organization{ID: o.ID, Name: o.Name}
}

// Teardown applies a plan of [Client.Plan]: it removes the resource of each step, waits until a
// read shows that the resource is deleted, and then deletes the organization by
// [Client.DeleteOrganization].
//
// Atlas deletes some resources, such as clusters, within minutes. Waits for resources of one kind in
// one project share their lists. Waits for clusters of several projects also share the
// organization's list of projects, whose number of clusters shows when to read the clusters. A
// resource that a list lacks is read by itself if an operation does that. Atlas can refuse to delete
// a project for some minutes after its last resource was deleted; Teardown repeats the request each
// minute, for at most the time of [teardown.WithRetryFor]. Teardown deletes retained snapshots
// along with a project only if this run deleted their cluster. Other snapshots are blockers: a new
// plan lists them.
//
// Right before Teardown requests the deletion of a named resource or a project, it reads the resource
// by itself. A resource that was recreated with the same name is another resource and is not deleted.
// Teardown reads again if the request waited more than 10 seconds for the rate limit. If a project
// was moved to another organization, Teardown changes nothing more in the project, and its steps
// fail. A list of projects that is not older than a second shows the organization of each project.
//
// After Atlas has accepted the deletion of the organization, a read decides. The outcome is
// [teardown.Deleted] if the read shows that the organization is deleted. While the organization
// exists, Teardown requests the deletion again, at most three times, and not after Atlas has refused
// it because of blockers or a charge that failed. If no read decides within 5 minutes, the outcome is
// [teardown.Unknown]. The deletion invalidates a credential of the organization itself, which the
// plan shows. With such a credential, the outcome is Deleted if Atlas accepted the deletion and then
// refuses the credential in several consecutive reads, and Unknown if the answer was lost.
//
// Before the first step, Teardown reads the organization again. It does not list the kinds of
// blockers because of which Atlas refuses to delete a project or a cluster: new outage simulations,
// backup compliance policies, snapshots, peerings and endpoints are found only in projects that
// have the kind in the plan; elsewhere they block the deletion of their project. New clusters,
// federated databases, stream workspaces and online archives make the plan stale, and so do the
// snapshots of a planned cluster that no longer exists, and a planned project that belongs to
// another organization. In a project with more than 100 clusters, Teardown lists online archives
// only for the clusters that have archives in the plan; a new archive of another cluster is deleted
// along with its cluster.
//
// The credential needs the role Organization Owner. Teardown sends fewer requests than Plan before
// the first step and before the deletion of the organization. For each resource it sends the
// deletion, one read before the deletion, one read that shows that the resource is deleted, and a
// share of the lists.
//
// Errors, in addition to those of DeleteOrganization; the errors of failed steps are joined. The
// report is nil if the error was found before the plan was applied, as in [teardown.Execute]:
//
//   - [errors.NotConfirmed]: the name differs, or an override is missing
//   - [errors.PlanStale]: the plan is of another provider or instance, expired, was edited, or no
//     longer matches the provider
//   - [errors.ActiveLiveMigration]: a live migration runs; nothing else was changed
//   - [errors.DeletionStepsNotSatisfied]: a manual step is required, or a blocker remained after all
//     attempts
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
		// Another process of this teardown may have deleted the clusters. Their snapshots are then
		// deleted along with the projects, as if this one had.
		for _, s := range p.Steps {
			if r, err := d.refOf(p.Organization, s); err == nil && r.kind != nil && r.kind.name == BlockerCluster {
				d.noteRemoved(r)
			}
		}
	}
	return d, nil
}

// driver implements [teardown.Driver] for Atlas.
type driver struct {
	*resource.Driver[ref]
	c     *Client
	all   []kind
	kinds map[BlockerKind]*kind

	ownCredential bool // the client's credential belongs to the organization; set by Inspect
	applied       bool // Inspect has read the organization before the plan was applied

	mu            sync.Mutex
	deleted       map[string]bool  // steps whose resource does not exist according to a read, and cannot be recreated
	clusterCounts map[string]int64 // last number of clusters, by kind and project

	ownedAt         map[string]time.Time // time of the last read that shows the owner, by organization and project
	removedClusters map[string]string    // names of clusters that this run deleted, by project and Atlas's ID

	ownershipRead chan struct{} // semaphore of the read that updates ownedAt
}

// driver returns the driver of one plan or one run.
func (c *Client) driver() *driver {
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

// Provider returns the provider and the instance of this client's plans.
func (d *driver) Provider() (name, instance string) { return provider, d.c.instance() }

// Durations returns the durations that all teardowns of the client share.
func (d *driver) Durations() *teardown.Durations {
	if d.c == nil {
		return nil
	}
	return d.c.durations
}

// Inspect creates a plan. When it reads the organization to apply a plan, it reads less: see
// [kind.enforced]. Right before the deletion of the organization it does not read invoices, because
// Atlas refuses to delete an organization with a failed invoice.
func (d *driver) Inspect(ctx context.Context, o teardown.Organization, before *teardown.Plan) (*teardown.Plan, error) {
	found, projects, err := d.c.survey(ctx, "Plan", o.ID)
	if err != nil {
		return nil, err
	}
	i := &inspection{
		driver: d, organization: found.planned(),
		before: before, stepIndex: map[string]int{}, planned: d.planned(o, before),
	}
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
	p.Provider, p.Instance, p.Organization = provider, d.c.instance(), i.organization
	p.DeletionError, _ = errors.AsType[*errors.Error](deletionError(o.ID, projects, invoices))
	last := make([]string, 0, len(projects)+len(invoices)+1) // steps before the federation
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

// inspection creates a plan.
type inspection struct {
	*driver
	organization teardown.Organization
	plan         teardown.Plan
	stepIndex    map[string]int // index in plan.Steps, by ID
	before       *teardown.Plan
	planned      map[string]map[BlockerKind][]ref // steps of before, by project; nil without before
}

// planned returns the references of a plan's steps by project and kind. If a step does not identify
// the list of its resource, its reference has no kind.
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

// query returns the query of a kind, in the organization or in a project.
func (i *inspection) query(name BlockerKind, project *Project) listQuery {
	query := listQuery{kind: i.kinds[name], organization: i.organization.ID}
	if project != nil {
		query.projectID, query.created = project.ID, project.Created
	}
	return query
}

// addListed adds a step for each resource of a kind of the organization.
func (i *inspection) addListed(ctx context.Context, name BlockerKind, after []string) ([]string, error) {
	query := i.query(name, nil)
	l, err := i.c.list(ctx, query)
	ids := make([]string, len(l.found))
	for n, blocker := range l.found {
		ids[n] = i.addStep(query, blocker, blocker.ID, after)
	}
	return ids, err
}

// readBlockers lists the blockers of a project. If a read shows that the project no longer exists,
// the list is empty. In a new project, readBlockers retries if a role is missing.
func (i *inspection) readBlockers(ctx context.Context, project *Project) (all []Blocker, err error) {
	query := i.query(BlockerCluster, project)
	for reads := 0; ; reads++ {
		lists := i.c.newListCache(ctx, project.ID, nil)
		if i.before != nil {
			if lists.planned = i.planned[project.ID]; lists.planned == nil {
				lists.planned = map[BlockerKind][]ref{}
			}
			lists.removed = func(uid string) bool { return i.hasRemoved(project.ID, uid) }
		}
		if all, err = gather(lists.blockers(ctx)); err == nil {
			return all, nil
		}
		err = i.c.inAbsentParent(ctx, query, err)
		again := errors.Is(err, errContradicted) || query.asTransient(err) != err
		if err == nil || !again || reads == maxInspectRetries || wait.Sleep(ctx, inspectBackoff.Bound(reads)) != nil {
			return nil, err
		}
	}
}

// maxInspectRetries is the maximum number of times that readBlockers reads a project again. The
// first retry does not wait.
const maxInspectRetries = 5

// inspectBackoff is the wait before readBlockers reads a project again.
var inspectBackoff = backoff.Exponential{First: time.Second, Max: 8 * time.Second}

// addProject adds a step for each blocker of a project, and after them a step for the project. A
// blocker that depends on no other blocker comes after first. addProject returns the ID of the
// project's step.
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
			protection := i.addStep(i.query(kindPolicyProtection, project), Blocker{ID: blocker.ID}, name, nil)
			after = append(slices.Clone(first), protection)
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

// isRetained reports whether a snapshot belongs to a cluster that this run deleted and is not in
// the plan that is applied. Such a snapshot is deleted along with its project.
func (i *inspection) isRetained(project *Project, blocker Blocker) bool {
	if i.before == nil || blocker.Kind != BlockerSnapshot && blocker.Kind != BlockerShardedSnapshot {
		return false
	}
	id := refTo(i.query(blocker.Kind, project), blocker).stepID()
	isPlanned := func(r ref) bool { return r.kind != nil && r.stepID() == id }
	return !slices.ContainsFunc(i.planned[project.ID][blocker.Kind], isPlanned) && i.hasRemovedName(project.ID, blocker.Parent)
}

// addStep adds the step of a resource and returns its ID.
func (i *inspection) addStep(query listQuery, blocker Blocker, name string, after []string) string {
	return i.addStepOf(refTo(query, blocker), blocker, name, after)
}

// addStepOf adds the step of a reference and returns its ID.
func (i *inspection) addStepOf(r ref, blocker Blocker, name string, after []string) string {
	s := teardown.Step{
		ID: r.stepID(), Kind: string(r.kind.name), Name: name, Why: r.kind.why, Removal: r.kind.removal, After: after,
		Manual: r.kind.manual, Ref: r.json(),
	}
	if blocker.Protected && r.kind.unprotect != nil {
		s.Removal = "disable its termination protection and " + s.Removal
		s.Requires = []teardown.Override{teardown.TerminationProtection}
	}
	i.stepIndex[s.ID] = len(i.plan.Steps)
	i.plan.Steps = append(i.plan.Steps, s)
	return s.ID
}

// addOmittedProjects adds the projects of the previous plan that the list of projects lacks, if a
// read shows that they exist.
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
		r, err := i.refOf(i.organization, s)
		if err != nil || r.Project == "" || listed[r.Project] || i.isDeleted(string(kindProject)+"/"+r.Project) {
			continue
		}
		listed[r.Project] = true // add it once
		missing = append(missing, r.Project)
	}
	found := make([]*Project, len(missing))
	err := trace.Parallel(ctx, len(missing), func(n int) error {
		id := missing[n]
		r := refTo(i.query(kindProject, &Project{ID: id}), Blocker{ID: id})
		x, err := i.c.GetProject(ctx, id)
		switch {
		case err == nil && x.ID == id && x.OrgID == i.organization.ID:
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
		if isAbsent, readErr := i.c.projectDeleted(ctx, r, err); !isAbsent {
			return cmp.Or(readErr, err)
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

// addOmittedSteps adds the steps of the previous plan that the new plan lacks, if their resources
// exist: a list of several pages can lack existing resources, and so can the list of clusters from
// which other lists follow. It reads a resource by itself if an operation does that, and lists it
// again otherwise. It does not repeat a list that was read and is empty, because an empty list has
// one page.
func (i *inspection) addOmittedSteps(ctx context.Context, projects []Project) error {
	if i.before == nil {
		return nil
	}
	exists, listed := map[string]bool{}, map[string]bool{}
	for _, x := range projects {
		exists[x.ID] = true
	}
	for _, s := range i.plan.Steps {
		if r, err := i.refOf(i.organization, s); err == nil {
			listed[s.Kind+"/"+r.Project] = true
		}
	}
	var missing []teardown.Step
	for _, s := range i.before.Steps {
		r, err := i.refOf(i.organization, s)
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
		items[n], found[n], err = i.Find(ctx, i.organization, missing[n])
		return err
	}); err != nil {
		return err
	}
	for n, s := range missing {
		if found[n] {
			i.restoreStep(s, items[n].Value.(Blocker))
		} else if r, err := i.refOf(i.organization, s); err == nil {
			i.noteDeleted(r)
		}
	}
	return nil
}

// restoreStep adds a step of the previous plan.
func (i *inspection) restoreStep(s teardown.Step, blocker Blocker) {
	r, err := i.refOf(i.organization, s)
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

// Limits of package resource.
const (
	// readsBeforeRepeat is the number of reads that show an unchanged resource before an accepted
	// removal is requested again, as in the vendor's operator.
	readsBeforeRepeat = 5

	// freshRead is the maximum age of the read before a removal by name or of a project: each
	// removal follows a read of its own, because another resource can get the name, and the
	// project another organization, at any time.
	freshRead = time.Nanosecond

	// statelessSettling is the minimum wait before the removal of a resource is repeated whose
	// state does not show that its deletion has started.
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

// noteStep records that the resource of a step does not exist. It does not record a resource whose
// ID is a name, because another resource can have the name later.
func (d *driver) noteStep(o teardown.Organization, s teardown.Step) {
	if r, err := d.refOf(o, s); err == nil {
		d.noteDeleted(r)
	}
}

// noteDeleted records that a resource does not exist, unless its ID is a name.
func (d *driver) noteDeleted(r ref) {
	if r.kind.unpaged || r.kind.reusableName && r.UID == "" {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.deleted[r.stepID()] = true
}

// isDeleted reports whether a read has shown that the resource of a step does not exist.
func (d *driver) isDeleted(step string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.deleted[step]
}

// Delete deletes the organization and reads whether the organization is deleted. Atlas documents that
// the deletion is immediate. The deletion invalidates a credential of the organization itself. The
// only proof that such a credential can read is that Atlas accepted the credential right before the
// deletion and refuses it in several consecutive reads right after. Several refused reads with another
// credential end the wait, because no later read decides either.
func (d *driver) Delete(ctx context.Context, o teardown.Organization) (teardown.Deletion, error) {
	deletion := resource.Deletion{
		Send: func(ctx context.Context) (bool, error) { return d.c.deleteProved(ctx, o.ID) },
		Verification: resource.Verification{
			Wait: d.c.rest().Wait, Provider: provider, Operation: "Teardown", Organization: o.ID,
			Read: func(ctx context.Context) (rest.Existence, error) { return d.c.readExistence(ctx, o.ID) },
			CredentialEnded: func(_ context.Context, refusal error) (bool, error) {
				switch {
				case !errors.Is(refusal, errors.Unauthenticated):
					return false, nil
				case d.ownCredential:
					return true, nil
				}
				return false, refusal
			},
			MinRefusals: 4, RepeatAfter: 9 * time.Second, Timeout: 5 * time.Minute,
		},
	}
	return deletion.Run(ctx)
}
