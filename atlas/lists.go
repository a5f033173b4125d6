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
	provider  CloudProvider // the only cloud provider to list; "" for all
	kinds     []BlockerKind // the only kinds to list; none for all

	// planned are the resources of the project in the plan, by kind, if the lists are read to
	// apply the plan; nil otherwise.
	planned map[BlockerKind][]ref

	// removed reports whether the run that applies the plan deleted the cluster with this ID of
	// Atlas; nil if no run does.
	removed func(uid string) bool

	clusters         func() ([]Cluster, error) // not deleted
	withRetained     func() ([]Cluster, error) // not deleted, or deleted with retained snapshots
	retained         func() ([]Cluster, error) // deleted with retained snapshots
	workspaces       func() ([]StreamWorkspace, error)
	peeringProviders func() ([]CloudProvider, error) // at which the project has a network
	services         map[CloudProvider]func() ([]PrivateEndpointService, error)
}

// newListCache returns the lists of a project, for the given kinds, or for all kinds if none is
// given.
func (c *Client) newListCache(ctx context.Context, projectID string, kinds []BlockerKind) *listCache {
	lists := &listCache{c: c, projectID: projectID, kinds: kinds, services: map[CloudProvider]func() ([]PrivateEndpointService, error){}}
	lists.withRetained = sync.OnceValues(func() ([]Cluster, error) {
		return gather(c.ListClusters(ctx, projectID, ListClustersPageOptions{IncludeDeletedWithRetainedBackups: true}))
	})
	lists.clusters = sync.OnceValues(func() ([]Cluster, error) {
		// The longer list is read for other kinds anyway, and is usually empty.
		if lists.readsRetained() {
			if retained, err := lists.withRetained(); err != nil || len(retained) == 0 {
				return nil, err
			}
		}
		return gather(c.ListClusters(ctx, projectID, ListClustersPageOptions{}))
	})
	lists.retained = sync.OnceValues(func() ([]Cluster, error) {
		present, err := lists.clusters()
		if err != nil {
			return nil, err
		}
		retained, err := lists.withRetained()
		return slices.DeleteFunc(slices.Clone(retained), func(x Cluster) bool {
			return slices.ContainsFunc(present, func(other Cluster) bool { return other.ID == x.ID })
		}), err
	})
	lists.workspaces = sync.OnceValues(func() ([]StreamWorkspace, error) {
		return gather(c.ListStreamWorkspaces(ctx, projectID))
	})
	// A peering is in a network container, and one list has the containers of all providers.
	lists.peeringProviders = sync.OnceValues(func() ([]CloudProvider, error) {
		containers, err := gather(c.ListNetworkContainers(ctx, projectID))
		return slices.DeleteFunc(slices.Clone(clouds), func(p CloudProvider) bool {
			return !slices.ContainsFunc(containers, func(x NetworkContainer) bool { return x.ProviderName == p })
		}), err
	})
	for _, p := range clouds {
		lists.services[p] = sync.OnceValues(func() ([]PrivateEndpointService, error) {
			return c.ListPrivateEndpointServices(ctx, projectID, p)
		})
	}
	return lists
}

// blockers yields the blockers of the project, of the kinds of the cache.
func (lists *listCache) blockers(ctx context.Context) list {
	return func(yield func(Blocker, error) bool) {
		for _, k := range kinds() {
			if k.list == nil || k.manual || !lists.includes(k.name) || lists.planned != nil && !lists.mustList(&k) {
				continue
			}
			for blocker, err := range k.list(lists, ctx) {
				blocker.Kind = k.name
				if !yield(blocker, err) || err != nil {
					return
				}
			}
		}
	}
}

// includes reports whether the cache lists blockers of a kind.
func (lists *listCache) includes(kind BlockerKind) bool {
	return len(lists.kinds) == 0 || slices.Contains(lists.kinds, kind)
}

// mustList reports whether a kind is listed before a plan is applied. A kind is not listed if the
// teardown can neither delete a new resource of the kind unseen nor delete the organization
// despite the resource.
func (lists *listCache) mustList(k *kind) bool {
	snapshots := k.name == BlockerSnapshot || k.name == BlockerShardedSnapshot
	return !k.enforced || len(lists.planned[k.name]) > 0 || len(lists.planned[k.listedWith]) > 0 || snapshots && lists.clusterMissing()
}

// clusterMissing reports whether a cluster of the plan does not exist and this run did not delete
// it: another user may have retained its snapshots on purpose.
func (lists *listCache) clusterMissing() bool {
	if len(lists.planned[BlockerCluster]) == 0 {
		return false
	}
	present, err := lists.clusters()
	return err != nil || slices.ContainsFunc(lists.planned[BlockerCluster], func(r ref) bool {
		return (lists.removed == nil || !lists.removed(r.UID)) &&
			!slices.ContainsFunc(present, func(x Cluster) bool { return x.ID == r.UID })
	})
}

// readsRetained reports whether deleted clusters with retained snapshots are listed.
func (lists *listCache) readsRetained() bool {
	if lists.planned != nil {
		return len(lists.planned[BlockerSnapshot]) > 0 || len(lists.planned[BlockerShardedSnapshot]) > 0
	}
	return lists.includes(BlockerBackupCompliancePolicy) || lists.includes(BlockerSnapshot) || lists.includes(BlockerShardedSnapshot)
}

// maxArchiveLists is the maximum number of clusters of a project whose online archives are all
// listed before a plan is applied: a new archive would be deleted along with its cluster. In a
// project with more clusters, only the clusters that have archives in the plan are listed.
const maxArchiveLists = 100

// clustersWith returns the clusters whose resources of a kind are listed: all clusters or, before
// a plan is applied and if there are more than limit, the clusters that have such a resource in
// the plan.
func (lists *listCache) clustersWith(kind BlockerKind, limit int) ([]Cluster, error) {
	all, err := lists.clusters()
	if err != nil || lists.planned == nil || len(all) <= limit {
		return all, err
	}
	planned := map[string]bool{}
	for _, r := range lists.planned[kind] {
		if r.kind == nil { // the step can be of any cluster
			return all, nil
		}
		planned[r.query().parent] = true
	}
	return slices.DeleteFunc(slices.Clone(all), func(x Cluster) bool { return !planned[x.Name] }), nil
}

// presentClusters lists the clusters that are not deleted.
func (lists *listCache) presentClusters(context.Context) list {
	return convertList(sliceList(lists.clusters()), clusterBlocker)
}

// outageSimulations lists the outage simulations of all clusters.
func (lists *listCache) outageSimulations(ctx context.Context) list {
	return listPerParent(sliceList(lists.clustersWith(BlockerOutageSimulation, 0)), func(x Cluster) list {
		return func(yield func(Blocker, error) bool) {
			found, err := lists.c.GetOutageSimulation(ctx, lists.projectID, x.Name)
			if err != nil {
				yield(Blocker{}, err)
			} else if found.State != OutageSimulationStateComplete {
				yield(Blocker{ID: x.Name, UID: found.ID, State: string(found.State)}, nil)
			}
		}
	}, lists.clusterAbsent(ctx))
}

// onlineArchives lists the online archives of all clusters.
func (lists *listCache) onlineArchives(ctx context.Context) list {
	return listPerParent(sliceList(lists.clustersWith(BlockerOnlineArchive, maxArchiveLists)), func(x Cluster) list {
		return func(yield func(Blocker, error) bool) {
			for archive, err := range lists.c.ListOnlineArchives(ctx, lists.projectID, x.Name) {
				if err == nil && archive.State == OnlineArchiveStateDeleted {
					continue
				}
				if !yield(Blocker{ID: archive.ID, Parent: x.Name, State: string(archive.State)}, err) {
					return
				}
			}
		}
	}, lists.clusterAbsent(ctx))
}

// backupCompliancePolicy reads the policy of the project. If no policy was ever set, Atlas can
// answer with a policy without a state.
func (lists *listCache) backupCompliancePolicy(ctx context.Context) list {
	return func(yield func(Blocker, error) bool) {
		switch retained, err := lists.withRetained(); {
		case err != nil:
			yield(Blocker{}, err)
			return
		case len(retained) == 0:
			return
		}
		policy, err := lists.c.GetBackupCompliancePolicy(ctx, lists.projectID)
		switch {
		case err == nil && policy.State != "":
			yield(Blocker{ID: lists.projectID, State: policy.State, Protected: !policy.Deletable}, nil)
		case err != nil && !isPolicyNotFound(err):
			yield(Blocker{}, err)
		}
	}
}

// policyProtection yields the policy if only the vendor's support can permit its deletion.
func (lists *listCache) policyProtection(ctx context.Context) list {
	return func(yield func(Blocker, error) bool) {
		for blocker, err := range lists.backupCompliancePolicy(ctx) {
			if (err != nil || blocker.Protected) && !yield(blocker, err) {
				return
			}
		}
	}
}

// snapshots lists the retained snapshots of deleted clusters.
func (lists *listCache) snapshots(ctx context.Context, sharded bool) list {
	return listPerParent(sliceList(lists.retained()), func(x Cluster) list {
		switch {
		case sharded != (x.ClusterType == "SHARDED" || x.ClusterType == "GEOSHARDED"):
			return func(func(Blocker, error) bool) {}
		case sharded:
			return convertList(sliceList(lists.c.ListShardedSnapshots(ctx, lists.projectID, x.Name)), func(found ShardedSnapshot) Blocker {
				return Blocker{ID: found.ID, Parent: x.Name, State: found.Status}
			})
		}
		return convertList(lists.c.ListSnapshots(ctx, lists.projectID, x.Name), func(found Snapshot) Blocker {
			return Blocker{ID: found.ID, Parent: x.Name, State: found.Status}
		})
	}, lists.clusterAbsent(ctx))
}

// networkPeerings lists the network peerings at each cloud provider at which the project has a
// network.
func (lists *listCache) networkPeerings(ctx context.Context) list {
	return listPerParent(sliceList(lists.peeringProviders()), func(p CloudProvider) list {
		options := ListNetworkPeeringsPageOptions{ProviderName: p}
		return convertList(lists.c.ListNetworkPeerings(ctx, lists.projectID, options), func(x NetworkPeering) Blocker {
			return Blocker{ID: x.ID, Provider: p, State: x.Status + x.StatusName}
		})
	}, nil)
}

// streamProcessors lists the processors of all stream workspaces.
func (lists *listCache) streamProcessors(ctx context.Context) list {
	return listPerParent(sliceList(lists.workspaces()), func(x StreamWorkspace) list {
		return convertList(lists.c.ListStreamProcessors(ctx, lists.projectID, x.Name), func(p StreamProcessor) Blocker {
			return Blocker{ID: p.Name, UID: p.ID, Parent: x.Name, State: p.State}
		})
	}, lists.workspaceAbsent(ctx))
}

// privateEndpoints lists the endpoints of all private endpoint services.
func (lists *listCache) privateEndpoints(context.Context) list {
	return lists.endpointServices(func(p CloudProvider, x PrivateEndpointService) (blockers []Blocker) {
		for _, id := range slices.Concat(x.InterfaceEndpoints, x.PrivateEndpoints, x.EndpointGroupNames) {
			blockers = append(blockers, Blocker{ID: id, Parent: x.ID, Provider: p})
		}
		return blockers
	})
}

// privateEndpointServices lists the private endpoint services.
func (lists *listCache) privateEndpointServices(context.Context) list {
	return lists.endpointServices(func(p CloudProvider, x PrivateEndpointService) []Blocker {
		return []Blocker{{ID: x.ID, Provider: p, State: x.Status}}
	})
}

// endpointServices yields what blockersOf returns for each private endpoint service of each cloud
// provider.
func (lists *listCache) endpointServices(blockersOf func(CloudProvider, PrivateEndpointService) []Blocker) list {
	return func(yield func(Blocker, error) bool) {
		for _, p := range lists.providers(clouds...) {
			services, err := lists.services[p]()
			if err != nil {
				yield(Blocker{}, err)
				return
			}
			for _, service := range services {
				for _, blocker := range blockersOf(p, service) {
					if !yield(blocker, nil) {
						return
					}
				}
			}
		}
	}
}

// encryptionEndpoints lists the private endpoints for encryption at rest.
func (lists *listCache) encryptionEndpoints(ctx context.Context) list {
	return listPerParent(sliceList(lists.providers(CloudProviderAWS, CloudProviderAzure), nil), func(p CloudProvider) list {
		return convertList(lists.c.ListEncryptionEndpoints(ctx, lists.projectID, p), func(x EncryptionEndpoint) Blocker {
			return Blocker{ID: x.ID, Provider: p, State: x.Status}
		})
	}, nil)
}

// clouds are the cloud providers.
var clouds = []CloudProvider{CloudProviderAWS, CloudProviderAzure, CloudProviderGCP}

// providers returns the given cloud providers, or only the provider of the cache if it has one.
func (lists *listCache) providers(providers ...CloudProvider) []CloudProvider {
	if lists.provider != "" {
		return []CloudProvider{lists.provider}
	}
	return providers
}

// clusterAbsent returns a function that reports whether an error shows that a cluster, or its
// outage simulation, does not exist.
func (lists *listCache) clusterAbsent(ctx context.Context) func(Cluster, error) (bool, error) {
	return func(x Cluster, err error) (bool, error) {
		switch e, _ := errors.AsType[*errors.Error](err); {
		case !errors.Is(err, errors.NotFound):
			return false, err
		case e.Operation == "GetOutageSimulation" && isSimulationNotFound(e):
			return true, nil
		case !isClusterNotFound(err, x.Name):
			return false, err
		}
		// Only this list has deleted clusters with retained snapshots.
		retained, readErr := gather(lists.c.ListClusters(ctx, lists.projectID, ListClustersPageOptions{IncludeDeletedWithRetainedBackups: true}))
		switch {
		case readErr != nil:
			return false, readErr
		case slices.ContainsFunc(retained, func(other Cluster) bool { return other.Name == x.Name }):
			return false, contradicted(err)
		}
		return true, nil
	}
}

// workspaceAbsent returns a function that reports whether an error shows that a stream workspace
// does not exist.
func (lists *listCache) workspaceAbsent(ctx context.Context) func(StreamWorkspace, error) (bool, error) {
	return func(x StreamWorkspace, err error) (bool, error) {
		if !isNotFound(err, "STREAM_TENANT_NOT_FOUND_FOR_NAME", x.Name) {
			return false, err
		}
		all, readErr := gather(lists.c.ListStreamWorkspaces(ctx, lists.projectID))
		switch {
		case readErr != nil:
			return false, readErr
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
			return listResult{}, query.asTransient(err)
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
	if ctx == nil { // every request fails
		f(ctx)
		return 0
	}
	var answers trace.Last
	f(trace.With(ctx, &answers))
	return answers.Answers()
}

// listIn yields the resources of a query in a project.
func (c *Client) listIn(ctx context.Context, query listQuery) list {
	lists := c.newListCache(ctx, query.projectID, []BlockerKind{query.kind.name})
	lists.provider = query.provider
	parent := Cluster{Name: query.parent}
	if query.kind.name == BlockerShardedSnapshot {
		parent.ClusterType = "SHARDED"
	}
	only := func() ([]Cluster, error) { return []Cluster{parent}, nil }
	if query.kind.unpaged { // read the policy even if the project has no cluster
		lists.withRetained = only
	}
	if query.parent != "" {
		lists.clusters, lists.retained = only, only
		lists.workspaces = func() ([]StreamWorkspace, error) { return []StreamWorkspace{{Name: query.parent}}, nil }
	}
	if query.provider != "" {
		lists.peeringProviders = func() ([]CloudProvider, error) { return []CloudProvider{query.provider}, nil }
	}
	return query.kind.list(lists, ctx)
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
func convertList[T any](items iter.Seq2[T, error], convert func(T) Blocker) list {
	return func(yield func(Blocker, error) bool) {
		for item, err := range items {
			if err != nil {
				yield(Blocker{}, err)
				return
			}
			if !yield(convert(item), nil) {
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
func lazyList[T any](read func() ([]T, error), convert func(T) Blocker) list {
	return func(yield func(Blocker, error) bool) { convertList(sliceList(read()), convert)(yield) }
}

// listPerParent yields the items of the lists of all parents. A parent can be deleted while its
// list is read: absent reports whether an error shows that. absent is nil for parents that always
// exist.
func listPerParent[T any](parents iter.Seq2[T, error], listOf func(T) list, absent func(T, error) (bool, error)) list {
	return func(yield func(Blocker, error) bool) {
		for parent, err := range parents {
			if err != nil {
				yield(Blocker{}, err)
				return
			}
			for blocker, err := range listOf(parent) {
				if err != nil && absent != nil {
					var isAbsent bool
					if isAbsent, err = absent(parent, err); isAbsent {
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
