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
		c.newListCache(ctx, projectID, kinds).blockers(ctx)(yield)
	}
}

// list is a list of what is left, which may end with an error.
type list = iter.Seq2[Blocker, error]

// sources are the lists of a project that several kinds of what is left are found
// by. Each is read once at most.
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

// sources are those of a whole project, for some kinds or all of them.
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

// all yields the resources in a project, of the kinds that are asked for.
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

// asked reports whether resources of a kind are looked for.
func (s *listCache) includes(kind BlockerKind) bool {
	return len(s.kinds) == 0 || slices.Contains(s.kinds, kind)
}

// needed reports whether a kind is listed before a plan is applied: not if a new resource
// of it could neither be deleted unseen nor leave the organization to be deleted.
func (s *listCache) mustList(k *kind) bool {
	snapshots := k.name == BlockerSnapshot || k.name == BlockerShardedSnapshot
	return !k.enforced || len(s.planned[k.name]) > 0 || len(s.planned[k.listedWith]) > 0 || snapshots && s.clusterMissing()
}

// clusterMissing reports whether a cluster of the plan does not exist, and this run has not
// deleted it: somebody may have kept its snapshots on purpose.
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

// readsKept reports whether clusters that were deleted and have left snapshots are listed.
func (s *listCache) readsRetained() bool {
	if s.planned != nil {
		return len(s.planned[BlockerSnapshot]) > 0 || len(s.planned[BlockerShardedSnapshot]) > 0
	}
	return s.includes(BlockerBackupCompliancePolicy) || s.includes(BlockerSnapshot) || s.includes(BlockerShardedSnapshot)
}

// maxArchiveLists is for how many clusters of a project the read before a plan is applied
// lists the online archives: a new archive would be deleted with its cluster. Where there
// are more clusters, it lists those of the clusters that have archives in the plan.
const maxArchiveLists = 100

// clustersWith returns the clusters for which a list of their resources is read: all of
// them, or before a plan is applied, if there are more than limit, those for which the plan
// has such a resource.
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

func (s *listCache) presentClusters(context.Context) list {
	return convertList(sliceList(s.clusters()), clusterBlocker)
}

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

// backupCompliancePolicy reads the policy of a project. One that was never set may
// be answered without a state.
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

// policyProtection yields a policy that only the vendor's support can let be deleted.
func (s *listCache) policyProtection(ctx context.Context) list {
	return func(yield func(Blocker, error) bool) {
		for blocker, err := range s.backupCompliancePolicy(ctx) {
			if (err != nil || blocker.Protected) && !yield(blocker, err) {
				return
			}
		}
	}
}

// snapshots lists what clusters have left behind.
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

func (s *listCache) networkPeerings(ctx context.Context) list {
	return listPerParent(sliceList(s.peeringProviders()), func(p CloudProvider) list {
		options := ListNetworkPeeringsPageOptions{ProviderName: p}
		return convertList(s.c.ListNetworkPeerings(ctx, s.projectID, options), func(x NetworkPeering) Blocker {
			return Blocker{ID: x.ID, Provider: p, State: x.Status + x.StatusName}
		})
	}, nil)
}

func (s *listCache) streamProcessors(ctx context.Context) list {
	return listPerParent(sliceList(s.workspaces()), func(x StreamWorkspace) list {
		return convertList(s.c.ListStreamProcessors(ctx, s.projectID, x.Name), func(p StreamProcessor) Blocker {
			return Blocker{ID: p.Name, UID: p.ID, Parent: x.Name, State: p.State}
		})
	}, s.workspaceAbsent(ctx))
}

func (s *listCache) privateEndpoints(context.Context) list {
	return s.endpointServices(func(p CloudProvider, x PrivateEndpointService) (blocker []Blocker) {
		for _, id := range slices.Concat(x.InterfaceEndpoints, x.PrivateEndpoints, x.EndpointGroupNames) {
			blocker = append(blocker, Blocker{ID: id, Parent: x.ID, Provider: p})
		}
		return blocker
	})
}

func (s *listCache) privateEndpointServices(context.Context) list {
	return s.endpointServices(func(p CloudProvider, x PrivateEndpointService) []Blocker {
		return []Blocker{{ID: x.ID, Provider: p, State: x.Status}}
	})
}

// endpointServices lists what the private endpoint services of all cloud providers
// have.
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

func (s *listCache) encryptionEndpoints(ctx context.Context) list {
	return listPerParent(s.providers(CloudProviderAWS, CloudProviderAzure), func(p CloudProvider) list {
		return convertList(s.c.ListEncryptionEndpoints(ctx, s.projectID, p), func(x EncryptionEndpoint) Blocker {
			return Blocker{ID: x.ID, Provider: p, State: x.Status}
		})
	}, nil)
}

// clouds are the cloud providers.
var clouds = []CloudProvider{CloudProviderAWS, CloudProviderAzure, CloudProviderGCP}

// at yields the cloud providers at which to look.
func (s *listCache) providers(providers ...CloudProvider) func(func(CloudProvider, error) bool) {
	if s.provider != "" {
		providers = []CloudProvider{s.provider}
	}
	return sliceList(providers, nil)
}

// clusterAbsent returns a function that reports whether an error shows that a cluster,
// or the one resource that it has of a kind, does not exist.
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

// workspaceAbsent returns a function that reports whether an error shows that a stream
// workspace does not exist.
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

// listed is a list, and whether it may have had several pages: an item that is not in
// such a list may exist, because items move to an earlier page when others are removed.
type listResult struct {
	found []Blocker
	paged bool
}

// list reads a scope. If the parent of the scope does not exist, which a read of the
// parent shows, nothing is in it.
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

// counted counts the answers to the requests of a function.
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

// listIn yields the resources of a scope in a project.
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

// maxUnstable is how often a list of several pages is read until two reads agree.
const maxStableReads = 5

// stable reads a list of a scope. One of several pages is read until two reads after
// each other are equal: then no item was removed between their pages, so that none was
// left out of both.
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

// each makes a list of another one.
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

// whole makes a list of one that comes in one piece.
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

// deferred makes a list of a function that is called when the list is read.
func lazyList[T any](read func() ([]T, error), blocker func(T) Blocker) list {
	return func(yield func(Blocker, error) bool) { convertList(sliceList(read()), blocker)(yield) }
}

// within goes through the lists of all parents. A parent may be deleted while its list
// is read: absent reports whether an error shows that; nil for a parent that always
// exists.
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

// gather takes all of a list.
func gather[T any](list iter.Seq2[T, error]) ([]T, error) { return rest.Gather(list) }

// pageSize is the largest page that the API gives.
const pageSize = 500

// paged returns a page with what its answer says of further pages. Atlas documents that
// the total is an estimate; it is the number of items in all recorded answers, so that a
// list with fewer items is no list.
func paged[T any](results []T, links []Link, total int) rest.Page[T] {
	return rest.Page[T]{
		Items: results, Size: rest.FullAt(pageSize, parameter(links, "itemsPerPage")),
		More:  slices.ContainsFunc(links, func(l Link) bool { return l.Rel == "next" }),
		Total: total,
	}
}

// isOther reports whether a page links to itself as another than was requested. Without a
// number the first was.
func isOther(links []Link, requested int) bool {
	number := parameter(links, "pageNum")
	return number != 0 && number != max(requested, 1)
}

// parameter returns a number in the query of a page's link to itself; 0 if there is none.
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
