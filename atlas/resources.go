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
	"github.com/offboard-dev/offboard-go/teardown"
)

// BlockerKind is a kind of thing that keeps a project from being deleted.
type BlockerKind string

// Kinds, in the order in which their things have to go.
const (
	BlockerOutageSimulation       BlockerKind = "outage_simulation"
	BlockerOnlineArchive          BlockerKind = "online_archive"
	BlockerBackupCompliancePolicy BlockerKind = "backup_compliance_policy"
	BlockerCluster                BlockerKind = "cluster"
	BlockerFlexCluster            BlockerKind = "flex_cluster"
	BlockerSnapshot               BlockerKind = "snapshot"         // of a cluster that was deleted
	BlockerShardedSnapshot        BlockerKind = "sharded_snapshot" // of a cluster that was deleted
	BlockerNetworkPeering         BlockerKind = "network_peering"
	BlockerFederationEndpoint     BlockerKind = "federation_endpoint"
	BlockerFederatedDatabase      BlockerKind = "federated_database"
	BlockerStreamProcessor        BlockerKind = "stream_processor"
	BlockerStreamWorkspace        BlockerKind = "stream_workspace"
	BlockerStreamPrivateLink      BlockerKind = "stream_private_link"
	BlockerStreamVPCPeering       BlockerKind = "stream_vpc_peering"
	BlockerPrivateEndpoint        BlockerKind = "private_endpoint"
	BlockerPrivateEndpointService BlockerKind = "private_endpoint_service"
	BlockerEncryptionEndpoint     BlockerKind = "encryption_endpoint"
)

// Blocker is a thing that keeps its project from being deleted.
type Blocker struct {
	Kind BlockerKind

	// ID is what the operations on the thing take: an id, or the name of what is
	// known by its name.
	ID string

	// UID is Atlas's own id of what is known by its name, of 24 hexadecimal digits,
	// where it has one: that of another thing of the same name is another.
	UID string

	// Parent is what it belongs to: the name of a cluster or of a stream workspace, or
	// the id of a private endpoint service. It is empty for most kinds.
	Parent string

	Provider CloudProvider // where the operations take one
	State    string        // as Atlas calls it; "" for what has none

	// Protected: a cluster is protected from deletion, which an operation of its own
	// ends; a backup compliance policy is, which only the vendor's support ends.
	Protected bool
}

// step says the same as an error does.
func (l Blocker) step() errors.Step {
	description := l.ID
	if l.Parent != "" {
		description += " of " + l.Parent
	}
	if l.State != "" {
		description += ", " + l.State
	}
	return errors.Step{Name: string(l.Kind), Description: description}
}

// failed is the state of what could not be made or removed.
const failed = "FAILED"

// going reports whether it is on its way out, by its state.
func (l Blocker) going() bool {
	return strings.HasPrefix(l.State, "DELET") || strings.HasPrefix(l.State, "RECOVER") || l.State == "TERMINATING"
}

func clusterBlocker(x Cluster) Blocker {
	return Blocker{ID: x.Name, UID: x.ID, State: string(x.State), Protected: x.TerminationProtectionEnabled}
}

func flexClusterBlocker(x FlexCluster) Blocker {
	return Blocker{ID: x.Name, UID: x.ID, State: string(x.State), Protected: x.TerminationProtectionEnabled}
}

// Kinds of steps, in addition to those of resources in a project.
const (
	kindProject           BlockerKind = "project"
	kindFederation        BlockerKind = "federation"
	kindLiveMigrationLink BlockerKind = "live_migration_link"
	kindFailedInvoice     BlockerKind = "failed_invoice"
	kindPolicyProtection  BlockerKind = "policy_protection"
)

// ref says where the resource of a step is.
type ref struct {
	kind         *kind
	organization string
	unprotect    bool // its termination protection may be ended

	Project  string        `json:"project,omitempty"`
	ID       string        `json:"id"`
	UID      string        `json:"uid,omitempty"`
	Parent   string        `json:"parent,omitempty"`
	Provider CloudProvider `json:"provider,omitempty"`
	Created  time.Time     `json:"created,omitzero"` // of the project
}

// refTo returns where a resource of a scope is.
func refTo(in scope, left Blocker) ref {
	return ref{
		kind: in.kind, organization: in.organization, Project: in.projectID,
		ID: left.ID, UID: left.UID, Parent: left.Parent, Provider: left.Provider, Created: in.created,
	}
}

// stepID returns the ID of the step: kind, project or organization, and identity. The
// identity of a resource with a name is Atlas's own ID, so that another resource of the
// name is another one.
func (r ref) stepID() string {
	id := cmp.Or(r.UID, r.ID)
	switch holder := cmp.Or(r.Project, r.organization); {
	case id == holder:
		return string(r.kind.name) + "/" + id
	case r.kind.inParent:
		return string(r.kind.name) + "/" + holder + "/" + r.Parent + "/" + id
	default:
		return string(r.kind.name) + "/" + holder + "/" + id
	}
}

// json returns the reference as a step has it.
func (r ref) json() json.RawMessage {
	text, err := json.Marshal(r)
	if err != nil {
		return nil // no step has it
	}
	return text
}

// scope returns where the resource is listed.
func (r ref) scope() scope {
	in := scope{kind: r.kind, organization: r.organization, projectID: r.Project, provider: r.Provider, created: r.Created}
	if r.kind.within != nil {
		in.parent = r.kind.within(Blocker{ID: r.ID, Parent: r.Parent})
	}
	return in
}

// scope is where resources of a kind are that one request lists.
type scope struct {
	kind         *kind
	organization string
	projectID    string        // "" for those of the organization
	created      time.Time     // the project
	parent       string        // the name of a cluster or a stream workspace
	provider     CloudProvider // of clouds
}

// name returns the name of the scope.
func (in scope) name() string {
	return strings.Join([]string{in.organization, in.projectID, in.parent, string(in.provider)}, "/")
}

// kind is all that the client knows of the resources of one kind.
type kind struct {
	name         BlockerKind
	why, removal string // why it must be removed, and what removes it
	manual       bool   // no API removes it

	// find lists the resources in a project; findIn those of an organization.
	find   func(s *sources, ctx context.Context) list
	findIn func(c *Client, ctx context.Context, organization string) list

	// within is what lists it, if a request lists those of one cluster or stream workspace.
	within func(Blocker) (parent string)

	// refused: Atlas refuses to delete the project or the cluster while it has the resource.
	// A new one is not deleted unseen, and keeps the organization from being deleted, so that
	// the read before a plan is applied lists the kind only where the plan has it, or a
	// resource of the kind with. The kinds that store data and can be created at any time are
	// listed nevertheless: a project with a new one is in use, and nothing in it is touched.
	refused bool
	with    BlockerKind

	// onePiece: its list has no pages.
	onePiece bool

	// after is what it is removed after, in its project.
	after []after

	// none reports whether a "not found" of findIn says that there is no such resource.
	// ambiguous: only if a read finds the organization.
	none      func(error) bool
	ambiguous bool

	// read reads a resource by itself; nil if no operation does: then its list decides.
	// absent reports whether the error of read shows that the resource does not exist.
	read   func(c *Client, ctx context.Context, r ref) (Blocker, error)
	absent func(c *Client, ctx context.Context, r ref, err error) (bool, error)

	// counted: the number of clusters of a project counts them.
	counted bool

	// unprotect ends the termination protection, where the step has the consent.
	unprotect func(c *Client, ctx context.Context, r ref) error

	remove func(d *driver, ctx context.Context, r ref) error

	inParent bool // its ID is unique in what it belongs to
	named    bool // another resource may have its ID later
	soon     bool // its removal is mostly done when it is answered
	stateful bool // its state shows that a removal has started
	patience int  // of [resource.Kind]; 0 for the usual one
	expect   time.Duration
}

// after is a kind that is removed before; tied reports for which resources, nil for all.
type after struct {
	kind BlockerKind
	tied func(x, before Blocker) bool
}

// Ties between resources of a project.
func sameName(x, before Blocker) bool { return x.ID == before.ID }

func isParent(x, before Blocker) bool { return x.ID == before.Parent }

func ownParent(x Blocker) string { return x.Parent }

func ownID(x Blocker) string { return x.ID }

// clusterTime is how long the deletion of a cluster takes at least.
const clusterTime = 45 * time.Second

// kinds returns all kinds, in the order in which their resources are removed: a policy
// before the clusters whose snapshots it keeps, streams before the links that they use,
// endpoints before their services, a project after what is in it. An entry is all that a
// kind needs.
func kinds() []kind {
	const keepsProject, deleteIt = "it keeps its project", "delete it"
	return []kind{
		{
			name: kindFailedInvoice, why: "its payment has failed", removal: "pay it, in the billing section of Atlas", manual: true, onePiece: true,
			findIn: func(c *Client, ctx context.Context, organization string) list {
				return deferred(func() ([]Invoice, error) { return c.failedInvoices(ctx, organization) }, func(x Invoice) Blocker { return Blocker{ID: x.ID} })
			},
		},
		{
			name: kindLiveMigrationLink, why: "live migrations into the organization keep it", onePiece: true,
			removal: "delete the link and the API key that belongs to it",
			findIn: func(c *Client, ctx context.Context, organization string) list {
				return deferred(func() ([]LiveMigrationProject, error) {
					linked, err := c.ListLiveMigrationProjects(ctx, organization)
					return linked[:min(len(linked), 1)], err
				}, func(LiveMigrationProject) Blocker { return Blocker{ID: organization} })
			},
			none: saysLinkMissing, ambiguous: true,
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeleteLiveMigrationLink(ctx, r.organization)
			},
			soon: true,
		},
		{
			name: BlockerOutageSimulation, why: "it keeps its cluster", removal: "end the simulation",
			find: (*sources).outageSimulations, within: ownID, refused: true,
			remove: func(d *driver, ctx context.Context, r ref) error {
				_, err := d.c.EndOutageSimulation(ctx, r.Project, r.ID)
				return err
			},
			named: true, stateful: true,
		},
		{
			name: BlockerOnlineArchive, why: keepsProject, removal: "delete it with the documents in it",
			find: (*sources).onlineArchives, within: ownParent,
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeleteOnlineArchive(ctx, r.Project, r.Parent, r.ID)
			},
			stateful: true,
		},
		{
			name: kindPolicyProtection, why: "it keeps the backup compliance policy", manual: true, onePiece: true,
			removal: "ask the vendor's support to let the policy be deleted",
			find:    (*sources).policyProtection,
		},
		{
			name: BlockerBackupCompliancePolicy, why: "it keeps the snapshots of clusters", removal: "delete the policy",
			find: (*sources).backupCompliancePolicy, onePiece: true, refused: true,
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeleteBackupCompliancePolicy(ctx, r.Project)
			},
			stateful: true,
		},
		{
			name: BlockerCluster, why: keepsProject, removal: "delete it with its data and snapshots",
			find:  (*sources).presentClusters,
			after: []after{{BlockerOutageSimulation, sameName}, {BlockerOnlineArchive, isParent}, {kind: BlockerBackupCompliancePolicy}},
			read: func(c *Client, ctx context.Context, r ref) (Blocker, error) {
				found, err := c.GetCluster(ctx, r.Project, r.ID)
				return readAs(found, err, clusterBlocker)
			},
			absent: (*Client).clusterAbsent, counted: true,
			unprotect: func(c *Client, ctx context.Context, r ref) error {
				_, err := c.SetClusterTerminationProtection(ctx, r.Project, r.ID, false)
				return err
			},
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeleteCluster(ctx, r.Project, r.ID, DeleteClusterOptions{})
			},
			named: true, stateful: true, expect: clusterTime,
		},
		{
			name: BlockerFlexCluster, why: keepsProject, removal: "delete it with its data and snapshots",
			find: func(s *sources, ctx context.Context) list {
				return each(s.c.ListFlexClusters(ctx, s.projectID), flexClusterBlocker)
			},
			read: func(c *Client, ctx context.Context, r ref) (Blocker, error) {
				found, err := c.GetFlexCluster(ctx, r.Project, r.ID)
				return readAs(found, err, flexClusterBlocker)
			},
			absent: (*Client).clusterAbsent, counted: true,
			unprotect: func(c *Client, ctx context.Context, r ref) error {
				_, err := c.SetFlexClusterTerminationProtection(ctx, r.Project, r.ID, false)
				return err
			},
			remove: func(d *driver, ctx context.Context, r ref) error { return d.c.DeleteFlexCluster(ctx, r.Project, r.ID) },
			named:  true, stateful: true,
		},
		{
			name: BlockerSnapshot, why: "it keeps its project, although its cluster is gone", removal: deleteIt,
			find: func(s *sources, ctx context.Context) list { return s.snapshots(ctx, false) }, within: ownParent, refused: true, with: BlockerShardedSnapshot,
			after: []after{{kind: BlockerBackupCompliancePolicy}},
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeleteSnapshot(ctx, r.Project, r.Parent, r.ID)
			},
			stateful: true,
		},
		{
			name: BlockerShardedSnapshot, why: "it keeps its project, although its cluster is gone", removal: deleteIt,
			find: func(s *sources, ctx context.Context) list { return s.snapshots(ctx, true) }, within: ownParent, refused: true, with: BlockerSnapshot,
			after: []after{{kind: BlockerBackupCompliancePolicy}},
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeleteShardedSnapshot(ctx, r.Project, r.Parent, r.ID)
			},
			stateful: true,
		},
		{
			name: BlockerNetworkPeering, why: keepsProject, removal: deleteIt,
			find: (*sources).networkPeerings, refused: true, after: []after{{kind: BlockerCluster}},
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeleteNetworkPeering(ctx, r.Project, r.ID)
			},
			stateful: true,
		},
		{
			name: BlockerFederationEndpoint, why: keepsProject, removal: deleteIt, refused: true,
			find: func(s *sources, ctx context.Context) list {
				return each(s.c.ListFederationEndpoints(ctx, s.projectID), func(x FederationEndpoint) Blocker {
					return Blocker{ID: x.EndpointID, State: x.Status}
				})
			},
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeleteFederationEndpoint(ctx, r.Project, r.ID)
			},
			named: true, stateful: true, patience: 1, // one success may not be enough
		},
		{
			name: BlockerFederatedDatabase, why: keepsProject, removal: deleteIt, onePiece: true,
			find: func(s *sources, ctx context.Context) list {
				return each(whole(s.c.ListFederatedDatabases(ctx, s.projectID)), func(x FederatedDatabase) Blocker {
					return Blocker{ID: x.Name, State: x.State}
				})
			},
			after: []after{{kind: BlockerFederationEndpoint}},
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeleteFederatedDatabase(ctx, r.Project, r.ID)
			},
			named: true, stateful: true,
		},
		{
			name: BlockerStreamProcessor, why: "it keeps its workspace", removal: deleteIt,
			find: (*sources).streamProcessors, within: ownParent,
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeleteStreamProcessor(ctx, r.Project, r.Parent, r.ID)
			},
			named: true, stateful: true,
		},
		{
			name: BlockerStreamWorkspace, why: keepsProject, removal: deleteIt,
			find: func(s *sources, _ context.Context) list {
				return each(whole(s.workspaces()), func(x StreamWorkspace) Blocker { return Blocker{ID: x.Name, UID: x.ID} })
			},
			after: []after{{BlockerStreamProcessor, isParent}},
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeleteStreamWorkspace(ctx, r.Project, r.ID)
			},
			named: true,
		},
		{
			name: BlockerStreamPrivateLink, why: keepsProject, removal: deleteIt, refused: true,
			find: func(s *sources, ctx context.Context) list {
				return each(s.c.ListStreamPrivateLinks(ctx, s.projectID), func(x StreamPrivateLink) Blocker {
					return Blocker{ID: x.ID, State: x.State}
				})
			},
			after: []after{{kind: BlockerStreamWorkspace}},
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeleteStreamPrivateLink(ctx, r.Project, r.ID)
			},
			stateful: true,
		},
		{
			name: BlockerStreamVPCPeering, why: keepsProject, removal: deleteIt, refused: true,
			find: func(s *sources, ctx context.Context) list {
				return each(s.c.ListActiveStreamVPCPeerings(ctx, s.projectID), func(x StreamVPCPeering) Blocker {
					return Blocker{ID: x.ID, State: x.LocalStatus}
				})
			},
			after: []after{{kind: BlockerStreamWorkspace}},
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeleteStreamVPCPeering(ctx, r.Project, r.ID)
			},
			stateful: true,
		},
		{
			name: BlockerPrivateEndpoint, why: "it keeps its service", removal: deleteIt, refused: true, with: BlockerPrivateEndpointService, onePiece: true,
			find: (*sources).privateEndpoints,
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeletePrivateEndpoint(ctx, r.Project, r.Provider, r.Parent, r.ID)
			},
			inParent: true, named: true,
		},
		{
			name: BlockerPrivateEndpointService, why: keepsProject, removal: deleteIt, refused: true, with: BlockerPrivateEndpoint, onePiece: true,
			find: (*sources).privateEndpointServices, after: []after{{BlockerPrivateEndpoint, isParent}},
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeletePrivateEndpointService(ctx, r.Project, r.Provider, r.ID)
			},
			stateful: true,
		},
		{
			name: BlockerEncryptionEndpoint, why: keepsProject, removal: deleteIt, refused: true,
			find: (*sources).encryptionEndpoints, after: []after{{kind: BlockerCluster}},
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeleteEncryptionEndpoint(ctx, r.Project, r.Provider, r.ID)
			},
			stateful: true,
		},
		{
			name: kindProject, why: "it keeps the organization", removal: "delete it, with the snapshots that its clusters may leave behind",
			findIn: (*Client).projectsIn, read: (*Client).readProject, absent: (*Client).projectDeleted,
			remove: (*driver).deleteEmptyProject, soon: true,
		},
		{
			name: kindFederation, why: "only an owner in the organization can disconnect it", onePiece: true,
			removal: "disconnect the organization; after the last one the federation is deleted, with its identity providers and domains",
			findIn: func(c *Client, ctx context.Context, organization string) list {
				return deferred(func() ([]Federation, error) {
					found, err := c.GetFederation(ctx, organization)
					if err != nil {
						return nil, err
					}
					return []Federation{*found}, nil
				}, func(x Federation) Blocker { return Blocker{ID: x.ID} })
			},
			none:   func(err error) bool { return providerCode(err) == "RESOURCE_NOT_FOUND" }, // it is about the federation
			remove: (*driver).leaveFederation, soon: true,
		},
	}
}

// deferred makes a list of a function that is called when the list is read.
func deferred[T any](read func() ([]T, error), left func(T) Blocker) list {
	return func(yield func(Blocker, error) bool) { each(whole(read()), left)(yield) }
}

// readAs returns what a read of a resource shows.
func readAs[T any](found *T, err error, left func(T) Blocker) (Blocker, error) {
	if err != nil {
		return Blocker{}, err
	}
	return left(*found), nil
}

// leaveFederation takes an organization out of a federation, or deletes the federation when it
// is the last one in it. Others may leave at the same time.
func (d *driver) leaveFederation(ctx context.Context, r ref) (err error) {
	for range 2 {
		var connected []ConnectedOrganization
		if connected, err = gather(d.c.ListConnectedOrganizations(ctx, r.ID)); err != nil {
			return err
		}
		if slices.ContainsFunc(connected, func(x ConnectedOrganization) bool { return x.OrgID != r.organization }) {
			err = d.c.DisconnectOrganization(ctx, r.ID, r.organization)
		} else {
			err = d.c.DeleteFederation(ctx, r.ID)
		}
		if !errors.Is(err, errors.InvalidArgument) {
			return err
		}
	}
	return err
}

// projectsIn lists the projects of an organization.
func (c *Client) projectsIn(ctx context.Context, organization string) list {
	return each(c.ListProjects(ctx, organization, ListProjectsPageOptions{}), func(x Project) Blocker { return Blocker{ID: x.ID} })
}

// settlingTime is how long Atlas is given after it has refused to delete a project: the
// vendor's own clean-up waits as long.
const settlingTime = time.Minute

// readProject reads a project of the organization. That one of another organization exists
// is an error: it is not removed, and not taken for deleted.
func (c *Client) readProject(ctx context.Context, r ref) (Blocker, error) {
	found, err := c.GetProject(ctx, r.ID)
	switch {
	case err != nil:
		return Blocker{}, err
	case found.ID != r.ID, found.OrgID == "":
		return Blocker{}, another("GetProject", r.ID)
	case found.OrgID != r.organization:
		return Blocker{}, &errors.Error{
			Provider: provider, Operation: "Teardown", Target: r.ID, Code: errors.NotConfirmed,
			Err: errors.New("the project belongs to another organization"),
		}
	}
	return Blocker{ID: r.ID}, nil
}

// deleteEmptyProject deletes a project, and the snapshots that clusters which this run has
// deleted have left behind, if these keep it.
func (d *driver) deleteEmptyProject(ctx context.Context, r ref) error {
	err := d.c.DeleteProject(ctx, r.ID)
	e, _ := errors.AsType[*errors.Error](err)
	if e != nil && e.ProviderCode == closeGroup+"BACKUP" {
		clusters, wrong := d.retainedByRun(ctx, r.ID)
		if wrong != nil {
			return wrong
		}
		removed := false
		for left, err := range d.c.ListBlockers(ctx, r.ID, BlockerSnapshot, BlockerShardedSnapshot) {
			if err == nil && clusters[left.Parent] {
				removed, err = true, d.removeSnapshot(ctx, r, left)
			}
			if err != nil && !errors.Is(err, errors.NotFound) {
				return err
			}
		}
		if removed {
			if err = d.owns(ctx, r); err != nil {
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

// removeSnapshot deletes a snapshot that a cluster has left behind.
func (d *driver) removeSnapshot(ctx context.Context, project ref, left Blocker) error {
	if err := d.owns(ctx, project); err != nil {
		return err
	}
	k := d.kinds[left.Kind]
	return k.remove(d, ctx, ref{kind: k, Project: project.ID, ID: left.ID, Parent: left.Parent})
}

// ownedAge is how old a read may be that shows that a project belongs to the organization,
// when something in the project is removed: a project can be moved to another organization
// at any time. Removals that are sent within it share one list.
const ownedAge = time.Second

// noteOwned keeps which projects a read shows to belong to the organization. at is when the
// read was requested.
func (d *driver) noteOwned(organization string, projects []Project, at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, x := range projects {
		if x.OrgID == organization {
			d.owned[organization+"/"+x.ID] = at
		}
	}
}

func (d *driver) isOwned(r ref) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := d.owned[r.organization+"/"+r.Project]
	return !at.IsZero() && time.Since(at) <= ownedAge
}

// belongs returns whether the project of a resource exists, and an error if it belongs to
// another organization, or cannot be read. One list shows it for all projects, and is read
// again after [ownedAge]; a project that it lacks is read by itself.
func (d *driver) belongs(ctx context.Context, r ref) (exists bool, err error) {
	if r.Project == "" || d.isOwned(r) {
		return true, nil
	}
	select {
	case d.reading <- struct{}{}:
		defer func() { <-d.reading }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	if d.isOwned(r) { // another step has read it
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
		if gone, wrong := d.c.projectDeleted(ctx, project, err); !gone {
			return false, cmp.Or(wrong, err)
		}
		return false, nil
	}
	d.noteOwned(r.organization, []Project{{ID: r.Project, OrgID: r.organization}}, at)
	return true, nil
}

// owns returns an error unless the project of a resource exists and belongs to the
// organization, right before something in it is changed.
func (d *driver) owns(ctx context.Context, r ref) error {
	exists, err := d.belongs(ctx, r)
	if err == nil && !exists {
		err = &errors.Error{
			Provider: provider, Operation: "Teardown", Target: r.stepID(), Code: errors.NotFound,
			Err: errors.New("its project does not exist"),
		}
	}
	return err
}

// noteRemoved keeps that this run has deleted a cluster, by Atlas's own ID.
func (d *driver) noteRemoved(r ref) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.removed[r.Project+"/"+r.UID] = r.ID
}

// hasRemoved reports whether this run has deleted the cluster with this ID of Atlas's own.
func (d *driver) hasRemoved(project, uid string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, ok := d.removed[project+"/"+uid]
	return ok
}

// hasRemovedName reports whether this run has deleted a cluster of this name.
func (d *driver) hasRemovedName(project, name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for key, removed := range d.removed {
		if removed == name && strings.HasPrefix(key, project+"/") {
			return true
		}
	}
	return false
}

// retainedByRun returns the names of the clusters that have left snapshots behind in a project,
// if this run has deleted every one of the name. Others may have kept snapshots on purpose.
func (d *driver) retainedByRun(ctx context.Context, project string) (map[string]bool, error) {
	kept, err := gather(d.c.ListClusters(ctx, project, ListClustersPageOptions{IncludeDeletedWithRetainedBackups: true}))
	names := map[string]bool{}
	for _, x := range kept {
		all, known := names[x.Name]
		names[x.Name] = d.hasRemoved(project, x.ID) && (all || !known)
	}
	return names, err
}

// inAbsentParent returns nil if the error of a list is a consequence of that its parent
// does not exist, and a read of the parent shows that.
func (c *Client) inAbsentParent(ctx context.Context, in scope, err error) error {
	if k := in.kind; in.projectID == "" || k.findIn != nil {
		says := k.none != nil && errors.Is(err, errors.NotFound) && k.none(err)
		switch {
		case !errors.Is(err, errors.NotFound):
			return err
		case says && !k.ambiguous:
			return nil
		}
		gone, wrong := c.organizationAbsent(ctx, in.organization)
		switch {
		case wrong != nil:
			return wrong
		case gone, says:
			return nil
		}
		return contradicted(err)
	}
	if !saysProjectMissing(err) && !isNotInGroup(err) {
		return err
	}
	gone, wrong := c.projectAbsent(ctx, in)
	switch {
	case wrong != nil:
		return wrong
	case gone:
		return nil
	}
	return contradicted(err)
}

// projectAbsent reads whether the project of a scope does not exist.
func (c *Client) projectAbsent(ctx context.Context, in scope) (bool, error) {
	r := ref{organization: in.organization, ID: in.projectID, Project: in.projectID, Created: in.created}
	if _, err := c.readProject(ctx, r); err != nil {
		return c.projectDeleted(ctx, r, err)
	}
	return false, nil
}

// projectDeleted reports whether the error of a read of a project shows that it does not
// exist. If Atlas answers that the credential is not in the project, the organization's
// list of projects tells whether it was deleted.
func (c *Client) projectDeleted(ctx context.Context, r ref, err error) (bool, error) {
	in := scope{kind: &kind{name: kindProject, findIn: (*Client).projectsIn}, organization: r.organization, projectID: r.Project, created: r.Created}
	switch {
	case saysProjectMissing(err) && isAboutAnother(err, r.Project):
		return false, contradicted(err)
	case saysProjectMissing(err):
		return true, nil
	case !isNotInGroup(err):
		return false, in.passing(err)
	}
	found, wrong := c.stable(ctx, in)
	switch {
	case wrong != nil:
		return false, wrong
	case slices.ContainsFunc(found, func(x Blocker) bool { return x.ID == r.Project }):
		return false, err
	}
	return true, nil
}

// clusterAbsent reports whether the error of a read of a cluster shows that it does not
// exist.
func (c *Client) clusterAbsent(ctx context.Context, r ref, err error) (bool, error) {
	if saysClusterMissing(err, r.ID) {
		return true, nil
	}
	in := r.scope()
	err = in.passing(c.inAbsentParent(ctx, in, err))
	return err == nil, err
}

// young is how long after it was made a project may refuse what its roles permit.
const young = 15 * time.Minute

// passing returns the error of a request in a project. A role that is missing in a
// project that was just made is transient: Atlas takes some time to grant it.
func (in scope) passing(err error) error {
	e, ok := errors.AsType[*errors.Error](err)
	if !ok || e.Status != http.StatusUnauthorized || e.Code != errors.PermissionDenied || isNotInGroup(err) || time.Since(in.created) > young {
		return err
	}
	return unavailable(err, errors.New("the project is new, and a role in it is missing"))
}

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
	if r.kind.name == BlockerCluster && r.UID != "" && err == nil {
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
