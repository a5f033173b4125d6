package atlas

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/resource"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/internal/trace"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Kinds of steps that are not a [Blocker] of a project.
const (
	kindProject           BlockerKind = "project"
	kindFederation        BlockerKind = "federation"
	kindLiveMigrationLink BlockerKind = "live_migration_link"
	kindFailedInvoice     BlockerKind = "failed_invoice"
	kindPolicyProtection  BlockerKind = "policy_protection"
)

// kinds returns the table of all kinds, in the order in which their resources are removed: a
// backup compliance policy before the clusters whose snapshots it retains, streams before the
// links that they use, endpoints before their services, and a project after its resources. To
// support another kind, add one entry.
func kinds() []kind {
	const blocksProject, deleteIt = "blocks the deletion of its project", "delete it"
	return []kind{
		{
			name: kindFailedInvoice,
			why:  "the payment failed", removal: "pay the invoice in the billing section of Atlas", manual: true, unpaged: true,
			listIn: func(c *Client, ctx context.Context, organization string) list {
				return lazyList(func() ([]Invoice, error) { return c.failedInvoices(ctx, organization) }, func(x Invoice) Blocker { return Blocker{ID: x.ID} })
			},
		},
		{
			name: kindLiveMigrationLink,
			why:  "live migrations block the deletion of the organization", unpaged: true,
			removal: "delete the link and the API key that belongs to it",
			listIn: func(c *Client, ctx context.Context, organization string) list {
				return lazyList(func() ([]LiveMigrationProject, error) {
					linked, err := c.ListLiveMigrationProjects(ctx, organization)
					return linked[:min(len(linked), 1)], err
				}, func(LiveMigrationProject) Blocker { return Blocker{ID: organization} })
			},
			notFound: isLinkNotFound, ambiguous: true,
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeleteLiveMigrationLink(ctx, r.organization)
			},
			pollAtOnce: true,
		},
		{
			name: BlockerOutageSimulation,
			why:  "blocks the deletion of its cluster", removal: "end the simulation",
			list: (*listCache).outageSimulations, parentOf: ownID, enforced: true,
			remove: func(d *driver, ctx context.Context, r ref) error {
				_, err := d.c.EndOutageSimulation(ctx, r.Project, r.ID)
				return err
			},
			reusableName: true, stateful: true,
		},
		{
			name: BlockerOnlineArchive, why: blocksProject, removal: "delete it with its documents",
			list: (*listCache).onlineArchives, parentOf: ownParent,
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeleteOnlineArchive(ctx, r.Project, r.Parent, r.ID)
			},
			stateful: true,
		},
		{
			name: kindPolicyProtection,
			why:  "blocks the deletion of the backup compliance policy", manual: true, unpaged: true,
			removal: "ask the vendor's support to permit the deletion of the policy",
			list:    (*listCache).policyProtection,
		},
		{
			name: BlockerBackupCompliancePolicy,
			why:  "blocks the deletion of snapshots", removal: "delete the policy",
			list: (*listCache).backupCompliancePolicy, unpaged: true, enforced: true,
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeleteBackupCompliancePolicy(ctx, r.Project)
			},
			stateful: true,
		},
		{
			name: BlockerCluster, why: blocksProject, removal: "delete it with its data and snapshots",
			list:  (*listCache).presentClusters,
			after: []dependency{{BlockerOutageSimulation, sameName}, {BlockerOnlineArchive, isParent}, {kind: BlockerBackupCompliancePolicy}},
			read: func(c *Client, ctx context.Context, r ref) (Blocker, error) {
				found, err := c.GetCluster(ctx, r.Project, r.ID)
				return convertRead(found, err, clusterBlocker)
			},
			absent: (*Client).clusterAbsent, inClusterCount: true,
			unprotect: func(c *Client, ctx context.Context, r ref) error {
				_, err := c.SetClusterTerminationProtection(ctx, r.Project, r.ID, false)
				return err
			},
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeleteCluster(ctx, r.Project, r.ID, DeleteClusterOptions{})
			},
			reusableName: true, stateful: true, expect: clusterTime,
		},
		{
			name: BlockerFlexCluster, why: blocksProject, removal: "delete it with its data and snapshots",
			list: func(lists *listCache, ctx context.Context) list {
				return convertList(lists.c.ListFlexClusters(ctx, lists.projectID), flexClusterBlocker)
			},
			read: func(c *Client, ctx context.Context, r ref) (Blocker, error) {
				found, err := c.GetFlexCluster(ctx, r.Project, r.ID)
				return convertRead(found, err, flexClusterBlocker)
			},
			absent: (*Client).clusterAbsent, inClusterCount: true,
			unprotect: func(c *Client, ctx context.Context, r ref) error {
				_, err := c.SetFlexClusterTerminationProtection(ctx, r.Project, r.ID, false)
				return err
			},
			remove:       func(d *driver, ctx context.Context, r ref) error { return d.c.DeleteFlexCluster(ctx, r.Project, r.ID) },
			reusableName: true, stateful: true,
		},
		{
			name: BlockerSnapshot,
			why:  "blocks the deletion of its project; its cluster is deleted", removal: deleteIt,
			list:     func(lists *listCache, ctx context.Context) list { return lists.snapshots(ctx, false) },
			parentOf: ownParent, enforced: true, listedWith: BlockerShardedSnapshot,
			after: []dependency{{kind: BlockerBackupCompliancePolicy}},
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeleteSnapshot(ctx, r.Project, r.Parent, r.ID)
			},
			stateful: true,
		},
		{
			name: BlockerShardedSnapshot,
			why:  "blocks the deletion of its project; its cluster is deleted", removal: deleteIt,
			list:     func(lists *listCache, ctx context.Context) list { return lists.snapshots(ctx, true) },
			parentOf: ownParent, enforced: true, listedWith: BlockerSnapshot,
			after: []dependency{{kind: BlockerBackupCompliancePolicy}},
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeleteShardedSnapshot(ctx, r.Project, r.Parent, r.ID)
			},
			stateful: true,
		},
		{
			name: BlockerNetworkPeering, why: blocksProject, removal: deleteIt,
			list: (*listCache).networkPeerings, enforced: true, after: []dependency{{kind: BlockerCluster}},
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeleteNetworkPeering(ctx, r.Project, r.ID)
			},
			stateful: true,
		},
		{
			name: BlockerFederationEndpoint, why: blocksProject, removal: deleteIt, enforced: true,
			list: func(lists *listCache, ctx context.Context) list {
				return convertList(lists.c.ListFederationEndpoints(ctx, lists.projectID), func(x FederationEndpoint) Blocker {
					return Blocker{ID: x.EndpointID, State: x.Status}
				})
			},
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeleteFederationEndpoint(ctx, r.Project, r.ID)
			},
			reusableName: true, stateful: true, repeatAfterReads: 1, // one accepted deletion may not be enough
		},
		{
			name: BlockerFederatedDatabase, why: blocksProject, removal: deleteIt, unpaged: true,
			list: func(lists *listCache, ctx context.Context) list {
				return convertList(sliceList(lists.c.ListFederatedDatabases(ctx, lists.projectID)), func(x FederatedDatabase) Blocker {
					return Blocker{ID: x.Name, State: x.State}
				})
			},
			after: []dependency{{kind: BlockerFederationEndpoint}},
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeleteFederatedDatabase(ctx, r.Project, r.ID)
			},
			reusableName: true, stateful: true,
		},
		{
			name: BlockerStreamProcessor, why: "blocks the deletion of its workspace", removal: deleteIt,
			list: (*listCache).streamProcessors, parentOf: ownParent,
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeleteStreamProcessor(ctx, r.Project, r.Parent, r.ID)
			},
			reusableName: true, stateful: true,
		},
		{
			name: BlockerStreamWorkspace, why: blocksProject, removal: deleteIt,
			list: func(lists *listCache, _ context.Context) list {
				return convertList(sliceList(lists.workspaces()), func(x StreamWorkspace) Blocker { return Blocker{ID: x.Name, UID: x.ID} })
			},
			after: []dependency{{BlockerStreamProcessor, isParent}},
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeleteStreamWorkspace(ctx, r.Project, r.ID)
			},
			reusableName: true,
		},
		{
			name: BlockerStreamPrivateLink, why: blocksProject, removal: deleteIt, enforced: true,
			list: func(lists *listCache, ctx context.Context) list {
				return convertList(lists.c.ListStreamPrivateLinks(ctx, lists.projectID), func(x StreamPrivateLink) Blocker {
					return Blocker{ID: x.ID, State: x.State}
				})
			},
			after: []dependency{{kind: BlockerStreamWorkspace}},
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeleteStreamPrivateLink(ctx, r.Project, r.ID)
			},
			stateful: true,
		},
		{
			name: BlockerStreamVPCPeering, why: blocksProject, removal: deleteIt, enforced: true,
			list: func(lists *listCache, ctx context.Context) list {
				return convertList(lists.c.ListActiveStreamVPCPeerings(ctx, lists.projectID), func(x StreamVPCPeering) Blocker {
					return Blocker{ID: x.ID, State: x.LocalStatus}
				})
			},
			after: []dependency{{kind: BlockerStreamWorkspace}},
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeleteStreamVPCPeering(ctx, r.Project, r.ID)
			},
			stateful: true,
		},
		{
			name: BlockerPrivateEndpoint,
			why:  "blocks the deletion of its service", removal: deleteIt, enforced: true, listedWith: BlockerPrivateEndpointService, unpaged: true,
			list: (*listCache).privateEndpoints,
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeletePrivateEndpoint(ctx, r.Project, r.Provider, r.Parent, r.ID)
			},
			uniqueInParent: true, reusableName: true,
		},
		{
			name: BlockerPrivateEndpointService,
			why:  blocksProject, removal: deleteIt, enforced: true, listedWith: BlockerPrivateEndpoint, unpaged: true,
			list: (*listCache).privateEndpointServices, after: []dependency{{BlockerPrivateEndpoint, isParent}},
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeletePrivateEndpointService(ctx, r.Project, r.Provider, r.ID)
			},
			stateful: true,
		},
		{
			name: BlockerEncryptionEndpoint, why: blocksProject, removal: deleteIt, enforced: true,
			list: (*listCache).encryptionEndpoints, after: []dependency{{kind: BlockerCluster}},
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeleteEncryptionEndpoint(ctx, r.Project, r.Provider, r.ID)
			},
			stateful: true,
		},
		{
			name: kindProject,
			why:  "blocks the deletion of the organization", removal: "delete it with the retained snapshots of its clusters",
			listIn: (*Client).projectsIn, read: (*Client).readProject, absent: (*Client).projectDeleted,
			remove: (*driver).deleteEmptyProject, pollAtOnce: true,
		},
		{
			name: kindFederation, why: "only an owner in the organization can disconnect it", unpaged: true,
			removal: "disconnect the organization; if it is the last one, delete the federation with its identity providers and domains",
			listIn: func(c *Client, ctx context.Context, organization string) list {
				return lazyList(func() ([]Federation, error) {
					found, err := c.GetFederation(ctx, organization)
					if err != nil {
						return nil, err
					}
					return []Federation{*found}, nil
				}, func(x Federation) Blocker { return Blocker{ID: x.ID} })
			},
			notFound: func(err error) bool { return providerCode(err) == "RESOURCE_NOT_FOUND" }, // the code is about the federation
			remove:   (*driver).leaveFederation, pollAtOnce: true,
		},
	}
}

// clusterTime is the minimum duration of a cluster deletion.
const clusterTime = 45 * time.Second

// kind describes how the client lists, reads and removes the resources of one kind.
type kind struct {
	name         BlockerKind
	why, removal string // why the resource must be removed, and how
	manual       bool   // no API can remove the resource

	// list lists the resources of a project; listIn lists the resources of an organization.
	list   func(lists *listCache, ctx context.Context) list
	listIn func(c *Client, ctx context.Context, organization string) list

	// parentOf returns the cluster or stream workspace whose list has the resource; nil if the
	// list is of the whole project.
	parentOf func(Blocker) (parent string)

	// enforced is true if Atlas refuses to delete the project or the cluster while the resource
	// exists. A new resource of the kind is not deleted unseen and blocks the deletion of the
	// organization. So the read before a plan is applied lists the kind only in projects that
	// have the kind, or listedWith, in the plan. enforced is false for kinds that store data and
	// can be created at any time: a project with a new resource of such a kind is in use, and
	// nothing in it may be changed.
	enforced   bool
	listedWith BlockerKind

	// unpaged is true if the list has no pages.
	unpaged bool

	// after are the kinds of the same project that are removed first.
	after []dependency

	// notFound reports whether the error of listIn means that the resource does not exist. If
	// ambiguous, the error means that only if a read finds the organization.
	notFound  func(error) bool
	ambiguous bool

	// read reads a resource by itself; nil if no operation does, then the list decides. absent
	// reports whether the error of read shows that the resource does not exist.
	read   func(c *Client, ctx context.Context, r ref) (Blocker, error)
	absent func(c *Client, ctx context.Context, r ref, err error) (bool, error)

	// inClusterCount is true if the number of clusters of a project includes the resources.
	inClusterCount bool

	// unprotect disables the termination protection, if the step permits that.
	unprotect func(c *Client, ctx context.Context, r ref) error

	// remove requests the removal; nil if no API can.
	remove func(d *driver, ctx context.Context, r ref) error

	uniqueInParent   bool          // the ID is unique only in the parent
	reusableName     bool          // another resource can have the ID later
	pollAtOnce       bool          // the removal is usually finished when Atlas answers
	stateful         bool          // the state shows that a removal has started
	repeatAfterReads int           // see [resource.Kind]; 0 for the default
	expect           time.Duration // see [resource.Kind]
}

// dependency is a kind that is removed before another one. matches reports for which resources;
// nil means all.
type dependency struct {
	kind    BlockerKind
	matches func(x, before Blocker) bool
}

// sameName reports whether two resources have the same name.
func sameName(x, before Blocker) bool { return x.ID == before.ID }

// isParent reports whether x is the parent of before.
func isParent(x, before Blocker) bool { return x.ID == before.Parent }

// ownParent returns the parent of a resource.
func ownParent(x Blocker) string { return x.Parent }

// ownID returns the ID of a resource that is its own parent.
func ownID(x Blocker) string { return x.ID }

// follows reports whether resource x is removed after other, a resource of the same project.
func (k *kind) follows(x, other Blocker) bool {
	return slices.ContainsFunc(k.after, func(a dependency) bool { return a.kind == other.Kind && (a.matches == nil || a.matches(x, other)) })
}

// table describes to package resource how the resources of all kinds are read and removed.
func (d *driver) table() *resource.Table[ref] {
	t := &resource.Table[ref]{Provider: provider, NothingToDo: func(err error) bool {
		return errors.Is(err, errors.AlreadyRequestedDeletion) || isNotInGroup(err)
	}}
	for i := range d.all {
		k := &d.all[i]
		entry := resource.Kind[ref]{
			Name: string(k.name), Read: d.readResource, Remove: d.remove,
			Scope: func(r ref) string { return r.query().pollGroup() }, List: d.listResources,
			ReusableName: k.reusableName, PollAtOnce: k.pollAtOnce, Expect: k.expect, RepeatAfterReads: k.repeatAfterReads,
		}
		if k.reusableName || k.name == kindProject {
			entry.MaxAge = freshRead
		}
		if k.listIn == nil {
			entry.ListThreshold = 1 // the list has the state, and a project has few resources
		}
		switch {
		case k.repeatAfterReads > 0:
		case k.stateful:
			entry.RepeatAfterReads = readsBeforeRepeat
		default:
			entry.RepeatAfterReads, entry.RepeatAfter = 2*readsBeforeRepeat, statelessSettling
		}
		if k.unprotect != nil {
			entry.Prepare = d.unprotect
		}
		if k.inClusterCount {
			entry.Watch = &resource.Watch[ref]{Scope: func(r ref) string { return r.organization }, Changed: d.countClusters}
		}
		t.Kinds = append(t.Kinds, entry)
	}
	return t
}

// countClusters reports for each cluster whether clusters of its project may have changed: the
// project's number of clusters differs from the last number or, at the first call, is less than
// the number of clusters that are waited for. One list of the organization has the numbers of all
// projects.
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
		before, known := d.clusterCounts[string(r.kind.name)+r.Project]
		changed[i] = known && before != now[r.Project] || !known && now[r.Project] < waiting[r.Project]
	}
	for id := range waiting {
		d.clusterCounts[string(rs[0].kind.name)+id] = now[id]
	}
	return changed, nil
}

// ref identifies the resource of a step.
type ref struct {
	kind         *kind
	organization string
	unprotect    bool // the plan permits to disable the termination protection

	Project  string        `json:"project,omitempty"`
	ID       string        `json:"id"`
	UID      string        `json:"uid,omitempty"`
	Parent   string        `json:"parent,omitempty"`
	Provider CloudProvider `json:"provider,omitempty"`
	Created  time.Time     `json:"created,omitzero"` // of the project
}

// refTo returns the reference to a resource that a query found.
func refTo(query listQuery, blocker Blocker) ref {
	return ref{
		kind: query.kind, organization: query.organization, Project: query.projectID,
		ID: blocker.ID, UID: blocker.UID, Parent: blocker.Parent, Provider: blocker.Provider, Created: query.created,
	}
}

// stepID returns the ID of the step: kind, project or organization, and identity. The identity
// of a named resource is Atlas's ID, so that a recreated resource has another step.
func (r ref) stepID() string {
	id := cmp.Or(r.UID, r.ID)
	switch holder := cmp.Or(r.Project, r.organization); {
	case id == holder:
		return string(r.kind.name) + "/" + id
	case r.kind.uniqueInParent:
		return string(r.kind.name) + "/" + holder + "/" + r.Parent + "/" + id
	default:
		return string(r.kind.name) + "/" + holder + "/" + id
	}
}

// json returns the reference in the form in which a step stores it.
func (r ref) json() json.RawMessage {
	text, err := json.Marshal(r)
	if err != nil {
		return nil // cannot occur for a reference of a step
	}
	return text
}

// query returns the query of the list that has the resource.
func (r ref) query() listQuery {
	query := listQuery{kind: r.kind, organization: r.organization, projectID: r.Project, provider: r.Provider, created: r.Created}
	if r.kind.parentOf != nil {
		query.parent = r.kind.parentOf(Blocker{ID: r.ID, Parent: r.Parent})
	}
	return query
}

// listQuery has the arguments of one list of resources of one kind.
type listQuery struct {
	kind         *kind
	organization string
	projectID    string        // "" for resources of the organization
	created      time.Time     // of the project
	parent       string        // the name of a cluster or a stream workspace
	provider     CloudProvider // "" for all cloud providers
}

// pollGroup returns the name of the poll group whose resources the list has.
func (query listQuery) pollGroup() string {
	return strings.Join([]string{query.organization, query.projectID, query.parent, string(query.provider)}, "/")
}

// refOf returns the reference of a step. The step must be the step of its reference.
func (d *driver) refOf(o teardown.Organization, s teardown.Step) (r ref, err error) {
	name, identity, _ := strings.Cut(s.ID, "/")
	k := d.kinds[BlockerKind(name)]
	if k == nil || s.Kind != name {
		return ref{}, invalidStep(s)
	}
	if len(s.Ref) == 0 {
		r = parseRef(k, identity, s.Name)
	} else if err := json.Unmarshal(s.Ref, &r); err != nil {
		return ref{}, invalidStep(s)
	}
	r.kind, r.organization, r.unprotect = k, o.ID, slices.Contains(s.Requires, teardown.TerminationProtection)
	if r.stepID() != s.ID || (r.Project == "") != (k.list == nil && k.name != kindProject) {
		return ref{}, invalidStep(s)
	}
	return r, nil
}

// parseRef returns the reference of a step that stores none, from the step's ID without its kind
// and from its name.
func parseRef(k *kind, id, name string) ref {
	holder, identity, _ := strings.Cut(id, "/")
	r := ref{ID: identity}
	if k.uniqueInParent {
		r.Parent, r.ID, _ = strings.Cut(identity, "/")
	}
	if identity == "" {
		r.ID = holder
	}
	if k.list != nil || k.name == kindProject {
		r.Project = holder
	}
	if short, _, ok := strings.Cut(name, " in "); ok && k.reusableName && !k.uniqueInParent && short != identity {
		r.ID, r.UID = short, identity
	}
	return r
}

// invalidStep returns the error of a step that this package did not create.
func invalidStep(s teardown.Step) error {
	return rest.Invalid(provider, "Teardown", s.ID, errors.New("unknown step"))
}

// readResource reads a resource. If the resource does not exist, readResource also checks its
// project, because absence in another organization's project proves nothing.
func (d *driver) readResource(ctx context.Context, r ref) (resource.Item, error) {
	item, err := d.c.readResource(ctx, r)
	if err == nil && item.Phase == resource.NotFound && r.kind.name != kindProject {
		if _, err = d.checkProject(ctx, r); err != nil {
			return resource.Item{}, err
		}
	}
	return item, err
}

// readResource reads a resource by itself, or in its list if no operation reads it by itself.
func (c *Client) readResource(ctx context.Context, r ref) (resource.Item, error) {
	if r.kind.read == nil {
		found, err := c.listStable(ctx, r.query())
		if err != nil {
			return resource.Item{}, err
		}
		return r.findIn(found)
	}
	blocker, err := r.kind.read(c, ctx, r)
	if err != nil {
		absent, err := r.kind.absent(c, ctx, r, err)
		if err != nil || !absent {
			return resource.Item{}, err
		}
		return resource.Item{Phase: resource.NotFound}, nil
	}
	if blocker.ID != r.ID {
		return resource.Item{}, wrongResource("Teardown", r.ID)
	}
	blocker.Kind = r.kind.name
	return r.findIn([]Blocker{blocker})
}

// findIn returns the state of the resource from the resources that a read found. A resource with
// the same name and another ID is another resource. A resource with the same name and without an
// ID proves nothing.
func (r ref) findIn(found []Blocker) (resource.Item, error) {
	id, query := r.stepID(), r.query()
	for _, x := range found {
		switch {
		case refTo(query, x).stepID() == id:
			return r.item(x), nil
		case r.UID != "" && x.UID == "" && x.ID == r.ID && x.Parent == r.Parent:
			return resource.Item{}, wrongResource("Teardown", r.ID)
		}
	}
	return resource.Item{Phase: resource.NotFound}, nil
}

// item returns the state of the resource from a read.
func (r ref) item(blocker Blocker) resource.Item {
	i := resource.Item{Text: blocker.step().Description, Value: blocker, Unprepared: r.unprotect && blocker.Protected}
	switch {
	case blocker.isBeingDeleted():
		i.Phase = resource.Deleting
	case blocker.State == stateFailed:
		i.Phase = resource.Broken
		i.Err = &errors.Error{
			Provider: provider, Operation: "Teardown", Target: r.stepID(), Code: errors.Conflict,
			Steps: []errors.Step{blocker.step()}, Err: errors.New("a deletion failed after it had started"),
		}
	}
	return i
}

// listResources reads the resources of one poll group by one list. An item is nil if the list
// lacks the resource and that proves nothing: the list has several pages, or an operation reads
// the resource by itself.
func (d *driver) listResources(ctx context.Context, rs []ref) ([]*resource.Item, error) {
	l, err := d.c.list(ctx, rs[0].query())
	if errors.Is(err, errors.UnexpectedResponse) {
		err = unavailable(err, err) // another read may be consistent
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
		item, err := r.findIn(found[r.ID])
		if err != nil {
			return nil, err
		}
		switch {
		case item.Phase != resource.NotFound:
		case l.paged || r.kind.read != nil:
			continue
		default:
			if _, err := d.checkProject(ctx, r); err != nil {
				return nil, err
			}
		}
		items[i] = &item
	}
	return items, nil
}

// clusterBlocker returns a cluster as a blocker.
func clusterBlocker(x Cluster) Blocker {
	return Blocker{ID: x.Name, UID: x.ID, State: string(x.State), Protected: x.TerminationProtectionEnabled}
}

// flexClusterBlocker returns a flex cluster as a blocker.
func flexClusterBlocker(x FlexCluster) Blocker {
	return Blocker{ID: x.Name, UID: x.ID, State: string(x.State), Protected: x.TerminationProtectionEnabled}
}

// convertRead converts the result of a read to a blocker.
func convertRead[T any](found *T, err error, convert func(T) Blocker) (Blocker, error) {
	if err != nil {
		return Blocker{}, err
	}
	return convert(*found), nil
}

// clusterAbsent reports whether the error of a read of a cluster shows that the cluster does not
// exist.
func (c *Client) clusterAbsent(ctx context.Context, r ref, err error) (bool, error) {
	if isClusterNotFound(err, r.ID) {
		return true, nil
	}
	query := r.query()
	err = query.asTransient(c.inAbsentParent(ctx, query, err))
	return err == nil, err
}

// inAbsentParent returns nil if the error of a list means that the parent of the list does not
// exist, and a read of the parent confirms that.
func (c *Client) inAbsentParent(ctx context.Context, query listQuery, err error) error {
	if k := query.kind; query.projectID == "" || k.listIn != nil {
		reportsAbsent := k.notFound != nil && errors.Is(err, errors.NotFound) && k.notFound(err)
		switch {
		case !errors.Is(err, errors.NotFound):
			return err
		case reportsAbsent && !k.ambiguous:
			return nil
		}
		isAbsent, readErr := c.organizationAbsent(ctx, query.organization)
		switch {
		case readErr != nil:
			return readErr
		case isAbsent, reportsAbsent:
			return nil
		}
		return contradicted(err)
	}
	if !isProjectNotFound(err) && !isNotInGroup(err) {
		return err
	}
	isAbsent, readErr := c.projectAbsent(ctx, query)
	switch {
	case readErr != nil:
		return readErr
	case isAbsent:
		return nil
	}
	return contradicted(err)
}

// projectAbsent reads whether the project of a query does not exist.
func (c *Client) projectAbsent(ctx context.Context, query listQuery) (bool, error) {
	r := ref{organization: query.organization, ID: query.projectID, Project: query.projectID, Created: query.created}
	if _, err := c.readProject(ctx, r); err != nil {
		return c.projectDeleted(ctx, r, err)
	}
	return false, nil
}

// projectDeleted reports whether the error of a read of a project shows that the project does not
// exist. If Atlas answers that the credential is not in the project, the organization's list of
// projects decides.
func (c *Client) projectDeleted(ctx context.Context, r ref, err error) (bool, error) {
	query := listQuery{kind: &kind{name: kindProject, listIn: (*Client).projectsIn}, organization: r.organization, projectID: r.Project, created: r.Created}
	switch {
	case isProjectNotFound(err) && isAboutAnother(err, r.Project):
		return false, contradicted(err)
	case isProjectNotFound(err):
		return true, nil
	case !isNotInGroup(err):
		return false, query.asTransient(err)
	}
	found, readErr := c.listStable(ctx, query)
	switch {
	case readErr != nil:
		return false, readErr
	case slices.ContainsFunc(found, func(x Blocker) bool { return x.ID == r.Project }):
		return false, err
	}
	return true, nil
}

// asTransient returns the error of a request in a project. In a new project, a missing role is a
// transient error, because Atlas needs some time to grant the roles.
func (query listQuery) asTransient(err error) error {
	e, ok := errors.AsType[*errors.Error](err)
	if !ok || e.Status != http.StatusUnauthorized || e.Code != errors.PermissionDenied || isNotInGroup(err) || time.Since(query.created) > newProjectPeriod {
		return err
	}
	return unavailable(err, errors.New("the credential lacks a role in a new project"))
}

// newProjectPeriod is the time after the creation of a project in which a missing role is
// transient.
const newProjectPeriod = 15 * time.Minute

// remove requests the removal of a resource in a project of the organization.
func (d *driver) remove(ctx context.Context, r ref, _ resource.Item) (resource.Response, error) {
	if r.kind.remove == nil {
		return resource.Response{}, rest.Invalid(provider, "Teardown", r.stepID(), errors.New("no API can remove the resource"))
	}
	ctx, err := d.inProject(ctx, r)
	if err != nil {
		return resource.Response{}, err
	}
	err = r.kind.remove(d, ctx, r)
	if r.kind.name == BlockerCluster && r.UID != "" && err == nil {
		d.noteRemoved(r)
	}
	return resource.Response{}, r.query().asTransient(err)
}

// unprotect disables the termination protection of a cluster if the plan permits that.
func (d *driver) unprotect(ctx context.Context, r ref, i resource.Item) (resource.Preparation, error) {
	if !i.Unprepared {
		return resource.Preparation{Ready: true}, nil
	}
	ctx, err := d.inProject(ctx, r)
	if err != nil {
		return resource.Preparation{}, err
	}
	return resource.Preparation{Text: i.Text}, r.query().asTransient(r.kind.unprotect(d.c, ctx, r))
}

// leaveFederation disconnects an organization from a federation, or deletes the federation if it
// has no other organization. It tries twice, because other organizations can leave at the same
// time.
func (d *driver) leaveFederation(ctx context.Context, r ref) (err error) {
	for range 2 {
		var connected []ConnectedOrganization
		if connected, err = gather(d.c.ListConnectedOrganizations(ctx, r.ID)); err != nil {
			return err
		}
		switch {
		case slices.ContainsFunc(connected, func(x ConnectedOrganization) bool { return x.OrgID != r.organization }):
			err = d.c.DisconnectOrganization(ctx, r.ID, r.organization)
		case len(connected) > 0:
			err = d.c.DeleteFederation(ctx, r.ID)
		default: // an empty list does not show that no other organization uses the federation
			return &errors.Error{
				Provider: provider, Operation: "Teardown", Target: r.stepID(), Code: errors.UnexpectedResponse,
				Err: errors.New("the list of the organizations that the federation connects is empty"),
			}
		}
		if !errors.Is(err, errors.InvalidArgument) {
			return err
		}
	}
	return err
}

// projectsIn lists the projects of an organization.
func (c *Client) projectsIn(ctx context.Context, organization string) list {
	return convertList(c.ListProjects(ctx, organization, ListProjectsPageOptions{}), func(x Project) Blocker { return Blocker{ID: x.ID} })
}

// readProject reads a project of the organization. If the project belongs to another organization,
// readProject returns an error: the project must not be removed, and it is not deleted.
func (c *Client) readProject(ctx context.Context, r ref) (Blocker, error) {
	found, err := c.GetProject(ctx, r.ID)
	switch {
	case err != nil:
		return Blocker{}, err
	case found.ID != r.ID, found.OrgID == "":
		return Blocker{}, wrongResource("GetProject", r.ID)
	case found.OrgID != r.organization:
		return Blocker{}, &errors.Error{
			Provider: provider, Operation: "Teardown", Target: r.ID, Code: errors.NotConfirmed,
			Err: errors.New("the project belongs to another organization"),
		}
	}
	return Blocker{ID: r.ID}, nil
}

// settlingTime is the minimum wait after Atlas refused to delete a project. The vendor's own
// clean-up waits as long.
const settlingTime = time.Minute

// deleteEmptyProject deletes a project. If snapshots of deleted clusters block the deletion, it
// deletes the snapshots of the clusters that this run deleted, and tries again.
func (d *driver) deleteEmptyProject(ctx context.Context, r ref) error {
	err := d.c.DeleteProject(ctx, r.ID)
	e, _ := errors.AsType[*errors.Error](err)
	if e != nil && e.ProviderCode == closeProjectPrefix+"BACKUP" {
		clusters, readErr := d.retainedByRun(ctx, r.ID)
		if readErr != nil {
			return readErr
		}
		removed := false
		for blocker, err := range d.c.ListBlockers(ctx, r.ID, BlockerSnapshot, BlockerShardedSnapshot) {
			if err == nil && clusters[blocker.Parent] {
				removed, err = true, d.removeSnapshot(ctx, r, blocker)
			}
			if err != nil && !errors.Is(err, errors.NotFound) {
				return err
			}
		}
		if removed {
			if ctx, err = d.inProject(ctx, r); err != nil {
				return err
			}
			err = d.c.DeleteProject(ctx, r.ID)
			e, _ = errors.AsType[*errors.Error](err)
		}
	}
	if e != nil && errors.Is(e, errors.DeletionStepsNotSatisfied) {
		e.RetryAfter = max(e.RetryAfter, settlingTime)
	}
	return err
}

// removeSnapshot deletes a retained snapshot of a deleted cluster.
func (d *driver) removeSnapshot(ctx context.Context, project ref, blocker Blocker) error {
	ctx, err := d.inProject(ctx, project)
	if err != nil {
		return err
	}
	k := d.kinds[blocker.Kind]
	return k.remove(d, ctx, ref{kind: k, Project: project.ID, ID: blocker.ID, Parent: blocker.Parent})
}

// retainedByRun returns the names of the deleted clusters of a project that have retained
// snapshots. A name is true if this run deleted every cluster with the name: another user may have
// retained the snapshots of other clusters on purpose.
func (d *driver) retainedByRun(ctx context.Context, project string) (map[string]bool, error) {
	retained, err := gather(d.c.ListClusters(ctx, project, ListClustersPageOptions{IncludeDeletedWithRetainedBackups: true}))
	names := map[string]bool{}
	for _, x := range retained {
		all, known := names[x.Name]
		names[x.Name] = d.hasRemoved(project, x.ID) && (all || !known)
	}
	return names, err
}

// noteRemoved records that this run deleted a cluster, by Atlas's ID.
func (d *driver) noteRemoved(r ref) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.removedClusters[r.Project+"/"+r.UID] = r.ID
}

// hasRemoved reports whether this run deleted the cluster with this ID.
func (d *driver) hasRemoved(project, uid string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, ok := d.removedClusters[project+"/"+uid]
	return ok
}

// hasRemovedName reports whether this run deleted a cluster with this name.
func (d *driver) hasRemovedName(project, name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for key, removed := range d.removedClusters {
		if removed == name && strings.HasPrefix(key, project+"/") {
			return true
		}
	}
	return false
}

// inProject returns an error unless the project of a resource exists and belongs to the
// organization. Each change in a project calls it first and uses the returned context, so that a
// change that waits for a rate limit is not sent to a project that was moved in the meantime.
func (d *driver) inProject(ctx context.Context, r ref) (context.Context, error) {
	if err := d.requireProject(ctx, r); err != nil {
		return nil, err
	}
	return trace.WithFreshness(ctx, time.Now().Add(projectAge), func(ctx context.Context) (time.Time, error) {
		err := d.requireProject(ctx, r)
		return time.Now().Add(projectAge), err
	}), nil
}

// projectAge is the time after which a change needs another read of the owner of its project.
const projectAge = 10 * time.Second

// requireProject returns an error unless the project of a resource exists and belongs to the
// organization.
func (d *driver) requireProject(ctx context.Context, r ref) error {
	exists, err := d.checkProject(ctx, r)
	if err == nil && !exists {
		err = &errors.Error{
			Provider: provider, Operation: "Teardown", Target: r.stepID(), Code: errors.NotFound,
			Err: errors.New("the project of the resource does not exist"),
		}
	}
	return err
}

// checkProject reports whether the project of a resource exists. It returns an error if the
// project belongs to another organization or cannot be read. One list has all projects and is
// valid for [ownedAge]. A project that the list lacks is read by itself.
func (d *driver) checkProject(ctx context.Context, r ref) (exists bool, err error) {
	if r.Project == "" || d.isOwned(r) {
		return true, nil
	}
	select {
	case d.ownershipRead <- struct{}{}:
		defer func() { <-d.ownershipRead }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	if d.isOwned(r) { // another step has read the projects
		return true, nil
	}
	at := time.Now()
	if projects, err := gather(d.c.ListProjects(ctx, r.organization, ListProjectsPageOptions{})); err == nil {
		if d.noteOwned(r.organization, projects, at); d.isOwned(r) {
			return true, nil
		}
	}
	at = time.Now()
	project := r
	project.ID = r.Project
	if _, err := d.c.readProject(ctx, project); err != nil {
		if isAbsent, readErr := d.c.projectDeleted(ctx, project, err); !isAbsent {
			return false, cmp.Or(readErr, err)
		}
		return false, nil
	}
	d.noteOwned(r.organization, []Project{{ID: r.Project, OrgID: r.organization}}, at)
	return true, nil
}

// ownedAge is the maximum age of a read that shows that a project belongs to the organization,
// when a resource in the project is removed: a user can move a project to another organization at
// any time. Removals within this time share one list.
const ownedAge = time.Second

// noteOwned records which projects belong to the organization. at is the time of the request.
func (d *driver) noteOwned(organization string, projects []Project, at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, x := range projects {
		if x.OrgID == organization {
			d.ownedAt[organization+"/"+x.ID] = at
		}
	}
}

// isOwned reports whether a read that is not older than [ownedAge] shows that the project of a
// resource belongs to the organization.
func (d *driver) isOwned(r ref) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := d.ownedAt[r.organization+"/"+r.Project]
	return !at.IsZero() && time.Since(at) <= ownedAge
}
