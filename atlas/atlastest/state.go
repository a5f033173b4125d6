package atlastest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/internal/fake"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// basePath is the prefix of all paths.
const basePath = "/api/atlas/v2"

// Organization is an organization at the fake.
type Organization struct {
	// ID is the ID of the organization, 24 hexadecimal digits.
	ID string

	// Name is the name of the organization. The default is ID.
	Name string

	// LiveMigration is true if a live migration runs.
	LiveMigration bool

	// FailedPayments is true if a payment failed.
	FailedPayments bool

	// Lingers is true if reads find the organization after its deletion, with isDeleted.
	Lingers bool

	// Federation is the ID of the federation that the organization is connected to, 24 hexadecimal
	// digits; "" for none.
	Federation string

	// LinkedProjects are the names of the projects that can migrate by the live migration link.
	LinkedProjects []string

	projects []*project
	deleted  bool
}

// Project is a project of an organization.
type Project struct {
	// ID is the ID of the project, 24 hexadecimal digits.
	ID string

	// Name is the name of the project. The default is ID.
	Name string

	// Clusters is the initial number of clusters. [Server.AddResource] adds more.
	Clusters int

	// Takes is the time between the acceptance of the deletion and its end. Until then the project
	// blocks its organization, and reads show no change.
	Takes time.Duration
}

// route is the method and path of an operation.
type route struct {
	operation, method, path string
	version                 string // of the resource
	handler                 handler
}

// v2023 is the version of most resources.
const v2023 = "2023-01-01"

// AddOrganization adds an organization.
func (s *Server) AddOrganization(o Organization) {
	o.Name = cmp.Or(o.Name, o.ID)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.organizations = append(s.organizations, &o)
}

// AddProject adds a project to an organization.
func (s *Server) AddProject(orgID string, p Project) {
	p.Name = cmp.Or(p.Name, p.ID)
	s.mu.Lock()
	defer s.mu.Unlock()
	o := fake.Known("organization", orgID, s.find(orgID))
	added := &project{Project: p, organization: o}
	o.projects = append(o.projects, added)
	for i := range p.Clusters {
		s.add(added, Resource{Kind: atlas.BlockerCluster, ID: fmt.Sprintf("cluster-%d", i)})
	}
}

// RemoveProjects removes all projects of an organization.
func (s *Server) RemoveProjects(orgID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := fake.Known("organization", orgID, s.find(orgID))
	o.projects = nil
}

// Resolve resolves the blockers of an organization that no operation can resolve: it ends the live
// migration, makes the payments, and permits the deletion of backup compliance policies.
func (s *Server) Resolve(orgID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := fake.Known("organization", orgID, s.find(orgID))
	o.LiveMigration, o.FailedPayments = false, false
	for _, p := range o.projects {
		for _, r := range p.resources {
			if r.Kind == atlas.BlockerBackupCompliancePolicy {
				r.Protected = false
			}
		}
	}
}

// RemoveOrganization removes an organization and its credentials, like a deletion by another client.
func (s *Server) RemoveOrganization(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := fake.Known("organization", id, s.find(id))
	s.remove(o)
}

// Exists reports whether an organization exists.
func (s *Server) Exists(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.find(id)
	return o != nil && !o.deleted
}

// Organization returns the present state of an organization; the zero Organization if it does not
// exist.
func (s *Server) Organization(id string) Organization {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.find(id)
	if o == nil || o.deleted {
		return Organization{}
	}
	return Organization{
		ID: o.ID, Name: o.Name, LiveMigration: o.LiveMigration, FailedPayments: o.FailedPayments, Lingers: o.Lingers,
		Federation: o.Federation, LinkedProjects: slices.Clone(o.LinkedProjects),
	}
}

// Projects returns the projects of an organization, in the order in which they were added. Clusters
// is the initial number of clusters.
func (s *Server) Projects(orgID string) []Project {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle(time.Now())
	var all []Project
	if o := s.find(orgID); o != nil {
		for _, p := range o.projects {
			all = append(all, p.Project)
		}
	}
	return all
}

// Deleted returns the IDs of all organizations that requests deleted, in order.
func (s *Server) Deleted() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.deleted)
}

func (s *Server) find(id string) *Organization {
	for _, o := range s.organizations {
		if o.ID == id {
			return o
		}
	}
	return nil
}

// remove deletes an organization and its credentials.
func (s *Server) remove(o *Organization) {
	o.deleted, o.projects = true, nil
	if !o.Lingers {
		s.organizations = slices.DeleteFunc(s.organizations, func(other *Organization) bool { return other == o })
	}
	s.credentials.end(o.ID)
}

// handler answers a request with an accepted credential.
type handler func(http.ResponseWriter, *http.Request, *Credential)

// version returns the date in an Accept header; "" if it is invalid. The date selects the latest
// version of a resource up to the date. The fake has the latest version.
func version(accept string) string {
	date, prefixed := strings.CutPrefix(accept, "application/vnd.atlas.")
	date, suffixed := strings.CutSuffix(date, "+json")
	if _, err := time.Parse(time.DateOnly, date); err != nil || !prefixed || !suffixed {
		return ""
	}
	return date
}

// versioned sets the media type of the version on successful answers.
type versioned struct {
	http.ResponseWriter
	version string
}

func (w versioned) WriteHeader(status int) {
	if status == http.StatusOK {
		w.Header().Set("Content-Type", "application/vnd.atlas."+w.version+"+json")
	}
	w.ResponseWriter.WriteHeader(status)
}

// general is the prefix of a reason that Atlas answers without a specific code.
const general = "ATLAS_GENERAL_ERROR: "

// descriptions are the fake's own texts for the codes.
var descriptions = map[string]string{
	"ACCESS_FORBIDDEN":                                                    "This is not allowed.",
	"CANNOT_DELETE_IN_PROGRESS_SNAPSHOT":                                  "The snapshot is being taken.",
	"CANNOT_DELETE_ORG_ACTIVE_LIVE_MIGRATION_ATLAS_ORG_LINK":              "A live migration is running.",
	"CANNOT_DELETE_ORG_FAILED_PAYMENTS":                                   "A payment has failed.",
	"CANNOT_DELETE_PRIVATELINK_WITH_ENDPOINTS":                            "The service has endpoints.",
	"CANNOT_DELETE_SNAPSHOT_WITH_BACKUP_COMPLIANCE_POLICY":                "A policy protects the snapshot.",
	"CANNOT_TERMINATE_CLUSTER_WHEN_TERMINATION_PROTECTION_ENABLED":        "The cluster is protected.",
	"CANNOT_TERMINATE_CLUSTER_WITH_UNDERGOING_REGIONAL_OUTAGE_SIMULATION": "An outage is simulated.",
	"CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API":                              "This is a flex cluster.",
	"CANNOT_USE_NON_FLEX_CLUSTER_IN_FLEX_API":                             "This is not a flex cluster.",
	"CLUSTER_ALREADY_REQUESTED_DELETION":                                  "The cluster is being deleted.",
	"CLUSTER_NOT_FOUND":                                                   "The cluster does not exist.",
	"CONTAINERS_IN_USE":                                                   "The container is in use.",
	"DATA_FEDERATION_TENANT_NOT_FOUND_FOR_NAME":                           "The instance does not exist.",
	"GROUP_NOT_FOUND":                                                     "The project does not exist.",
	"INVALID_GROUP_ID":                                                    "The ID is not an ID of a project.",
	"INVALID_ORG_ID":                                                      "The ID is not an ID of an organization.",
	"INVALID_VERSION_DATE":                                                "The version is not valid.",
	"IP_ADDRESS_NOT_ON_ACCESS_LIST":                                       "The address is not on the access list.",
	"NOT_IN_GROUP":                                                        "The credential is not in the project.",
	"NOT_ORG_OWNER":                                                       "The credential is not an owner.",
	"ORG_NOT_EMPTY":                                                       "The organization has projects.",
	"ORG_NOT_FOUND":                                                       "The organization does not exist.",
	"PEER_ALREADY_REQUESTED_DELETION":                                     "The peering is being deleted.",
	"PEER_NOT_FOUND":                                                      "The peering does not exist.",
	"PRIVATE_ENDPOINT_SERVICE_NOT_FOUND":                                  "The service does not exist.",
	"RATE_LIMITED":                                                        "There were too many requests.",
	"RATE_LIMITED_TOKEN_BUCKET":                                           "The bucket is empty.",
	"RESOURCE_NOT_FOUND":                                                  "The resource does not exist.",
	"SNAPSHOT_NOT_FOUND":                                                  "The snapshot does not exist.",
	"STREAM_TENANT_HAS_STREAM_PROCESSORS":                                 "The workspace has processors.",
	"STREAM_TENANT_NOT_FOUND_FOR_NAME":                                    "The workspace does not exist.",
	"UNEXPECTED_ERROR":                                                    "The external link does not exist.",
	"USER_UNAUTHORIZED":                                                   "The credential lacks a role.",
	"VALIDATION_ERROR":                                                    "A value is not valid.",
	"VERSION_GONE":                                                        "The version was sunset.",
}

const federation = "/federationSettings/{federationSettingsId}"

// hexID derives an ID from a name: the bytes of the name, repeated or cut.
func hexID(name string) string {
	const digits = "0123456789abcdef"
	id := make([]byte, 0, 24)
	for i := 0; len(id) < 24; i++ {
		b := byte(i)
		if name != "" {
			b = name[i%len(name)]
		}
		id = append(id, digits[b>>4], digits[b&15])
	}
	return string(id)
}

// of returns the credentials of an organization, sorted by ID.
func of(o *Organization, all map[string]*Credential) []*Credential {
	var found []*Credential
	for _, id := range slices.Sorted(maps.Keys(all)) {
		if all[id].Organization == o.ID {
			found = append(found, all[id])
		}
	}
	return found
}

// bucket is the token bucket of an operation.
type bucket struct {
	capacity, refill int
	period           time.Duration
	tokens           int
	filled           time.Time // time of the last refill
}

// TokenRequest is the operation of a request for a token.
const TokenRequest = "token request"

// Credentials that the fake accepts initially. They are owners of all organizations.
const (
	ClientID     = "mdb_sa_id_atlastest"
	ClientSecret = "mdb_sa_sk_atlastest"
	PublicKey    = "atlastest"
	PrivateKey   = "atlastest-private-key"

	// Token is an access token of the service account that never expires.
	Token = "atlastest-token"
)

// Credential is a service account or an API key at the fake.
type Credential struct {
	// ID is the client ID or the public key.
	ID string

	// Secret is the client secret or the private key.
	Secret string

	// Organization is the only organization that the credential can access. The deletion of the
	// organization invalidates the credential. "" means all organizations.
	Organization string

	// Member is true if the credential can only read.
	Member bool
}

func (c *Credential) reaches(orgID string) bool {
	return c.Organization == "" || c.Organization == orgID
}

// AddServiceAccount adds a service account.
func (s *Server) AddServiceAccount(c Credential) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.require(c)
	s.credentials.serviceAccounts[c.ID] = &c
}

// AddAPIKey adds an API key.
func (s *Server) AddAPIKey(c Credential) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.require(c)
	s.credentials.apiKeys[c.ID] = &c
}

// require panics if the organization of a credential does not exist.
func (s *Server) require(c Credential) {
	if c.Organization != "" {
		fake.Known("organization", c.Organization, s.find(c.Organization))
	}
}

// tokenPath is the path of the token endpoint.
const tokenPath = "/api/oauth/token"

// lifetime is the lifetime of a token.
const lifetime = time.Hour

// credentials are the credentials that the fake accepts.
type credentials struct {
	serviceAccounts map[string]*Credential
	apiKeys         map[string]*Credential
	tokens          map[string]issued
	nonces          map[string]map[int]bool // used counts, by nonce
	made            int                     // number of tokens and nonces made
	perMinute       int
	requests        map[string][]time.Time // times of token requests in the last minute, by client ID
}

// issued is an access token.
type issued struct {
	credential *Credential
	until      time.Time // zero if the token never expires
}

func newCredentials() credentials {
	account := &Credential{ID: ClientID, Secret: ClientSecret}
	return credentials{
		serviceAccounts: map[string]*Credential{ClientID: account},
		apiKeys:         map[string]*Credential{PublicKey: {ID: PublicKey, Secret: PrivateKey}},
		tokens:          map[string]issued{Token: {credential: account}},
		nonces:          map[string]map[int]bool{},
		perMinute:       10,
		requests:        map[string][]time.Time{},
	}
}

// end invalidates the credentials of an organization.
func (c *credentials) end(orgID string) {
	of := func(_ string, credential *Credential) bool { return credential.Organization == orgID }
	maps.DeleteFunc(c.serviceAccounts, of)
	maps.DeleteFunc(c.apiKeys, of)
	maps.DeleteFunc(c.tokens, func(_ string, t issued) bool { return t.credential.Organization == orgID })
}

const realm = "MMS Public API"

// next returns a numbered name.
func (c *credentials) next(kind string) string {
	c.made++
	return fmt.Sprintf("atlastest-%s-%d", kind, c.made)
}

// permitted counts a request for a token, unless the limit of the last minute is reached.
func (c *credentials) permitted(id string) bool {
	now := time.Now()
	last := slices.DeleteFunc(c.requests[id], func(at time.Time) bool { return now.Sub(at) >= time.Minute })
	ok := len(last) < c.perMinute
	if ok {
		last = append(last, now)
	}
	c.requests[id] = last
	return ok
}

// KindNetworkContainer is the kind of network containers. They do not block the deletion of a project.
const KindNetworkContainer atlas.BlockerKind = "network_container"

// Resource is a resource of a project, of a kind of package atlas or of [KindNetworkContainer]. The
// fake adds a missing network container along with a peering.
type Resource struct {
	// Kind is the kind of the resource.
	Kind atlas.BlockerKind

	// ID is the argument of the operations: the name of a cluster, a stream workspace, a stream
	// processor or a federated database, and the ID of any other resource. The default is generated.
	ID string

	// Parent is the name of the cluster or stream workspace, or the ID of the private endpoint
	// service, that the resource belongs to. An outage simulation has no ID of its own.
	Parent string

	// Provider is the cloud provider. The default is AWS.
	Provider atlas.CloudProvider

	// State is the state of the resource. The default is the usual state of its kind.
	State string

	// Protected is true if a cluster has termination protection, or if a backup compliance policy
	// cannot be deleted before [Server.Resolve].
	Protected bool

	// Sharded is true if a cluster is sharded.
	Sharded bool

	// Retained is true if a cluster was deleted with retained snapshots.
	Retained bool

	// Takes is the time between the acceptance of the deletion and its end, for kinds that Atlas
	// does not delete at once. The default is set by [Server.SetDeletionTime].
	Takes time.Duration

	// Fails is true if the first deletion fails after Takes.
	Fails bool

	// RemovedAfter is the number of accepted deletions after which the resource is deleted. The
	// default is 1. A federation endpoint can need two.
	RemovedAfter int

	deleting string    // state during the deletion
	id       string    // 24 hexadecimal digits, also for named resources
	deleted  time.Time // end of the deletion; zero if no deletion was requested
	retain   bool      // the deletion retains the snapshots
	failed   bool      // the last deletion failed
}

// project is a project and its resources.
type project struct {
	Project
	organization *Organization
	resources    []*Resource
	deleted      time.Time // end of the deletion; zero if none was accepted
}

// AddResource adds a resource to a project and returns its ID.
func (s *Server) AddResource(projectID string, r Resource) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := fake.Known("project", projectID, s.findProject(projectID))
	return s.add(p, r)
}

// Resources returns the present resources of a project.
func (s *Server) Resources(projectID string) []Resource {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle(time.Now())
	var all []Resource
	if p := s.findProject(projectID); p != nil {
		for _, r := range p.resources {
			all = append(all, *r)
		}
	}
	return all
}

// MoveProject moves a project to another organization, like POST /groups/{id}:migrate.
func (s *Server) MoveProject(id, organization string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := fake.Known("project", id, s.findProject(id))
	to := fake.Known("organization", organization, s.find(organization))
	from := p.organization
	from.projects = slices.DeleteFunc(from.projects, func(x *project) bool { return x == p })
	p.organization = to
	to.projects = append(to.projects, p)
}

func (s *Server) add(p *project, r Resource) string {
	s.made++
	r.Provider = cmp.Or(r.Provider, atlas.CloudProviderAWS)
	r.id = fmt.Sprintf("64a7%020x", s.made)
	switch {
	case r.Kind == atlas.BlockerOutageSimulation:
		r.ID = cmp.Or(r.Parent, r.ID)
		r.Parent = r.ID
	case r.ID != "":
		if rest.Hex24(r.ID) == nil {
			r.id = r.ID
		}
	case r.Kind == atlas.BlockerFederationEndpoint, r.Kind == atlas.BlockerPrivateEndpoint:
		r.ID = fmt.Sprintf(endpoints[r.Provider], s.made)
	case kinds[r.Kind].named:
		r.ID = fmt.Sprintf("%s-%d", strings.ReplaceAll(string(r.Kind), "_", "-"), s.made)
	default:
		r.ID = r.id
	}
	r.State = cmp.Or(r.State, kinds[r.Kind].state)
	r.deleting = cmp.Or(kinds[r.Kind].deleting, "DELETING")
	p.resources = append(p.resources, &r)
	if r.Kind == atlas.BlockerNetworkPeering && r.container(p) == nil {
		id := fmt.Sprintf("64a8%020x", s.made)
		p.resources = append(p.resources, &Resource{Kind: KindNetworkContainer, ID: id, Provider: r.Provider, id: id})
	}
	return r.ID
}

// endpoints are the formats of the IDs of private endpoints, by cloud provider.
var endpoints = map[atlas.CloudProvider]string{
	atlas.CloudProviderAWS: "vpce-%017x",
	atlas.CloudProviderAzure: "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/shop" +
		"/providers/Microsoft.Network/privateEndpoints/endpoint-%d",
	atlas.CloudProviderGCP: "endpoint-%d",
}

func (s *Server) findProject(id string) *project {
	for _, o := range s.organizations {
		for _, p := range o.projects {
			if p.ID == id {
				return p
			}
		}
	}
	return nil
}

// find returns a resource; nil if it does not exist.
func (p *project) find(kind atlas.BlockerKind, id, parent string) *Resource {
	for _, r := range p.resources {
		if r.Kind == kind && r.ID == id && (parent == "" || r.Parent == parent) {
			return r
		}
	}
	return nil
}

// has reports whether the project has a resource of a kind, of one parent or of any if parent is
// empty.
func (p *project) has(kind atlas.BlockerKind, parent string) bool {
	return slices.ContainsFunc(p.resources, func(r *Resource) bool {
		return r.Kind == kind && !r.Retained && (parent == "" || r.Parent == parent)
	})
}

// settle ends all deletions that are due.
func (s *Server) settle(now time.Time) {
	for _, o := range s.organizations {
		for _, p := range o.projects {
			for next := p.next(now); next != nil; next = p.next(now) {
				s.end(p, next)
			}
		}
		o.projects = slices.DeleteFunc(o.projects, func(p *project) bool { return !p.deleted.IsZero() && !p.deleted.After(now) })
	}
}

// next returns the first resource whose deletion is due.
func (p *project) next(now time.Time) *Resource {
	var first *Resource
	for _, r := range p.resources {
		if !r.deleted.IsZero() && !r.deleted.After(now) && (first == nil || r.deleted.Before(first.deleted)) {
			first = r
		}
	}
	return first
}

// end ends a deletion.
func (s *Server) end(p *project, r *Resource) {
	at := r.deleted
	r.deleted = time.Time{}
	if r.Fails {
		r.Fails, r.failed = false, true
		return
	}
	switch r.Kind {
	case atlas.BlockerCluster:
		retained := r.retain || p.has(atlas.BlockerBackupCompliancePolicy, "")
		p.remove(func(c *Resource) bool {
			snapshot := c.Kind == atlas.BlockerSnapshot || c.Kind == atlas.BlockerShardedSnapshot
			return clustered(c.Kind) && c.Parent == r.ID && !(retained && snapshot)
		})
		if retained && (p.has(atlas.BlockerSnapshot, r.ID) || p.has(atlas.BlockerShardedSnapshot, r.ID)) {
			r.Retained = true
			return
		}
	case atlas.BlockerPrivateEndpoint:
		p.remove(func(c *Resource) bool { return c == r })
		// The service is deleted along with its last endpoint.
		if service := p.find(atlas.BlockerPrivateEndpointService, r.Parent, ""); service != nil && !p.has(r.Kind, r.Parent) {
			service.deleted = at.Add(s.time(service))
		}
		return
	}
	p.remove(func(c *Resource) bool { return c == r })
	if r.Kind == atlas.BlockerSnapshot || r.Kind == atlas.BlockerShardedSnapshot {
		if !p.has(r.Kind, r.Parent) {
			p.remove(func(c *Resource) bool { return c.Retained && c.ID == r.Parent })
		}
	}
}

// clustered reports whether resources of a kind belong to a cluster.
func clustered(kind atlas.BlockerKind) bool {
	return strings.HasPrefix(kinds[kind].path, "/clusters/{clusterName}/") || kind == atlas.BlockerShardedSnapshot
}

func (p *project) remove(which func(*Resource) bool) {
	p.resources = slices.DeleteFunc(p.resources, which)
}

// time returns the duration of a resource's deletion.
func (s *Server) time(r *Resource) time.Duration {
	if !kinds[r.Kind].takes {
		return 0
	}
	return cmp.Or(r.Takes, s.takes)
}

// kind describes a kind of resources: the operations and their paths, the answers, and how the kind
// blocks the deletion of a project.
type kind struct {
	list, get, delete string // operations; "" for none
	path              string // path of the list, relative to the project
	item              string // path of one resource, relative to path or to the project
	version           string
	deleteVersion     string // version of the deletion, if it differs
	status            int    // status of an accepted deletion, as recorded; default 204
	array             bool   // the list is an array without pages
	named             bool   // operations address the resources by name
	takes             bool   // deletions take time
	state, deleting   string // usual state, and state during the deletion
	missing           string // code for a missing resource
	blocks            string // code for the project's deletion, after closeGroup
	object            func(*project, *Resource) fake.Object
	refuse            func(*project, *Resource) (status int, code string) // refusal of a deletion; nil for none
}

// closeGroup is the prefix of the codes for a project with resources.
const closeGroup = "CANNOT_CLOSE_GROUP_ACTIVE_"

// kinds are the kinds of resources.
var kinds = map[atlas.BlockerKind]kind{
	atlas.BlockerCluster: {
		list: "ListClustersPage", get: "GetCluster", delete: "DeleteCluster",
		path: "/clusters", item: "/{clusterName}", version: "2024-08-05", deleteVersion: "2023-02-01",
		status: http.StatusAccepted, named: true, takes: true, state: "IDLE", deleting: "DELETING",
		missing: "CLUSTER_NOT_FOUND", blocks: "ATLAS_CLUSTERS", refuse: refuseCluster,
		object: func(p *project, r *Resource) fake.Object {
			return fake.Object{
				"id": r.id, "name": r.ID, "groupId": p.ID, "stateName": r.state(), "clusterType": r.clusterType(),
				"terminationProtectionEnabled": r.Protected, "backupEnabled": true, "paused": false, "pitEnabled": false,
				"retainBackups": r.retain, "mongoDBVersion": "8.0.4", "mongoDBMajorVersion": "8.0",
				"featureCompatibilityVersion": "8.0", "versionReleaseSystem": "LTS", "encryptionAtRestProvider": "NONE",
				"createDate": created, "tags": []any{}, "replicationSpecs": []any{}, "links": []any{},
			}
		},
	},
	atlas.BlockerFlexCluster: {
		list: "ListFlexClustersPage", get: "GetFlexCluster", delete: "DeleteFlexCluster",
		path: "/flexClusters", item: "/{name}", version: "2024-11-13",
		named: true, takes: true, state: "IDLE", deleting: "DELETING",
		missing: "CLUSTER_NOT_FOUND", blocks: "ATLAS_CLUSTERS", refuse: refuseFlexCluster,
		object: func(p *project, r *Resource) fake.Object {
			return fake.Object{
				"id": r.id, "name": r.ID, "groupId": p.ID, "stateName": r.state(), "clusterType": "REPLICASET",
				"terminationProtectionEnabled": r.Protected, "mongoDBVersion": "8.0.4", "versionReleaseSystem": "LTS",
				"createDate": created, "tags": []any{}, "links": []any{},
				"providerSettings": fake.Object{
					"providerName": "FLEX", "backingProviderName": r.Provider, "regionName": "US_EAST_1", "diskSizeGB": 5.0,
				},
			}
		},
	},
	atlas.BlockerOutageSimulation: {
		get: "GetOutageSimulation", delete: "EndOutageSimulation",
		item: "/clusters/{clusterName}/outageSimulation", version: v2023, status: http.StatusOK,
		takes: true, state: "SIMULATING", deleting: "RECOVERY_REQUESTED", missing: "RESOURCE_NOT_FOUND",
		object: func(p *project, r *Resource) fake.Object {
			return fake.Object{
				"id": r.id, "groupId": p.ID, "clusterName": r.Parent, "state": r.state(),
				"startRequestDate": created, "expirationDate": created,
				"outageFilters": []any{fake.Object{"cloudProvider": r.Provider, "regionName": "US_EAST_1", "type": "REGION"}},
			}
		},
	},
	atlas.BlockerOnlineArchive: {
		list: "ListOnlineArchivesPage", delete: "DeleteOnlineArchive",
		path: "/clusters/{clusterName}/onlineArchives", item: "/{archiveId}", version: v2023, status: http.StatusOK,
		state: "IDLE", missing: "RESOURCE_NOT_FOUND",
		object: func(p *project, r *Resource) fake.Object {
			return fake.Object{
				"_id": r.id, "groupId": p.ID, "clusterName": r.Parent, "state": r.state(), "paused": false,
				"dbName": "shop", "collName": "orders", "collectionType": "STANDARD", "dataSetName": "v1$atlas$snapshot",
			}
		},
	},
	atlas.BlockerSnapshot: {
		list: "ListSnapshotsPage", delete: "DeleteSnapshot",
		path: "/clusters/{clusterName}/backup/snapshots", item: "/{snapshotId}", version: v2023,
		state: "completed", missing: "SNAPSHOT_NOT_FOUND", blocks: "BACKUP", refuse: refuseSnapshot,
		object: func(p *project, r *Resource) fake.Object {
			return merge(snapshot(r), fake.Object{"cloudProvider": r.Provider, "replicaSetName": r.Parent, "type": "replicaSet", "copyRegions": []any{}})
		},
	},
	atlas.BlockerShardedSnapshot: {
		list: "ListShardedSnapshots", delete: "DeleteShardedSnapshot",
		path: "/clusters/{clusterName}/backup/snapshots/shardedClusters", version: v2023,
		item:  "/clusters/{clusterName}/backup/snapshots/shardedCluster/{snapshotId}",
		state: "completed", missing: "SNAPSHOT_NOT_FOUND", blocks: "BACKUP", refuse: refuseSnapshot,
		object: func(p *project, r *Resource) fake.Object {
			return merge(snapshot(r), fake.Object{"type": "shardedCluster", "snapshotIds": []any{}, "members": []any{}, "configServerType": "DEDICATED"})
		},
	},
	atlas.BlockerBackupCompliancePolicy: {
		get: "GetBackupCompliancePolicy", delete: "DeleteBackupCompliancePolicy",
		item: "/backupCompliancePolicy", version: "2023-10-01", deleteVersion: "2024-11-13",
		state: "ACTIVE", missing: "RESOURCE_NOT_FOUND",
		// Atlas's answer is not documented.
		refuse: func(_ *project, r *Resource) (int, string) {
			if r.Protected {
				return http.StatusForbidden, "ACCESS_FORBIDDEN"
			}
			return 0, ""
		},
		object: func(p *project, r *Resource) fake.Object {
			return fake.Object{
				"projectId": p.ID, "state": r.state(), "deletable": !r.Protected, "copyProtectionEnabled": false,
				"encryptionAtRestEnabled": false, "pitEnabled": false, "restoreWindowDays": 7,
				"authorizedEmail": "owner@example.com", "authorizedUserFirstName": "A", "authorizedUserLastName": "B",
				"updatedDate": created, "updatedUser": "owner@example.com", "scheduledPolicyItems": []any{},
			}
		},
	},
	atlas.BlockerNetworkPeering: {
		list: "ListNetworkPeeringsPage", delete: "DeleteNetworkPeering",
		path: "/peers", item: "/{peerId}", version: v2023, status: http.StatusAccepted, takes: true,
		state: "AVAILABLE", missing: "PEER_NOT_FOUND", blocks: "PEERING_CONNECTIONS",
		refuse: func(_ *project, r *Resource) (int, string) {
			if !r.deleted.IsZero() {
				return http.StatusConflict, "PEER_ALREADY_REQUESTED_DELETION"
			}
			return 0, ""
		},
		object: func(p *project, r *Resource) fake.Object {
			o := fake.Object{"id": r.id, "containerId": r.container(p).id, "providerName": r.Provider}
			switch r.Provider {
			case atlas.CloudProviderAzure:
				return merge(o, fake.Object{"status": r.state(), "vnetName": "shop", "resourceGroupName": "shop"})
			case atlas.CloudProviderGCP:
				return merge(o, fake.Object{"status": r.state(), "gcpProjectId": "shop-project", "networkName": "shop"})
			}
			state := r.state()
			if state == "DELETING" {
				state = "TERMINATING"
			}
			return merge(o, fake.Object{
				"statusName": state, "awsAccountId": "123456789012", "vpcId": "vpc-0123456789abcdef0",
				"accepterRegionName": "us-east-1", "connectionId": "pcx-0123456789abcdef0",
			})
		},
	},
	KindNetworkContainer: {
		list: "ListNetworkContainersPage", delete: "DeleteNetworkContainer",
		path: "/containers/all", item: "/containers/{containerId}", version: v2023, missing: "RESOURCE_NOT_FOUND",
		refuse: func(p *project, r *Resource) (int, string) {
			if slices.ContainsFunc(p.resources, func(x *Resource) bool {
				return (x.Kind == atlas.BlockerCluster || x.Kind == atlas.BlockerNetworkPeering) && x.Provider == r.Provider && !x.Retained
			}) {
				return http.StatusConflict, "CONTAINERS_IN_USE"
			}
			return 0, ""
		},
		object: func(p *project, r *Resource) fake.Object {
			return fake.Object{
				"id": r.id, "providerName": r.Provider, "provisioned": p.has(atlas.BlockerCluster, ""), "atlasCidrBlock": "10.8.0.0/21",
			}
		},
	},
	atlas.BlockerFederationEndpoint: {
		list: "ListFederationEndpointsPage", delete: "DeleteFederationEndpoint",
		path: "/privateNetworkSettings/endpointIds", item: "/{endpointId}", version: v2023,
		state: "OK", missing: "RESOURCE_NOT_FOUND", blocks: "ATLAS_DATA_FEDERATION_PRIVATE_ENDPOINTS",
		object: func(_ *project, r *Resource) fake.Object {
			return fake.Object{
				"endpointId": r.ID, "provider": r.Provider, "region": "US_EAST_1", "status": r.state(),
				"type": "DATA_LAKE", "comment": "",
			}
		},
	},
	atlas.BlockerFederatedDatabase: {
		list: "ListFederatedDatabases", delete: "DeleteFederatedDatabase", array: true,
		path: "/dataFederation", item: "/{tenantName}", version: v2023, status: http.StatusAccepted, named: true, takes: true,
		state: "ACTIVE", deleting: "ACTIVE", missing: "DATA_FEDERATION_TENANT_NOT_FOUND_FOR_NAME", blocks: "ATLAS_DATA_LAKES",
		object: func(p *project, r *Resource) fake.Object {
			return fake.Object{
				"name": r.ID, "groupId": p.ID, "state": r.state(), "hostnames": []string{r.ID + ".example.net"},
				"dataProcessRegion": fake.Object{"cloudProvider": r.Provider, "region": "VIRGINIA_USA"}, "privateEndpointHostnames": []any{},
			}
		},
	},
	atlas.BlockerStreamWorkspace: {
		list: "ListStreamWorkspacesPage", delete: "DeleteStreamWorkspace",
		path: "/streams", item: "/{tenantName}", version: "2023-02-01", status: http.StatusAccepted, named: true, takes: true,
		missing: "STREAM_TENANT_NOT_FOUND_FOR_NAME", blocks: "STREAMS_RESOURCE",
		refuse: func(p *project, r *Resource) (int, string) {
			if p.has(atlas.BlockerStreamProcessor, r.ID) {
				return http.StatusForbidden, "STREAM_TENANT_HAS_STREAM_PROCESSORS"
			}
			return 0, ""
		},
		object: func(p *project, r *Resource) fake.Object {
			return fake.Object{
				"_id": r.id, "name": r.ID, "groupId": p.ID, "hostnames": []string{r.ID + ".example.net"}, "links": []any{},
				"dataProcessRegion": fake.Object{"cloudProvider": r.Provider, "region": "VIRGINIA_USA"}, "failoverRegions": []any{},
			}
		},
	},
	atlas.BlockerStreamProcessor: {
		list: "ListStreamProcessorsPage", delete: "DeleteStreamProcessor",
		path: "/streams/{tenantName}/processors", item: "/streams/{tenantName}/processor/{processorName}", version: "2024-05-30",
		named: true, state: "STARTED", missing: "RESOURCE_NOT_FOUND", blocks: "STREAMS_RESOURCE",
		object: func(_ *project, r *Resource) fake.Object {
			return fake.Object{
				"_id": r.id, "name": r.ID, "state": r.state(), "pipeline": []any{}, "tier": "SP10",
				"eligibleForFailover": false, "failoverEnabled": false, "links": []any{},
			}
		},
	},
	atlas.BlockerStreamPrivateLink: {
		list: "ListStreamPrivateLinksPage", delete: "DeleteStreamPrivateLink",
		path: "/streams/privateLinkConnections", item: "/{connectionId}", version: "2023-02-01",
		status: http.StatusAccepted, takes: true, state: "DONE", missing: "RESOURCE_NOT_FOUND", blocks: "STREAMS_RESOURCE",
		object: func(_ *project, r *Resource) fake.Object {
			return fake.Object{
				"_id": r.id, "provider": r.Provider, "region": "us-east-1", "state": r.state(), "vendor": "S3",
				"interfaceEndpointId": "vpce-0123456789abcdef0", "links": []any{},
			}
		},
	},
	atlas.BlockerStreamVPCPeering: {
		list: "ListActiveStreamVPCPeeringsPage", delete: "DeleteStreamVPCPeering",
		path: "/streams/activeVpcPeeringConnections", item: "/streams/vpcPeeringConnections/{id}", version: "2024-11-13",
		deleteVersion: "2023-02-01", status: http.StatusAccepted, takes: true, state: "ACCEPTED",
		missing: "RESOURCE_NOT_FOUND", blocks: "STREAMS_RESOURCE",
		object: func(p *project, r *Resource) fake.Object {
			return fake.Object{
				"_id": r.id, "name": "pcx-0123456789abcdef0", "groupId": p.ID, "localStatus": r.state(), "cloudStatus": "active",
				"requesterAccountId": requester, "requesterVpcId": "vpc-0123456789abcdef0", "requesterCidr": "10.0.0.0/24",
				"accepterAccountId": "210987654321", "accepterVpcId": "vpc-0123456789abcdef1", "accepterCidr": "10.8.0.0/24",
				"statusMessage": "", "links": []any{},
			}
		},
	},
	atlas.BlockerPrivateEndpointService: {
		list: "ListPrivateEndpointServices", delete: "DeletePrivateEndpointService", array: true,
		path: "/privateEndpoint/{cloudProvider}/endpointService", item: "/{endpointServiceId}", version: v2023, status: http.StatusAccepted,
		takes: true, state: "AVAILABLE", missing: "PRIVATE_ENDPOINT_SERVICE_NOT_FOUND", blocks: "ATLAS_PRIVATE_ENDPOINT_SERVICES",
		refuse: func(p *project, r *Resource) (int, string) {
			if p.has(atlas.BlockerPrivateEndpoint, r.ID) {
				return http.StatusConflict, "CANNOT_DELETE_PRIVATELINK_WITH_ENDPOINTS"
			}
			return 0, ""
		},
		object: func(p *project, r *Resource) fake.Object {
			endpoints := []string{}
			for _, x := range p.resources {
				if x.Kind == atlas.BlockerPrivateEndpoint && x.Parent == r.ID {
					endpoints = append(endpoints, x.ID)
				}
			}
			field := map[atlas.CloudProvider]string{
				atlas.CloudProviderAWS: "interfaceEndpoints", atlas.CloudProviderAzure: "privateEndpoints",
				atlas.CloudProviderGCP: "endpointGroupNames",
			}[r.Provider]
			return fake.Object{"id": r.id, "cloudProvider": r.Provider, "regionName": "us-east-1", "status": r.state(), field: endpoints}
		},
	},
	atlas.BlockerPrivateEndpoint: {
		delete: "DeletePrivateEndpoint", version: v2023, takes: true, missing: "RESOURCE_NOT_FOUND",
		item:   "/privateEndpoint/{cloudProvider}/endpointService/{endpointServiceId}/endpoint/{endpointId}",
		blocks: "ATLAS_PRIVATE_ENDPOINT_SERVICES",
	},
	atlas.BlockerEncryptionEndpoint: {
		list: "ListEncryptionEndpointsPage", delete: "DeleteEncryptionEndpoint",
		path: "/encryptionAtRest/{cloudProvider}/privateEndpoints", item: "/{endpointId}", version: v2023,
		takes: true, state: "ACTIVE", missing: "RESOURCE_NOT_FOUND",
		// The code for a project with these endpoints is not documented.
		blocks: "ATLAS_PRIVATE_ENDPOINT_SERVICES",
		object: func(_ *project, r *Resource) fake.Object {
			return fake.Object{"id": r.id, "cloudProvider": r.Provider, "regionName": "US_EAST_1", "status": r.state()}
		},
	},
}

// created is the creation time of all resources. requester is the account that requested all VPC
// peerings of streams.
const (
	created   = "2000-01-01T00:00:00Z"
	requester = "123456789012"
)

// state returns the state that a read shows.
func (r *Resource) state() string {
	switch {
	case r.failed:
		return "FAILED"
	case !r.deleted.IsZero():
		return r.deleting
	}
	return r.State
}

func (r *Resource) clusterType() string {
	if r.Sharded {
		return "SHARDED"
	}
	return "REPLICASET"
}

// container returns the network container of a peering.
func (r *Resource) container(p *project) *Resource {
	for _, x := range p.resources {
		if x.Kind == KindNetworkContainer && x.Provider == r.Provider {
			return x
		}
	}
	return nil
}

func refuseCluster(p *project, r *Resource) (int, string) {
	switch {
	case !r.deleted.IsZero():
		return http.StatusBadRequest, "CLUSTER_ALREADY_REQUESTED_DELETION"
	case r.Protected:
		return http.StatusBadRequest, "CANNOT_TERMINATE_CLUSTER_WHEN_TERMINATION_PROTECTION_ENABLED"
	case p.has(atlas.BlockerOutageSimulation, r.ID):
		return http.StatusBadRequest, "CANNOT_TERMINATE_CLUSTER_WITH_UNDERGOING_REGIONAL_OUTAGE_SIMULATION"
	}
	return 0, ""
}

// refuseFlexCluster refuses a deletion as recorded: the code has no meaning, and only the text has the
// reason.
func refuseFlexCluster(p *project, r *Resource) (int, string) {
	switch status, code := refuseCluster(p, r); code {
	case "CLUSTER_ALREADY_REQUESTED_DELETION":
		return status, general + "Cluster already requested to be deleted"
	case "CANNOT_TERMINATE_CLUSTER_WHEN_TERMINATION_PROTECTION_ENABLED":
		return status, general + "Cannot terminate the cluster because termination protection is enabled"
	}
	return 0, ""
}

func refuseSnapshot(p *project, r *Resource) (int, string) {
	switch {
	case p.has(atlas.BlockerBackupCompliancePolicy, ""):
		return http.StatusBadRequest, "CANNOT_DELETE_SNAPSHOT_WITH_BACKUP_COMPLIANCE_POLICY"
	case r.State != "completed":
		return http.StatusBadRequest, "CANNOT_DELETE_IN_PROGRESS_SNAPSHOT"
	}
	return 0, ""
}

// projectHandler answers a request about a project.
type projectHandler func(http.ResponseWriter, *http.Request, *project)

// inProject finds the project of a request. It answers a credential of another organization in the
// same way whether the project exists or not.
func (s *Server) inProject(next projectHandler) handler {
	return func(w http.ResponseWriter, r *http.Request, c *Credential) {
		id := r.PathValue("groupId")
		p := s.findProject(id)
		switch {
		case rest.Hex24(id) != nil:
			failure(w, http.StatusNotFound, "INVALID_GROUP_ID", id)
		case c.Organization != "" && (p == nil || !c.reaches(p.organization.ID)):
			failure(w, http.StatusUnauthorized, "NOT_IN_GROUP", id)
		case p == nil:
			failure(w, http.StatusNotFound, "GROUP_NOT_FOUND", id)
		default:
			next(w, r, p)
		}
	}
}

// list answers with the resources of a kind.
func (s *Server) list(name atlas.BlockerKind) projectHandler {
	k := kinds[name]
	return func(w http.ResponseWriter, r *http.Request, p *project) {
		provider := atlas.CloudProvider(r.PathValue("cloudProvider"))
		if name == atlas.BlockerNetworkPeering {
			provider = atlas.CloudProvider(cmp.Or(r.URL.Query().Get("providerName"), "AWS"))
		}
		parent := ""
		switch {
		case clustered(name):
			parent = r.PathValue("clusterName")
			if p.find(atlas.BlockerCluster, parent, "") == nil {
				failure(w, http.StatusNotFound, "CLUSTER_NOT_FOUND", parent)
				return
			}
		case name == atlas.BlockerStreamProcessor:
			parent = r.PathValue("tenantName")
			if p.find(atlas.BlockerStreamWorkspace, parent, "") == nil {
				failure(w, http.StatusNotFound, "STREAM_TENANT_NOT_FOUND_FOR_NAME", parent)
				return
			}
		}
		retained := r.URL.Query().Get("includeDeletedWithRetainedBackups") == "true"
		all := []fake.Object{}
		for _, x := range p.resources {
			if x.Kind == name && (parent == "" || x.Parent == parent) && (provider == "" || x.Provider == provider) && (!x.Retained || retained) {
				all = append(all, k.object(p, x))
			}
		}
		if k.array {
			fake.JSON(w, http.StatusOK, all)
			return
		}
		page(w, r, all)
	}
}

// parameter matches the parameters of a path.
var parameter = regexp.MustCompile(`{(\w+)}`)

// protect sets the termination protection of a cluster.
func (s *Server) protect(name atlas.BlockerKind) projectHandler {
	return s.one(name, kinds[name].item, func(w http.ResponseWriter, req *http.Request, p *project, r *Resource) {
		var body struct {
			TerminationProtectionEnabled *bool `json:"terminationProtectionEnabled"`
		}
		if err := json.NewDecoder(req.Body).Decode(&body); err != nil || body.TerminationProtectionEnabled == nil {
			failure(w, http.StatusBadRequest, "VALIDATION_ERROR", "terminationProtectionEnabled")
			return
		}
		r.Protected = *body.TerminationProtectionEnabled
		s.show(w, req, p, r)
	})
}
