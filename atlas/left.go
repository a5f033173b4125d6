package atlas

import (
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// BlockerKind is a kind of thing that keeps a project from being deleted.
type BlockerKind string

// Kinds, in the order in which their things have to go.
const (
	KindOutageSimulation       BlockerKind = "outage_simulation"
	KindOnlineArchive          BlockerKind = "online_archive"
	KindBackupCompliancePolicy BlockerKind = "backup_compliance_policy"
	KindCluster                BlockerKind = "cluster"
	KindFlexCluster            BlockerKind = "flex_cluster"
	KindSnapshot               BlockerKind = "snapshot"         // of a cluster that was deleted
	KindShardedSnapshot        BlockerKind = "sharded_snapshot" // of a cluster that was deleted
	KindNetworkPeering         BlockerKind = "network_peering"
	KindFederationEndpoint     BlockerKind = "federation_endpoint"
	KindFederatedDatabase      BlockerKind = "federated_database"
	KindStreamProcessor        BlockerKind = "stream_processor"
	KindStreamWorkspace        BlockerKind = "stream_workspace"
	KindStreamPrivateLink      BlockerKind = "stream_private_link"
	KindStreamVPCPeering       BlockerKind = "stream_vpc_peering"
	KindPrivateEndpoint        BlockerKind = "private_endpoint"
	KindPrivateEndpointService BlockerKind = "private_endpoint_service"
	KindEncryptionEndpoint     BlockerKind = "encryption_endpoint"
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

// list is a list of what is left, which may end with an error.
type list = iter.Seq2[Blocker, error]

func clusterBlocker(x Cluster) Blocker {
	return Blocker{ID: x.Name, UID: x.ID, State: string(x.State), Protected: x.TerminationProtectionEnabled}
}

func flexClusterBlocker(x FlexCluster) Blocker {
	return Blocker{ID: x.Name, UID: x.ID, State: string(x.State), Protected: x.TerminationProtectionEnabled}
}

// ListBlockers yields what is left in a project and keeps it from being deleted, in the
// order in which it has to go: of the given kinds, or of all of them. Snapshots are
// those that clusters have left behind; the others go with their clusters. A backup
// compliance policy is left where there are clusters or snapshots, whose backups it
// keeps.
//
// It takes 13 requests for a project with nothing in it; one more for each cloud
// provider that it has a network at, each stream workspace and each deleted cluster
// that has left snapshots; and with clusters two more, and two for each of them. An
// error ends the list. A list that is answered with "not found" is such an error, unless
// another read shows that the cluster or the stream workspace that it belongs to does not
// exist any more. It needs the roles Project Read Only and, for some kinds,
// Project Owner.
//
// Source: vendor OpenAPI of SDK v20250312023; vendor's clean-up of its own test
// organizations.
func (c *Client) ListBlockers(ctx context.Context, projectID string, kinds ...BlockerKind) iter.Seq2[Blocker, error] {
	return func(yield func(Blocker, error) bool) {
		c.sources(ctx, projectID, kinds).all(ctx)(yield)
	}
}

// WaitForDeletion waits until nothing is left in a project of the given kinds, or of
// all: after the requests to delete it, most of it goes by itself within minutes.
// progress is told what is left each time that it was looked; it may be nil.
//
// When the context ends the error is [errors.NotFinished], and Steps are what was
// left. A deletion that Atlas gives up, so that a thing is FAILED after it was being
// deleted, ends the wait with [errors.Conflict], and Steps are what has failed. What
// nobody has asked to delete is waited for, too. One empty list ends the wait.
//
// It needs what [Client.ListBlockers] needs.
func (c *Client) WaitForDeletion(ctx context.Context, projectID string, progress func([]Blocker), kinds ...BlockerKind) error {
	const operation = "WaitUntilGone"
	deleting := map[Blocker]bool{}
	return c.rest().Wait(ctx, operation, projectID, func(ctx context.Context) (steps []errors.Step, _ error) {
		all, err := gather(c.ListBlockers(ctx, projectID, kinds...))
		if err != nil {
			return nil, err
		}
		var broken []errors.Step
		for _, left := range all {
			key := Blocker{Kind: left.Kind, ID: left.ID, Parent: left.Parent}
			switch {
			case left.going():
				deleting[key] = true
			case left.State == failed && deleting[key]:
				broken = append(broken, left.step())
			}
			steps = append(steps, left.step())
		}
		if progress != nil {
			progress(all)
		}
		if len(broken) > 0 {
			return nil, &errors.Error{
				Provider: provider, Operation: operation, Target: projectID, Code: errors.Conflict,
				Steps: broken, Err: errors.New("a deletion that had begun failed"),
			}
		}
		return steps, nil
	})
}

// each makes a list of another one.
func each[T any](things iter.Seq2[T, error], left func(T) Blocker) list {
	return func(yield func(Blocker, error) bool) {
		for thing, err := range things {
			if err != nil {
				yield(Blocker{}, err)
				return
			}
			if !yield(left(thing), nil) {
				return
			}
		}
	}
}

// whole makes a list of one that comes in one piece.
func whole[T any](things []T, err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, thing := range things {
			if !yield(thing, nil) {
				return
			}
		}
		if err != nil {
			var none T
			yield(none, err)
		}
	}
}

// gather takes all of a list.
func gather[T any](list iter.Seq2[T, error]) ([]T, error) { return rest.Gather(list) }

// within goes through the lists of all parents. A parent may be deleted while its list
// is read: absent reports whether an error shows that; nil for a parent that always
// exists.
func within[T any](parents iter.Seq2[T, error], of func(T) list, absent func(T, error) (bool, error)) list {
	return func(yield func(Blocker, error) bool) {
		for parent, err := range parents {
			if err != nil {
				yield(Blocker{}, err)
				return
			}
			for left, err := range of(parent) {
				if err != nil && absent != nil {
					var gone bool
					if gone, err = absent(parent, err); gone {
						break
					}
				}
				if err != nil {
					yield(Blocker{}, err)
					return
				}
				if !yield(left, nil) {
					return
				}
			}
		}
	}
}

// all yields the resources in a project, of the kinds that are asked for.
func (s *sources) all(ctx context.Context) list {
	return func(yield func(Blocker, error) bool) {
		for _, k := range kinds() {
			if k.find == nil || k.manual || !s.asked(k.name) || s.planned != nil && !s.needed(&k) {
				continue
			}
			for left, err := range k.find(s, ctx) {
				left.Kind = k.name
				if !yield(left, err) || err != nil {
					return
				}
			}
		}
	}
}

func (s *sources) presentClusters(context.Context) list {
	return each(whole(s.clusters()), clusterBlocker)
}

func (s *sources) networkPeerings(ctx context.Context) list {
	return within(whole(s.networks()), func(p CloudProvider) list {
		options := ListNetworkPeeringsPageOptions{ProviderName: p}
		return each(s.c.ListNetworkPeerings(ctx, s.projectID, options), func(x NetworkPeering) Blocker {
			return Blocker{ID: x.ID, Provider: p, State: x.Status + x.StatusName}
		})
	}, nil)
}

func (s *sources) privateEndpoints(context.Context) list {
	return s.endpointServices(func(p CloudProvider, x PrivateEndpointService) (left []Blocker) {
		for _, id := range slices.Concat(x.InterfaceEndpoints, x.PrivateEndpoints, x.EndpointGroupNames) {
			left = append(left, Blocker{ID: id, Parent: x.ID, Provider: p})
		}
		return left
	})
}

func (s *sources) privateEndpointServices(context.Context) list {
	return s.endpointServices(func(p CloudProvider, x PrivateEndpointService) []Blocker {
		return []Blocker{{ID: x.ID, Provider: p, State: x.Status}}
	})
}

func (s *sources) encryptionEndpoints(ctx context.Context) list {
	return within(s.at(CloudProviderAWS, CloudProviderAzure), func(p CloudProvider) list {
		return each(s.c.ListEncryptionEndpoints(ctx, s.projectID, p), func(x EncryptionEndpoint) Blocker {
			return Blocker{ID: x.ID, Provider: p, State: x.Status}
		})
	}, nil)
}

func (s *sources) outageSimulations(ctx context.Context) list {
	return within(whole(s.clustersWith(KindOutageSimulation, 0)), func(x Cluster) list {
		return func(yield func(Blocker, error) bool) {
			found, err := s.c.GetOutageSimulation(ctx, s.projectID, x.Name)
			if err != nil {
				yield(Blocker{}, err)
			} else if found.State != OutageSimulationStateComplete {
				yield(Blocker{ID: x.Name, UID: found.ID, State: string(found.State)}, nil)
			}
		}
	}, s.clusterAbsent(ctx))
}

func (s *sources) onlineArchives(ctx context.Context) list {
	return within(whole(s.clustersWith(KindOnlineArchive, maxArchiveLists)), func(x Cluster) list {
		return func(yield func(Blocker, error) bool) {
			for archive, err := range s.c.ListOnlineArchives(ctx, s.projectID, x.Name) {
				if err == nil && archive.State == OnlineArchiveStateDeleted {
					continue
				}
				if !yield(Blocker{ID: archive.ID, Parent: x.Name, State: string(archive.State)}, err) {
					return
				}
			}
		}
	}, s.clusterAbsent(ctx))
}

// backupCompliancePolicy reads the policy of a project. One that was never set may
// be answered without a state.
func (s *sources) backupCompliancePolicy(ctx context.Context) list {
	return func(yield func(Blocker, error) bool) {
		switch kept, err := s.kept(); {
		case err != nil:
			yield(Blocker{}, err)
			return
		case len(kept) == 0:
			return
		}
		policy, err := s.c.GetBackupCompliancePolicy(ctx, s.projectID)
		switch {
		case err == nil && policy.State != "":
			yield(Blocker{ID: s.projectID, State: policy.State, Protected: !policy.Deletable}, nil)
		case err != nil && !noPolicy(err):
			yield(Blocker{}, err)
		}
	}
}

// policyProtection yields a policy that only the vendor's support can let be deleted.
func (s *sources) policyProtection(ctx context.Context) list {
	return func(yield func(Blocker, error) bool) {
		for left, err := range s.backupCompliancePolicy(ctx) {
			if (err != nil || left.Protected) && !yield(left, err) {
				return
			}
		}
	}
}

// noPolicy reports whether an error says that there is no policy, and not that
// there is no project.
func noPolicy(err error) bool {
	e, ok := errors.AsType[*errors.Error](err)
	return ok && e.Code == errors.NotFound && e.ProviderCode == "RESOURCE_NOT_FOUND"
}

// snapshots lists what clusters have left behind.
func (s *sources) snapshots(ctx context.Context, sharded bool) list {
	return within(whole(s.deleted()), func(x Cluster) list {
		switch {
		case sharded != (x.ClusterType == "SHARDED" || x.ClusterType == "GEOSHARDED"):
			return func(func(Blocker, error) bool) {}
		case sharded:
			return each(whole(s.c.ListShardedSnapshots(ctx, s.projectID, x.Name)), func(found ShardedSnapshot) Blocker {
				return Blocker{ID: found.ID, Parent: x.Name, State: found.Status}
			})
		}
		return each(s.c.ListSnapshots(ctx, s.projectID, x.Name), func(found Snapshot) Blocker {
			return Blocker{ID: found.ID, Parent: x.Name, State: found.Status}
		})
	}, s.clusterAbsent(ctx))
}

func (s *sources) streamProcessors(ctx context.Context) list {
	return within(whole(s.workspaces()), func(x StreamWorkspace) list {
		return each(s.c.ListStreamProcessors(ctx, s.projectID, x.Name), func(p StreamProcessor) Blocker {
			return Blocker{ID: p.Name, UID: p.ID, Parent: x.Name, State: p.State}
		})
	}, s.workspaceAbsent(ctx))
}

// endpointServices lists what the private endpoint services of all cloud providers
// have.
func (s *sources) endpointServices(of func(CloudProvider, PrivateEndpointService) []Blocker) list {
	return func(yield func(Blocker, error) bool) {
		for p := range s.at(clouds...) {
			services, err := s.services[p]()
			if err != nil {
				yield(Blocker{}, err)
				return
			}
			for _, service := range services {
				for _, left := range of(p, service) {
					if !yield(left, nil) {
						return
					}
				}
			}
		}
	}
}
