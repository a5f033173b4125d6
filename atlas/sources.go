package atlas

import (
	"context"
	"slices"
	"sync"
)

// sources are the lists of a project that several kinds of what is left are found
// by. Each is read once at most.
type sources struct {
	c         *Client
	projectID string
	provider  CloudProvider // what is at others is not looked for; "" for none
	kinds     []BlockerKind // that are asked for; none for all

	// planned are the resources that a plan has in the project, by kind, if the lists are read
	// to apply it; nil otherwise.
	planned map[BlockerKind][]ref

	// removed reports whether the run that applies the plan has deleted the cluster with this
	// ID of Atlas's own; nil for no such run.
	removed func(uid string) bool

	clusters   func() ([]Cluster, error) // that are there
	kept       func() ([]Cluster, error) // that are there or have left snapshots behind
	deleted    func() ([]Cluster, error) // that have left snapshots behind
	workspaces func() ([]StreamWorkspace, error)
	networks   func() ([]CloudProvider, error) // at which a peering can be
	services   map[CloudProvider]func() ([]PrivateEndpointService, error)
}

// clouds are the cloud providers.
var clouds = []CloudProvider{CloudProviderAWS, CloudProviderAzure, CloudProviderGCP}

// sources are those of a whole project, for some kinds or all of them.
func (c *Client) sources(ctx context.Context, projectID string, kinds []BlockerKind) *sources {
	s := &sources{c: c, projectID: projectID, kinds: kinds, services: map[CloudProvider]func() ([]PrivateEndpointService, error){}}
	s.kept = sync.OnceValues(func() ([]Cluster, error) {
		return gather(c.ListClusters(ctx, projectID, ListClustersPageOptions{IncludeDeletedWithRetainedBackups: true}))
	})
	s.clusters = sync.OnceValues(func() ([]Cluster, error) {
		// The longer list is read for these anyway, and is empty mostly.
		if s.readsKept() {
			if kept, err := s.kept(); err != nil || len(kept) == 0 {
				return nil, err
			}
		}
		return gather(c.ListClusters(ctx, projectID, ListClustersPageOptions{}))
	})
	s.deleted = sync.OnceValues(func() ([]Cluster, error) {
		there, err := s.clusters()
		if err != nil {
			return nil, err
		}
		kept, err := s.kept()
		return slices.DeleteFunc(slices.Clone(kept), func(x Cluster) bool {
			return slices.ContainsFunc(there, func(other Cluster) bool { return other.ID == x.ID })
		}), err
	})
	s.workspaces = sync.OnceValues(func() ([]StreamWorkspace, error) {
		return gather(c.ListStreamWorkspaces(ctx, projectID))
	})
	// A peering is in a network container, and one list has those of all providers.
	s.networks = sync.OnceValues(func() ([]CloudProvider, error) {
		containers, err := gather(c.ListNetworkContainers(ctx, projectID))
		return slices.DeleteFunc(slices.Clone(clouds), func(p CloudProvider) bool {
			return !slices.ContainsFunc(containers, func(x NetworkContainer) bool { return x.ProviderName == p })
		}), err
	})
	for _, p := range clouds {
		s.services[p] = sync.OnceValues(func() ([]PrivateEndpointService, error) {
			return c.ListPrivateEndpointServices(ctx, projectID, p)
		})
	}
	return s
}

// asked reports whether resources of a kind are looked for.
func (s *sources) asked(kind BlockerKind) bool {
	return len(s.kinds) == 0 || slices.Contains(s.kinds, kind)
}

// needed reports whether a kind is listed before a plan is applied: not if a new resource
// of it could neither be deleted unseen nor leave the organization to be deleted.
func (s *sources) needed(k *kind) bool {
	snapshots := k.name == KindSnapshot || k.name == KindShardedSnapshot
	return !k.refused || len(s.planned[k.name]) > 0 || len(s.planned[k.with]) > 0 || snapshots && s.clusterMissing()
}

// clusterMissing reports whether a cluster of the plan does not exist, and this run has not
// deleted it: somebody may have kept its snapshots on purpose.
func (s *sources) clusterMissing() bool {
	if len(s.planned[KindCluster]) == 0 {
		return false
	}
	there, err := s.clusters()
	return err != nil || slices.ContainsFunc(s.planned[KindCluster], func(r ref) bool {
		return (s.removed == nil || !s.removed(r.UID)) &&
			!slices.ContainsFunc(there, func(x Cluster) bool { return x.ID == r.UID })
	})
}

// readsKept reports whether clusters that were deleted and have left snapshots are listed.
func (s *sources) readsKept() bool {
	if s.planned != nil {
		return len(s.planned[KindSnapshot]) > 0 || len(s.planned[KindShardedSnapshot]) > 0
	}
	return s.asked(KindBackupCompliancePolicy) || s.asked(KindSnapshot) || s.asked(KindShardedSnapshot)
}

// maxArchiveLists is for how many clusters of a project the read before a plan is applied
// lists the online archives: a new archive would be deleted with its cluster. Where there
// are more clusters, it lists those of the clusters that have archives in the plan.
const maxArchiveLists = 100

// clustersWith returns the clusters for which a list of their resources is read: all of
// them, or before a plan is applied, if there are more than limit, those for which the plan
// has such a resource.
func (s *sources) clustersWith(kind BlockerKind, limit int) ([]Cluster, error) {
	all, err := s.clusters()
	if err != nil || s.planned == nil || len(all) <= limit {
		return all, err
	}
	planned := map[string]bool{}
	for _, r := range s.planned[kind] {
		if r.kind == nil { // it may be any
			return all, nil
		}
		planned[r.scope().parent] = true
	}
	return slices.DeleteFunc(slices.Clone(all), func(x Cluster) bool { return !planned[x.Name] }), nil
}

// listIn yields the resources of a scope in a project.
func (c *Client) listIn(ctx context.Context, in scope) list {
	s := c.sources(ctx, in.projectID, []BlockerKind{in.kind.name})
	s.provider = in.provider
	parent := Cluster{Name: in.parent}
	if in.kind.name == KindShardedSnapshot {
		parent.ClusterType = "SHARDED"
	}
	only := func() ([]Cluster, error) { return []Cluster{parent}, nil }
	if in.kind.onePiece { // a policy is read, whatever else there is
		s.kept = only
	}
	if in.parent != "" {
		s.clusters, s.deleted = only, only
		s.workspaces = func() ([]StreamWorkspace, error) { return []StreamWorkspace{{Name: in.parent}}, nil }
	}
	if in.provider != "" {
		s.networks = func() ([]CloudProvider, error) { return []CloudProvider{in.provider}, nil }
	}
	return in.kind.find(s, ctx)
}

// at yields the cloud providers at which to look.
func (s *sources) at(providers ...CloudProvider) func(func(CloudProvider, error) bool) {
	if s.provider != "" {
		providers = []CloudProvider{s.provider}
	}
	return whole(providers, nil)
}
