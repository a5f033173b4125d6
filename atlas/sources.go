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
func (c *Client) sources(ctx context.Context, projectID string, kinds []Kind) *sources {
	s := &sources{c: c, projectID: projectID, services: map[CloudProvider]func() ([]PrivateEndpointService, error){}}
	s.kept = sync.OnceValues(func() ([]Cluster, error) {
		return gather(c.ListClusters(ctx, projectID, ListClustersPageOptions{IncludeDeletedWithRetainedBackups: true}))
	})
	asked := func(kind Kind) bool { return len(kinds) == 0 || slices.Contains(kinds, kind) }
	s.clusters = sync.OnceValues(func() ([]Cluster, error) {
		// The longer list is read for these anyway, and is empty mostly.
		if asked(KindBackupCompliancePolicy) || asked(KindSnapshot) || asked(KindShardedSnapshot) {
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

// scope is where things of a kind are that one request lists.
type scope struct {
	kind      Kind
	projectID string
	parent    string        // the name of a cluster or a stream workspace
	provider  CloudProvider // of clouds
}

// scopeOf is the scope of what is left.
func scopeOf(projectID string, left Left) scope {
	s := scope{kind: left.Kind, projectID: projectID, provider: left.Provider}
	switch left.Kind {
	case KindOutageSimulation:
		s.parent = left.ID
	case KindOnlineArchive, KindSnapshot, KindShardedSnapshot, KindStreamProcessor:
		s.parent = left.Parent
	}
	return s
}

// listIn yields what is left in a scope.
func (c *Client) listIn(ctx context.Context, in scope) list {
	s := c.sources(ctx, in.projectID, []Kind{in.kind})
	s.provider = in.provider
	parent := Cluster{Name: in.parent}
	if in.kind == KindShardedSnapshot {
		parent.ClusterType = "SHARDED"
	}
	only := func() ([]Cluster, error) { return []Cluster{parent}, nil }
	if in.kind == KindBackupCompliancePolicy {
		s.kept = only
	}
	if in.parent != "" {
		s.clusters, s.deleted = only, only
		s.workspaces = func() ([]StreamWorkspace, error) { return []StreamWorkspace{{Name: in.parent}}, nil }
	}
	if in.provider != "" {
		s.networks = func() ([]CloudProvider, error) { return []CloudProvider{in.provider}, nil }
	}
	i := slices.IndexFunc(lists, func(l kindList) bool { return l.kind == in.kind })
	return lists[i].list(s, ctx)
}

// at yields the cloud providers at which to look.
func (s *sources) at(providers ...CloudProvider) func(func(CloudProvider, error) bool) {
	if s.provider != "" {
		providers = []CloudProvider{s.provider}
	}
	return whole(providers, nil)
}
