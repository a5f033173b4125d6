package atlas

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
)

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
func ownID(x Blocker) string     { return x.ID }

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
			name: KindOutageSimulation, why: "it keeps its cluster", removal: "end the simulation",
			find: (*sources).outageSimulations, within: ownID, refused: true,
			remove: func(d *driver, ctx context.Context, r ref) error {
				_, err := d.c.EndOutageSimulation(ctx, r.Project, r.ID)
				return err
			},
			named: true, stateful: true,
		},
		{
			name: KindOnlineArchive, why: keepsProject, removal: "delete it with the documents in it",
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
			name: KindBackupCompliancePolicy, why: "it keeps the snapshots of clusters", removal: "delete the policy",
			find: (*sources).backupCompliancePolicy, onePiece: true, refused: true,
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeleteBackupCompliancePolicy(ctx, r.Project)
			},
			stateful: true,
		},
		{
			name: KindCluster, why: keepsProject, removal: "delete it with its data and snapshots",
			find:  (*sources).presentClusters,
			after: []after{{KindOutageSimulation, sameName}, {KindOnlineArchive, isParent}, {kind: KindBackupCompliancePolicy}},
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
			name: KindFlexCluster, why: keepsProject, removal: "delete it with its data and snapshots",
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
			name: KindSnapshot, why: "it keeps its project, although its cluster is gone", removal: deleteIt,
			find: func(s *sources, ctx context.Context) list { return s.snapshots(ctx, false) }, within: ownParent, refused: true, with: KindShardedSnapshot,
			after: []after{{kind: KindBackupCompliancePolicy}},
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeleteSnapshot(ctx, r.Project, r.Parent, r.ID)
			},
			stateful: true,
		},
		{
			name: KindShardedSnapshot, why: "it keeps its project, although its cluster is gone", removal: deleteIt,
			find: func(s *sources, ctx context.Context) list { return s.snapshots(ctx, true) }, within: ownParent, refused: true, with: KindSnapshot,
			after: []after{{kind: KindBackupCompliancePolicy}},
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeleteShardedSnapshot(ctx, r.Project, r.Parent, r.ID)
			},
			stateful: true,
		},
		{
			name: KindNetworkPeering, why: keepsProject, removal: deleteIt,
			find: (*sources).networkPeerings, refused: true, after: []after{{kind: KindCluster}},
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeleteNetworkPeering(ctx, r.Project, r.ID)
			},
			stateful: true,
		},
		{
			name: KindFederationEndpoint, why: keepsProject, removal: deleteIt, refused: true,
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
			name: KindFederatedDatabase, why: keepsProject, removal: deleteIt, onePiece: true,
			find: func(s *sources, ctx context.Context) list {
				return each(whole(s.c.ListFederatedDatabases(ctx, s.projectID)), func(x FederatedDatabase) Blocker {
					return Blocker{ID: x.Name, State: x.State}
				})
			},
			after: []after{{kind: KindFederationEndpoint}},
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeleteFederatedDatabase(ctx, r.Project, r.ID)
			},
			named: true, stateful: true,
		},
		{
			name: KindStreamProcessor, why: "it keeps its workspace", removal: deleteIt,
			find: (*sources).streamProcessors, within: ownParent,
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeleteStreamProcessor(ctx, r.Project, r.Parent, r.ID)
			},
			named: true, stateful: true,
		},
		{
			name: KindStreamWorkspace, why: keepsProject, removal: deleteIt,
			find: func(s *sources, _ context.Context) list {
				return each(whole(s.workspaces()), func(x StreamWorkspace) Blocker { return Blocker{ID: x.Name, UID: x.ID} })
			},
			after: []after{{KindStreamProcessor, isParent}},
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeleteStreamWorkspace(ctx, r.Project, r.ID)
			},
			named: true,
		},
		{
			name: KindStreamPrivateLink, why: keepsProject, removal: deleteIt, refused: true,
			find: func(s *sources, ctx context.Context) list {
				return each(s.c.ListStreamPrivateLinks(ctx, s.projectID), func(x StreamPrivateLink) Blocker {
					return Blocker{ID: x.ID, State: x.State}
				})
			},
			after: []after{{kind: KindStreamWorkspace}},
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeleteStreamPrivateLink(ctx, r.Project, r.ID)
			},
			stateful: true,
		},
		{
			name: KindStreamVPCPeering, why: keepsProject, removal: deleteIt, refused: true,
			find: func(s *sources, ctx context.Context) list {
				return each(s.c.ListActiveStreamVPCPeerings(ctx, s.projectID), func(x StreamVPCPeering) Blocker {
					return Blocker{ID: x.ID, State: x.LocalStatus}
				})
			},
			after: []after{{kind: KindStreamWorkspace}},
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeleteStreamVPCPeering(ctx, r.Project, r.ID)
			},
			stateful: true,
		},
		{
			name: KindPrivateEndpoint, why: "it keeps its service", removal: deleteIt, refused: true, with: KindPrivateEndpointService, onePiece: true,
			find: (*sources).privateEndpoints,
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeletePrivateEndpoint(ctx, r.Project, r.Provider, r.Parent, r.ID)
			},
			inParent: true, named: true,
		},
		{
			name: KindPrivateEndpointService, why: keepsProject, removal: deleteIt, refused: true, with: KindPrivateEndpoint, onePiece: true,
			find: (*sources).privateEndpointServices, after: []after{{KindPrivateEndpoint, isParent}},
			remove: func(d *driver, ctx context.Context, r ref) error {
				return d.c.DeletePrivateEndpointService(ctx, r.Project, r.Provider, r.ID)
			},
			stateful: true,
		},
		{
			name: KindEncryptionEndpoint, why: keepsProject, removal: deleteIt, refused: true,
			find: (*sources).encryptionEndpoints, after: []after{{kind: KindCluster}},
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
		for left, err := range d.c.ListBlockers(ctx, r.ID, KindSnapshot, KindShardedSnapshot) {
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
