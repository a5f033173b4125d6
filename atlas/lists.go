package atlas

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/internal/trace"
)

// ListBlockers yields the blockers of a project, in the order in which they must be removed: of
// the given kinds, or of all kinds if none is given. Snapshots are those of deleted clusters;
// Atlas deletes other snapshots along with their cluster. A backup compliance policy is a blocker
// if the project has clusters or snapshots.
//
// ListBlockers sends 13 requests for an empty project; one more for each cloud provider at which
// the project has a network, for each stream workspace and for each deleted cluster with
// snapshots; and, if the project has clusters, two more and two for each cluster. An error ends
// the list. A "not found" of one list is such an error, unless another read shows that the
// cluster or stream workspace of the list does not exist. The credential needs the roles Project
// Read Only and, for some kinds, Project Owner.
//
// Source: vendor OpenAPI of SDK v20250312023; vendor's clean-up of its own test organizations.
func (c *Client) ListBlockers(ctx context.Context, projectID string, kinds ...BlockerKind) iter.Seq2[Blocker, error] {
	return func(yield func(Blocker, error) bool) {
		c.newListCache(ctx, projectID, kinds).blockers(ctx)(yield)
	}
}

// list yields blockers. An error ends it.
type list = iter.Seq2[Blocker, error]

// listCache reads the lists of a project from which blockers of several kinds are found. It reads
// each list at most once.
type listCache struct {
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

	clusters         func() ([]Cluster, error) // that are there
	withRetained     func() ([]Cluster, error) // that are there or have left snapshots behind
	retained         func() ([]Cluster, error) // that have left snapshots behind
	workspaces       func() ([]StreamWorkspace, error)
	peeringProviders func() ([]CloudProvider, error) // at which a peering can be
	services         map[CloudProvider]func() ([]PrivateEndpointService, error)
}

// newListCache returns the lists of a project, for the given kinds, or for all kinds if none is
// given.
func (c *Client) newListCache(ctx context.Context, projectID string, kinds []BlockerKind) *listCache {
	s := &listCache{c: c, projectID: projectID, kinds: kinds, services: map[CloudProvider]func() ([]PrivateEndpointService, error){}}
	s.withRetained = sync.OnceValues(func() ([]Cluster, error) {
		return gather(c.ListClusters(ctx, projectID, ListClustersPageOptions{IncludeDeletedWithRetainedBackups: true}))
	})
	s.clusters = sync.OnceValues(func() ([]Cluster, error) {
		// The longer list is read for these anyway, and is empty mostly.
		if s.readsRetained() {
			if kept, err := s.withRetained(); err != nil || len(kept) == 0 {
				return nil, err
			}
		}
		return gather(c.ListClusters(ctx, projectID, ListClustersPageOptions{}))
	})
	s.retained = sync.OnceValues(func() ([]Cluster, error) {
		there, err := s.clusters()
		if err != nil {
			return nil, err
		}
		kept, err := s.withRetained()
		return slices.DeleteFunc(slices.Clone(kept), func(x Cluster) bool {
			return slices.ContainsFunc(there, func(other Cluster) bool { return other.ID == x.ID })
		}), err
	})
	s.workspaces = sync.OnceValues(func() ([]StreamWorkspace, error) {
		return gather(c.ListStreamWorkspaces(ctx, projectID))
	})
	// A peering is in a network container, and one list has those of all providers.
	s.peeringProviders = sync.OnceValues(func() ([]CloudProvider, error) {
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

// blockers yields the blockers of the project, of the kinds of the cache.
func (s *listCache) blockers(ctx context.Context) list {
	return func(yield func(Blocker, error) bool) {
		for _, k := range kinds() {
			if k.list == nil || k.manual || !s.includes(k.name) || s.planned != nil && !s.mustList(&k) {
				continue
			}
			for blocker, err := range k.list(s, ctx) {
				blocker.Kind = k.name
				if !yield(blocker, err) || err != nil {
					return
				}
			}
		}
	}
}

// includes reports whether the cache lists blockers of a kind.
func (s *listCache) includes(kind BlockerKind) bool {
	return len(s.kinds) == 0 || slices.Contains(s.kinds, kind)
}

// mustList reports whether a kind is listed before a plan is applied. A kind is not listed if the
// teardown can neither delete a new resource of the kind unseen nor delete the organization
// despite the resource.
func (s *listCache) mustList(k *kind) bool {
	snapshots := k.name == BlockerSnapshot || k.name == BlockerShardedSnapshot
	return !k.enforced || len(s.planned[k.name]) > 0 || len(s.planned[k.listedWith]) > 0 || snapshots && s.clusterMissing()
}

// clusterMissing reports whether a cluster of the plan does not exist and this run did not delete
// it: another user may have retained its snapshots on purpose.
func (s *listCache) clusterMissing() bool {
	if len(s.planned[BlockerCluster]) == 0 {
		return false
	}
	there, err := s.clusters()
	return err != nil || slices.ContainsFunc(s.planned[BlockerCluster], func(r ref) bool {
		return (s.removed == nil || !s.removed(r.UID)) &&
			!slices.ContainsFunc(there, func(x Cluster) bool { return x.ID == r.UID })
	})
}

// readsRetained reports whether deleted clusters with retained snapshots are listed.
func (s *listCache) readsRetained() bool {
	if s.planned != nil {
		return len(s.planned[BlockerSnapshot]) > 0 || len(s.planned[BlockerShardedSnapshot]) > 0
	}
	return s.includes(BlockerBackupCompliancePolicy) || s.includes(BlockerSnapshot) || s.includes(BlockerShardedSnapshot)
}

// maxArchiveLists is the maximum number of clusters of a project whose online archives are all
// listed before a plan is applied: a new archive would be deleted along with its cluster. In a
// project with more clusters, only the clusters that have archives in the plan are listed.
const maxArchiveLists = 100

// clustersWith returns the clusters whose resources of a kind are listed: all clusters or, before
// a plan is applied and if there are more than limit, the clusters that have such a resource in
// the plan.
func (s *listCache) clustersWith(kind BlockerKind, limit int) ([]Cluster, error) {
	all, err := s.clusters()
	if err != nil || s.planned == nil || len(all) <= limit {
		return all, err
	}
	planned := map[string]bool{}
	for _, r := range s.planned[kind] {
		if r.kind == nil { // it may be any
			return all, nil
		}
		planned[r.query().parent] = true
	}
	return slices.DeleteFunc(slices.Clone(all), func(x Cluster) bool { return !planned[x.Name] }), nil
}

// presentClusters lists the clusters that are not deleted.
func (s *listCache) presentClusters(context.Context) list {
	return convertList(sliceList(s.clusters()), clusterBlocker)
}

// outageSimulations lists the outage simulations of all clusters.
func (s *listCache) outageSimulations(ctx context.Context) list {
	return listPerParent(sliceList(s.clustersWith(BlockerOutageSimulation, 0)), func(x Cluster) list {
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

// onlineArchives lists the online archives of all clusters.
func (s *listCache) onlineArchives(ctx context.Context) list {
	return listPerParent(sliceList(s.clustersWith(BlockerOnlineArchive, maxArchiveLists)), func(x Cluster) list {
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

// backupCompliancePolicy reads the policy of the project. If no policy was ever set, Atlas can
// answer with a policy without a state.
func (s *listCache) backupCompliancePolicy(ctx context.Context) list {
	return func(yield func(Blocker, error) bool) {
		switch kept, err := s.withRetained(); {
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
		case err != nil && !isPolicyNotFound(err):
			yield(Blocker{}, err)
		}
	}
}

// policyProtection yields the policy if only the vendor's support can permit its deletion.
func (s *listCache) policyProtection(ctx context.Context) list {
	return func(yield func(Blocker, error) bool) {
		for blocker, err := range s.backupCompliancePolicy(ctx) {
			if (err != nil || blocker.Protected) && !yield(blocker, err) {
				return
			}
		}
	}
}

// snapshots lists the retained snapshots of deleted clusters.
func (s *listCache) snapshots(ctx context.Context, sharded bool) list {
	return listPerParent(sliceList(s.retained()), func(x Cluster) list {
		switch {
		case sharded != (x.ClusterType == "SHARDED" || x.ClusterType == "GEOSHARDED"):
			return func(func(Blocker, error) bool) {}
		case sharded:
			return convertList(sliceList(s.c.ListShardedSnapshots(ctx, s.projectID, x.Name)), func(found ShardedSnapshot) Blocker {
				return Blocker{ID: found.ID, Parent: x.Name, State: found.Status}
			})
		}
		return convertList(s.c.ListSnapshots(ctx, s.projectID, x.Name), func(found Snapshot) Blocker {
			return Blocker{ID: found.ID, Parent: x.Name, State: found.Status}
		})
	}, s.clusterAbsent(ctx))
}

// networkPeerings lists the network peerings at each cloud provider at which the project has a
// network.
func (s *listCache) networkPeerings(ctx context.Context) list {
	return listPerParent(sliceList(s.peeringProviders()), func(p CloudProvider) list {
		options := ListNetworkPeeringsPageOptions{ProviderName: p}
		return convertList(s.c.ListNetworkPeerings(ctx, s.projectID, options), func(x NetworkPeering) Blocker {
			return Blocker{ID: x.ID, Provider: p, State: x.Status + x.StatusName}
		})
	}, nil)
}

// streamProcessors lists the processors of all stream workspaces.
func (s *listCache) streamProcessors(ctx context.Context) list {
	return listPerParent(sliceList(s.workspaces()), func(x StreamWorkspace) list {
		return convertList(s.c.ListStreamProcessors(ctx, s.projectID, x.Name), func(p StreamProcessor) Blocker {
			return Blocker{ID: p.Name, UID: p.ID, Parent: x.Name, State: p.State}
		})
	}, s.workspaceAbsent(ctx))
}

// privateEndpoints lists the endpoints of all private endpoint services.
func (s *listCache) privateEndpoints(context.Context) list {
	return s.endpointServices(func(p CloudProvider, x PrivateEndpointService) (blocker []Blocker) {
		for _, id := range slices.Concat(x.InterfaceEndpoints, x.PrivateEndpoints, x.EndpointGroupNames) {
			blocker = append(blocker, Blocker{ID: id, Parent: x.ID, Provider: p})
		}
		return blocker
	})
}

// privateEndpointServices lists the private endpoint services.
func (s *listCache) privateEndpointServices(context.Context) list {
	return s.endpointServices(func(p CloudProvider, x PrivateEndpointService) []Blocker {
		return []Blocker{{ID: x.ID, Provider: p, State: x.Status}}
	})
}

// endpointServices yields what blockersOf returns for each private endpoint service of each cloud
// provider.
func (s *listCache) endpointServices(of func(CloudProvider, PrivateEndpointService) []Blocker) list {
	return func(yield func(Blocker, error) bool) {
		for p := range s.providers(clouds...) {
			services, err := s.services[p]()
			if err != nil {
				yield(Blocker{}, err)
				return
			}
			for _, service := range services {
				for _, blocker := range of(p, service) {
					if !yield(blocker, nil) {
						return
					}
				}
			}
		}
	}
}

// encryptionEndpoints lists the private endpoints for encryption at rest.
func (s *listCache) encryptionEndpoints(ctx context.Context) list {
	return listPerParent(s.providers(CloudProviderAWS, CloudProviderAzure), func(p CloudProvider) list {
		return convertList(s.c.ListEncryptionEndpoints(ctx, s.projectID, p), func(x EncryptionEndpoint) Blocker {
			return Blocker{ID: x.ID, Provider: p, State: x.Status}
		})
	}, nil)
}

// clouds are the cloud providers.
var clouds = []CloudProvider{CloudProviderAWS, CloudProviderAzure, CloudProviderGCP}

// providers yields the given cloud providers, or only the provider of the cache if it has one.
func (s *listCache) providers(providers ...CloudProvider) func(func(CloudProvider, error) bool) {
	if s.provider != "" {
		providers = []CloudProvider{s.provider}
	}
	return sliceList(providers, nil)
}

// clusterAbsent returns a function that reports whether an error shows that a cluster, or its
// outage simulation, does not exist.
func (s *listCache) clusterAbsent(ctx context.Context) func(Cluster, error) (bool, error) {
	return func(x Cluster, err error) (bool, error) {
		switch e, _ := errors.AsType[*errors.Error](err); {
		case !errors.Is(err, errors.NotFound):
			return false, err
		case e.Operation == "GetOutageSimulation" && isSimulationNotFound(e):
			return true, nil
		case !isClusterNotFound(err, x.Name):
			return false, err
		}
		// Clusters that were deleted and left snapshots are in this list alone.
		kept, wrong := gather(s.c.ListClusters(ctx, s.projectID, ListClustersPageOptions{IncludeDeletedWithRetainedBackups: true}))
		switch {
		case wrong != nil:
			return false, wrong
		case slices.ContainsFunc(kept, func(other Cluster) bool { return other.Name == x.Name }):
			return false, contradicted(err)
		}
		return true, nil
	}
}

// workspaceAbsent returns a function that reports whether an error shows that a stream workspace
// does not exist.
func (s *listCache) workspaceAbsent(ctx context.Context) func(StreamWorkspace, error) (bool, error) {
	return func(x StreamWorkspace, err error) (bool, error) {
		if !isNotFound(err, "STREAM_TENANT_NOT_FOUND_FOR_NAME", x.Name) {
			return false, err
		}
		all, wrong := gather(s.c.ListStreamWorkspaces(ctx, s.projectID))
		switch {
		case wrong != nil:
			return false, wrong
		case slices.ContainsFunc(all, func(other StreamWorkspace) bool { return other.Name == x.Name }):
			return false, contradicted(err)
		}
		return true, nil
	}
}

// listResult is a list and whether it had several pages. Such a list can lack existing items,
// because an item moves to an earlier page when another item is deleted.
type listResult struct {
	found []Blocker
	paged bool
}

// list reads the list of a query. If the parent of the list does not exist, which a read of the
// parent confirms, the list is empty.
func (c *Client) list(ctx context.Context, query listQuery) (l listResult, err error) {
	answers := countAnswers(ctx, func(ctx context.Context) {
		if query.kind.listIn != nil {
			l.found, err = gather(query.kind.listIn(c, ctx, query.organization))
		} else {
			l.found, err = gather(c.listIn(ctx, query))
		}
	})
	l.paged = answers > 1
	if err != nil {
		if err = c.inAbsentParent(ctx, query, err); err != nil {
			return listResult{}, query.passing(err)
		}
		return listResult{}, nil
	}
	for i := range l.found {
		l.found[i].Kind = query.kind.name
	}
	return l, nil
}

// countAnswers returns the number of answers to the requests of a function.
func countAnswers(ctx context.Context, f func(context.Context)) int {
	if ctx == nil { // each request is refused
		f(ctx)
		return 0
	}
	var answers trace.Last
	f(trace.With(ctx, &answers))
	if outer := trace.Of(ctx); outer != nil {
		outer.Note(answers.ID())
	}
	return answers.Answers()
}

// listIn yields the resources of a query in a project.
func (c *Client) listIn(ctx context.Context, query listQuery) list {
	s := c.newListCache(ctx, query.projectID, []BlockerKind{query.kind.name})
	s.provider = query.provider
	parent := Cluster{Name: query.parent}
	if query.kind.name == BlockerShardedSnapshot {
		parent.ClusterType = "SHARDED"
	}
	only := func() ([]Cluster, error) { return []Cluster{parent}, nil }
	if query.kind.unpaged { // a policy is read, whatever else there is
		s.withRetained = only
	}
	if query.parent != "" {
		s.clusters, s.retained = only, only
		s.workspaces = func() ([]StreamWorkspace, error) { return []StreamWorkspace{{Name: query.parent}}, nil }
	}
	if query.provider != "" {
		s.peeringProviders = func() ([]CloudProvider, error) { return []CloudProvider{query.provider}, nil }
	}
	return query.kind.list(s, ctx)
}

// maxStableReads is the maximum number of reads of a list of several pages until two reads agree.
const maxStableReads = 5

// listStable reads the list of a query. It reads a list of several pages until two consecutive
// reads are equal: then no item was deleted during the reads, so neither read lacks an item.
func (c *Client) listStable(ctx context.Context, query listQuery) ([]Blocker, error) {
	var last []string
	for i := range maxStableReads {
		l, err := c.list(ctx, query)
		if err != nil || !l.paged {
			return l.found, err
		}
		ids := make([]string, len(l.found))
		for i, x := range l.found {
			ids[i] = refTo(query, x).stepID()
		}
		slices.Sort(ids)
		if i > 0 && slices.Equal(ids, last) {
			return l.found, nil
		}
		last = ids
	}
	return nil, &errors.Error{
		Provider: provider, Operation: "Teardown", Target: cmp.Or(query.projectID, query.organization), Code: errors.Unavailable,
		Err: errors.New("the list changes between reads"),
	}
}

// convertList converts each item of a list to a blocker.
func convertList[T any](items iter.Seq2[T, error], blocker func(T) Blocker) list {
	return func(yield func(Blocker, error) bool) {
		for item, err := range items {
			if err != nil {
				yield(Blocker{}, err)
				return
			}
			if !yield(blocker(item), nil) {
				return
			}
		}
	}
}

// sliceList returns a list of the items of a slice. A non-nil err follows the items.
func sliceList[T any](items []T, err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, item := range items {
			if !yield(item, nil) {
				return
			}
		}
		if err != nil {
			var none T
			yield(none, err)
		}
	}
}

// lazyList returns a list that calls read when it is ranged over.
func lazyList[T any](read func() ([]T, error), blocker func(T) Blocker) list {
	return func(yield func(Blocker, error) bool) { convertList(sliceList(read()), blocker)(yield) }
}

// listPerParent yields the items of the lists of all parents. A parent can be deleted while its
// list is read: absent reports whether an error shows that. absent is nil for parents that always
// exist.
func listPerParent[T any](parents iter.Seq2[T, error], of func(T) list, absent func(T, error) (bool, error)) list {
	return func(yield func(Blocker, error) bool) {
		for parent, err := range parents {
			if err != nil {
				yield(Blocker{}, err)
				return
			}
			for blocker, err := range of(parent) {
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
				if !yield(blocker, nil) {
					return
				}
			}
		}
	}
}

// gather returns the items of a list.
func gather[T any](list iter.Seq2[T, error]) ([]T, error) { return rest.Gather(list) }

// pageSize is the requested number of items per page, the maximum of the API.
const pageSize = 500

// paged returns a page with the information about further pages. Atlas documents the total as an
// estimate. In all recorded answers it is the number of items, so a list with fewer items is
// incomplete.
func paged[T any](results []T, links []Link, total int) rest.Page[T] {
	return rest.Page[T]{
		Items: results, Size: rest.FullAt(pageSize, parameter(links, "itemsPerPage")),
		More:  slices.ContainsFunc(links, func(l Link) bool { return l.Rel == "next" }),
		Total: total,
	}
}

// isOther reports whether the link of a page to itself has another page number than requested.
// Without a number, the page is the first.
func isOther(links []Link, requested int) bool {
	number := parameter(links, "pageNum")
	return number != 0 && number != max(requested, 1)
}

// parameter returns a number in the query of a page's link to itself; 0 if the query lacks it, -1
// if it is invalid.
func parameter(links []Link, name string) int {
	i := slices.IndexFunc(links, func(l Link) bool { return l.Rel == "self" })
	if i < 0 {
		return 0
	}
	_, query, _ := strings.Cut(links[i].Href, "?")
	for pair := range strings.SplitSeq(query, "&") {
		if value, ok := strings.CutPrefix(pair, name+"="); ok {
			n, err := strconv.Atoi(value)
			if err != nil || n < 0 {
				return -1
			}
			return n
		}
	}
	return 0
}
