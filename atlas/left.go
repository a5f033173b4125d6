package atlas

import (
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
)

// Kind is a kind of thing that keeps a project from being deleted.
type Kind string

// Kinds, in the order in which their things have to go.
const (
	KindOutageSimulation       Kind = "outage_simulation"
	KindOnlineArchive          Kind = "online_archive"
	KindCluster                Kind = "cluster"
	KindFlexCluster            Kind = "flex_cluster"
	KindBackupCompliancePolicy Kind = "backup_compliance_policy"
	KindSnapshot               Kind = "snapshot"         // of a cluster that was deleted
	KindShardedSnapshot        Kind = "sharded_snapshot" // of a cluster that was deleted
	KindNetworkPeering         Kind = "network_peering"
	KindFederationEndpoint     Kind = "federation_endpoint"
	KindFederatedDatabase      Kind = "federated_database"
	KindStreamProcessor        Kind = "stream_processor"
	KindStreamWorkspace        Kind = "stream_workspace"
	KindStreamPrivateLink      Kind = "stream_private_link"
	KindStreamVPCPeering       Kind = "stream_vpc_peering"
	KindPrivateEndpoint        Kind = "private_endpoint"
	KindPrivateEndpointService Kind = "private_endpoint_service"
	KindEncryptionEndpoint     Kind = "encryption_endpoint"
)

// Left is a thing that keeps its project from being deleted.
type Left struct {
	Kind Kind

	// ID is what the operations on the thing take: an id, or the name of what is
	// known by its name.
	ID string

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
func (l Left) step() errors.Step {
	description := l.ID
	if l.Parent != "" {
		description += " of " + l.Parent
	}
	if l.State != "" {
		description += ", " + l.State
	}
	return errors.Step{Name: string(l.Kind), Description: description}
}

// list is a list of what is left, which may end with an error.
type list = iter.Seq2[Left, error]

// lists finds what is left, by kind, in the order in which it has to go: streams
// before the links that they use, endpoints before their services.
var lists = []struct {
	kind Kind
	list func(c *Client, ctx context.Context, projectID string) list
}{
	{KindOutageSimulation, (*Client).outageSimulations},
	{KindOnlineArchive, (*Client).onlineArchives},
	{KindCluster, func(c *Client, ctx context.Context, projectID string) list {
		return each(c.ListClusters(ctx, projectID, ListClustersPageOptions{}), func(x Cluster) Left {
			return Left{ID: x.Name, State: string(x.State), Protected: x.TerminationProtectionEnabled}
		})
	}},
	{KindFlexCluster, func(c *Client, ctx context.Context, projectID string) list {
		return each(c.ListFlexClusters(ctx, projectID), func(x FlexCluster) Left {
			return Left{ID: x.Name, State: string(x.State), Protected: x.TerminationProtectionEnabled}
		})
	}},
	{KindBackupCompliancePolicy, (*Client).backupCompliancePolicy},
	{KindSnapshot, func(c *Client, ctx context.Context, projectID string) list {
		return c.snapshots(ctx, projectID, false)
	}},
	{KindShardedSnapshot, func(c *Client, ctx context.Context, projectID string) list {
		return c.snapshots(ctx, projectID, true)
	}},
	{KindNetworkPeering, func(c *Client, ctx context.Context, projectID string) list {
		return at([]CloudProvider{CloudProviderAWS, CloudProviderAzure, CloudProviderGCP}, func(p CloudProvider) list {
			options := ListNetworkPeeringsPageOptions{ProviderName: p}
			return each(c.ListNetworkPeerings(ctx, projectID, options), func(x NetworkPeering) Left {
				return Left{ID: x.ID, Provider: p, State: x.Status + x.StatusName}
			})
		})
	}},
	{KindFederationEndpoint, func(c *Client, ctx context.Context, projectID string) list {
		return each(c.ListFederationEndpoints(ctx, projectID), func(x FederationEndpoint) Left {
			return Left{ID: x.EndpointID, State: x.Status}
		})
	}},
	{KindFederatedDatabase, func(c *Client, ctx context.Context, projectID string) list {
		return each(whole(c.ListFederatedDatabases(ctx, projectID)), func(x FederatedDatabase) Left {
			return Left{ID: x.Name, State: x.State}
		})
	}},
	{KindStreamProcessor, (*Client).streamProcessors},
	{KindStreamWorkspace, func(c *Client, ctx context.Context, projectID string) list {
		return each(c.ListStreamWorkspaces(ctx, projectID), func(x StreamWorkspace) Left { return Left{ID: x.Name} })
	}},
	{KindStreamPrivateLink, func(c *Client, ctx context.Context, projectID string) list {
		return each(c.ListStreamPrivateLinks(ctx, projectID), func(x StreamPrivateLink) Left {
			return Left{ID: x.ID, State: x.State}
		})
	}},
	{KindStreamVPCPeering, func(c *Client, ctx context.Context, projectID string) list {
		return each(c.ListActiveStreamVPCPeerings(ctx, projectID), func(x StreamVPCPeering) Left {
			return Left{ID: x.ID, State: x.LocalStatus}
		})
	}},
	{KindPrivateEndpoint, func(c *Client, ctx context.Context, projectID string) list {
		return c.services(ctx, projectID, func(p CloudProvider, x PrivateEndpointService) (left []Left) {
			for _, id := range slices.Concat(x.InterfaceEndpoints, x.PrivateEndpoints, x.EndpointGroupNames) {
				left = append(left, Left{ID: id, Parent: x.ID, Provider: p})
			}
			return left
		})
	}},
	{KindPrivateEndpointService, func(c *Client, ctx context.Context, projectID string) list {
		return c.services(ctx, projectID, func(p CloudProvider, x PrivateEndpointService) []Left {
			return []Left{{ID: x.ID, Provider: p, State: x.Status}}
		})
	}},
	{KindEncryptionEndpoint, func(c *Client, ctx context.Context, projectID string) list {
		return at([]CloudProvider{CloudProviderAWS, CloudProviderAzure}, func(p CloudProvider) list {
			return each(c.ListEncryptionEndpoints(ctx, projectID, p), func(x EncryptionEndpoint) Left {
				return Left{ID: x.ID, Provider: p, State: x.Status}
			})
		})
	}},
}

// ListLeft yields what is left in a project and keeps it from being deleted, in the
// order in which it has to go: of the given kinds, or of all of them. Snapshots are
// those that clusters have left behind; the others go with their clusters.
//
// It takes one request or more for each kind, and for some kinds one for each
// cluster, stream workspace or cloud provider. An error ends the list. It needs the
// roles Project Read Only and, for some kinds, Project Owner.
//
// Source: vendor OpenAPI of SDK v20250312023; vendor's clean-up of its own test
// organizations.
func (c *Client) ListLeft(ctx context.Context, projectID string, kinds ...Kind) iter.Seq2[Left, error] {
	return func(yield func(Left, error) bool) {
		for _, l := range lists {
			if len(kinds) > 0 && !slices.Contains(kinds, l.kind) {
				continue
			}
			for left, err := range l.list(c, ctx, projectID) {
				left.Kind = l.kind
				if !yield(left, err) || err != nil {
					return
				}
			}
		}
	}
}

// WaitUntilGone waits until nothing is left in a project of the given kinds, or of
// all: after the requests to delete it, most of it goes by itself within minutes.
// progress is told what is left each time that it was looked; it may be nil.
//
// When the context ends the error is [errors.NotFinished], and Steps are what was
// left. A deletion that Atlas gives up, so that a thing is FAILED after it was being
// deleted, ends the wait with [errors.Conflict], and Steps are what has failed. What
// nobody has asked to delete is waited for, too. A list that is empty for a moment
// is believed.
//
// It needs what [Client.ListLeft] needs.
func (c *Client) WaitUntilGone(ctx context.Context, projectID string, progress func([]Left), kinds ...Kind) error {
	const operation = "WaitUntilGone"
	deleting := map[Left]bool{}
	return c.api.Wait(ctx, operation, projectID, func(ctx context.Context) (steps []errors.Step, err error) {
		var all []Left
		var failed []errors.Step
		for left, err := range c.ListLeft(ctx, projectID, kinds...) {
			if err != nil {
				return nil, err
			}
			key := Left{Kind: left.Kind, ID: left.ID, Parent: left.Parent}
			switch {
			case strings.HasPrefix(left.State, "DELET"), left.State == "TERMINATING":
				deleting[key] = true
			case left.State == "FAILED" && deleting[key]:
				failed = append(failed, left.step())
			}
			all, steps = append(all, left), append(steps, left.step())
		}
		if progress != nil {
			progress(all)
		}
		if len(failed) > 0 {
			return nil, &errors.Error{
				Provider: provider, Operation: operation, Target: projectID, Code: errors.Conflict,
				Steps: failed, Err: errors.New("a deletion that had begun failed"),
			}
		}
		return steps, nil
	})
}

// each makes a list of another one.
func each[T any](things iter.Seq2[T, error], left func(T) Left) list {
	return func(yield func(Left, error) bool) {
		for thing, err := range things {
			if err != nil {
				yield(Left{}, err)
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

// at goes through the lists of several cloud providers.
func at(providers []CloudProvider, of func(CloudProvider) list) list {
	return func(yield func(Left, error) bool) {
		for _, p := range providers {
			for left, err := range of(p) {
				if !yield(left, err) || err != nil {
					return
				}
			}
		}
	}
}

// within goes through the lists of all parents. A parent may go while it is looked
// into, and then nothing is left in it.
func within[T any](parents iter.Seq2[T, error], of func(T) list) list {
	return func(yield func(Left, error) bool) {
		for parent, err := range parents {
			if err != nil {
				yield(Left{}, err)
				return
			}
			for left, err := range of(parent) {
				if errors.Is(err, errors.NotFound) {
					break
				}
				if !yield(left, err) || err != nil {
					return
				}
			}
		}
	}
}

func (c *Client) outageSimulations(ctx context.Context, projectID string) list {
	return within(c.ListClusters(ctx, projectID, ListClustersPageOptions{}), func(x Cluster) list {
		return func(yield func(Left, error) bool) {
			found, err := c.GetOutageSimulation(ctx, projectID, x.Name)
			if err != nil {
				yield(Left{}, err)
			} else if found.State != OutageSimulationStateComplete {
				yield(Left{ID: x.Name, State: string(found.State)}, nil)
			}
		}
	})
}

func (c *Client) onlineArchives(ctx context.Context, projectID string) list {
	return within(c.ListClusters(ctx, projectID, ListClustersPageOptions{}), func(x Cluster) list {
		return func(yield func(Left, error) bool) {
			for archive, err := range c.ListOnlineArchives(ctx, projectID, x.Name) {
				if err == nil && archive.State == OnlineArchiveStateDeleted {
					continue
				}
				if !yield(Left{ID: archive.ID, Parent: x.Name, State: string(archive.State)}, err) {
					return
				}
			}
		}
	})
}

// backupCompliancePolicy reads the policy of a project. One that was never set may
// be answered without a state.
func (c *Client) backupCompliancePolicy(ctx context.Context, projectID string) list {
	return func(yield func(Left, error) bool) {
		policy, err := c.GetBackupCompliancePolicy(ctx, projectID)
		switch {
		case err == nil && policy.State != "":
			yield(Left{ID: projectID, State: policy.State, Protected: !policy.Deletable}, nil)
		case err != nil && !noPolicy(err):
			yield(Left{}, err)
		}
	}
}

// noPolicy reports whether an error says that there is no policy, and not that
// there is no project.
func noPolicy(err error) bool {
	e, ok := errors.AsType[*errors.Error](err)
	return ok && e.Code == errors.NotFound && e.ProviderCode == "RESOURCE_NOT_FOUND"
}

// snapshots lists what clusters have left behind. They are listed by the names of
// clusters that are only there when deleted ones are asked for.
func (c *Client) snapshots(ctx context.Context, projectID string, sharded bool) list {
	return func(yield func(Left, error) bool) {
		there := map[string]bool{}
		for x, err := range c.ListClusters(ctx, projectID, ListClustersPageOptions{}) {
			if err != nil {
				yield(Left{}, err)
				return
			}
			there[x.ID] = true
		}
		all := c.ListClusters(ctx, projectID, ListClustersPageOptions{IncludeDeletedWithRetainedBackups: true})
		within(all, func(x Cluster) list {
			switch {
			case there[x.ID] || sharded != (x.ClusterType == "SHARDED" || x.ClusterType == "GEOSHARDED"):
				return func(func(Left, error) bool) {}
			case sharded:
				return each(whole(c.ListShardedSnapshots(ctx, projectID, x.Name)), func(s ShardedSnapshot) Left {
					return Left{ID: s.ID, Parent: x.Name, State: s.Status}
				})
			}
			return each(c.ListSnapshots(ctx, projectID, x.Name), func(s Snapshot) Left {
				return Left{ID: s.ID, Parent: x.Name, State: s.Status}
			})
		})(yield)
	}
}

func (c *Client) streamProcessors(ctx context.Context, projectID string) list {
	return within(c.ListStreamWorkspaces(ctx, projectID), func(x StreamWorkspace) list {
		return each(c.ListStreamProcessors(ctx, projectID, x.Name), func(p StreamProcessor) Left {
			return Left{ID: p.Name, Parent: x.Name, State: p.State}
		})
	})
}

// services lists what the private endpoint services of all cloud providers have.
func (c *Client) services(ctx context.Context, projectID string, of func(CloudProvider, PrivateEndpointService) []Left) list {
	return at([]CloudProvider{CloudProviderAWS, CloudProviderAzure, CloudProviderGCP}, func(p CloudProvider) list {
		return func(yield func(Left, error) bool) {
			services, err := c.ListPrivateEndpointServices(ctx, projectID, p)
			if err != nil {
				yield(Left{}, err)
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
	})
}
