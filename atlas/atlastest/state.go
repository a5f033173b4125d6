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

// basePath is what the paths of all operations begin with.
const basePath = "/api/atlas/v2"

// Organization is an organization at the double.
type Organization struct {
	ID   string // 24 hexadecimal digits
	Name string // ID, if it is empty

	LiveMigration  bool // one is running
	FailedPayments bool
	Lingers        bool // it is found after its deletion, as deleted

	// Federation is the id of the federation that it is connected to, of 24
	// hexadecimal digits; "" for none. Organizations with the same are in one.
	Federation string

	// LinkedProjects are the names of projects that its live-migration link reaches.
	LinkedProjects []string

	projects []*project
	deleted  bool
}

// Project is a project of an organization.
type Project struct {
	ID       string // 24 hexadecimal digits
	Name     string // ID, if it is empty
	Clusters int    // to begin with; more are added by [Server.AddResource]

	// Takes is how long the project exists after its deletion was accepted with 202. Until
	// then it keeps its organization, and is listed and read as before.
	Takes time.Duration
}

// route is how an operation is asked for.
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
	o := s.find(orgID)
	if o == nil {
		return
	}
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
	if o := s.find(orgID); o != nil {
		o.projects = nil
	}
}

// Resolve does for an organization what no operation does: its live migration ends,
// its payments are made, and support allows its backup compliance policies to be
// removed.
func (s *Server) Resolve(orgID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.find(orgID)
	if o == nil {
		return
	}
	o.LiveMigration, o.FailedPayments = false, false
	for _, p := range o.projects {
		for _, r := range p.resources {
			if r.Kind == atlas.BlockerBackupCompliancePolicy {
				r.Protected = false
			}
		}
	}
}

// RemoveOrganization removes an organization and its credentials, as somebody
// else does who deletes it.
func (s *Server) RemoveOrganization(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.find(id); o != nil {
		s.remove(o)
	}
}

// Exists reports whether an organization is there.
func (s *Server) Exists(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.find(id)
	return o != nil && !o.deleted
}

// Organization returns an organization as it is now, and the zero Organization when
// it is not there.
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

// Projects returns the projects of an organization, in the order in which they were
// added. Clusters is how many each had to begin with.
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

// Deleted returns the ids of all organizations that were deleted by request, in
// order.
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

// remove deletes an organization, and with it its credentials.
func (s *Server) remove(o *Organization) {
	o.deleted, o.projects = true, nil
	if !o.Lingers {
		s.organizations = slices.DeleteFunc(s.organizations, func(other *Organization) bool { return other == o })
	}
	s.credentials.end(o.ID)
}

// handler answers a request of a credential that was accepted.
type handler func(http.ResponseWriter, *http.Request, *Credential)

// version is the date that an Accept names, "" when it names none. One is good for
// all versions of a resource up to it, of which the double has the latest.
func version(accept string) string {
	date, prefixed := strings.CutPrefix(accept, "application/vnd.atlas.")
	date, suffixed := strings.CutSuffix(date, "+json")
	if _, err := time.Parse(time.DateOnly, date); err != nil || !prefixed || !suffixed {
		return ""
	}
	return date
}

// versioned gives an answer that is no error the media type of its version.
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

// general begins the reason of an error that Atlas gives no code of its own.
const general = "ATLAS_GENERAL_ERROR: "

// descriptions are texts of our own for the codes that the double answers.
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
	"CANNOT_USE_NON_FLEX_CLUSTER_IN_FLEX_API":                             "This is no flex cluster.",
	"CLUSTER_ALREADY_REQUESTED_DELETION":                                  "The cluster is being deleted.",
	"CLUSTER_NOT_FOUND":                                                   "There is no such cluster.",
	"CONTAINERS_IN_USE":                                                   "Something is in the container.",
	"DATA_FEDERATION_TENANT_NOT_FOUND_FOR_NAME":                           "There is no such instance.",
	"GROUP_NOT_FOUND":                                                     "There is no such project.",
	"INVALID_GROUP_ID":                                                    "The id is not one of a project.",
	"INVALID_ORG_ID":                                                      "The id is not one of an organization.",
	"INVALID_VERSION_DATE":                                                "The version is not valid.",
	"IP_ADDRESS_NOT_ON_ACCESS_LIST":                                       "The address is not on the access list.",
	"NOT_IN_GROUP":                                                        "The credential is not in the project.",
	"NOT_ORG_OWNER":                                                       "The credential is no owner.",
	"ORG_NOT_EMPTY":                                                       "The organization has projects.",
	"ORG_NOT_FOUND":                                                       "There is no such organization.",
	"PEER_ALREADY_REQUESTED_DELETION":                                     "The peering is being deleted.",
	"PEER_NOT_FOUND":                                                      "There is no such peering.",
	"PRIVATE_ENDPOINT_SERVICE_NOT_FOUND":                                  "There is no such service.",
	"RATE_LIMITED":                                                        "There were too many requests.",
	"RATE_LIMITED_TOKEN_BUCKET":                                           "The bucket is empty.",
	"RESOURCE_NOT_FOUND":                                                  "There is no such resource.",
	"SNAPSHOT_NOT_FOUND":                                                  "There is no such snapshot.",
	"STREAM_TENANT_HAS_STREAM_PROCESSORS":                                 "The workspace has processors.",
	"STREAM_TENANT_NOT_FOUND_FOR_NAME":                                    "There is no such workspace.",
	"UNEXPECTED_ERROR":                                                    "There is no such external link.",
	"USER_UNAUTHORIZED":                                                   "The credential lacks a role.",
	"VALIDATION_ERROR":                                                    "A value is not valid.",
	"VERSION_GONE":                                                        "The version is not served any more.",
}

const federation = "/federationSettings/{federationSettingsId}"

// hexID makes an id of a name: its bytes, repeated or cut.
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

// of returns the credentials of an organization, by their names.
func of(o *Organization, all map[string]*Credential) []*Credential {
	var found []*Credential
	for _, id := range slices.Sorted(maps.Keys(all)) {
		if all[id].Organization == o.ID {
			found = append(found, all[id])
		}
	}
	return found
}

// bucket holds the requests that an operation may have.
type bucket struct {
	capacity, refill int
	period           time.Duration
	tokens           int
	filled           time.Time // for the last time
}

// Credentials that the double accepts from the start. They reach all
// organizations and own them.
const (
	ClientID     = "mdb_sa_id_atlastest"
	ClientSecret = "mdb_sa_sk_atlastest"
	PublicKey    = "atlastest"
	PrivateKey   = "atlastest-private-key"

	// Token is an access token of the service account that does not end.
	Token = "atlastest-token"
)

// Credential is a service account or an API key at the double.
type Credential struct {
	ID     string // the client id or the public key
	Secret string // the client secret or the private key

	// Organization is the only one that the credential reaches, and with which it
	// ends; "" for all.
	Organization string

	// Member: it may read an organization and not delete it.
	Member bool
}

func (c *Credential) reaches(orgID string) bool {
	return c.Organization == "" || c.Organization == orgID
}

// AddServiceAccount adds a service account.
func (s *Server) AddServiceAccount(c Credential) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.credentials.serviceAccounts[c.ID] = &c
}

// AddAPIKey adds an API key.
func (s *Server) AddAPIKey(c Credential) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.credentials.apiKeys[c.ID] = &c
}

// tokenPath is where service accounts get tokens.
const tokenPath = "/api/oauth/token"

// lifetime is how long a token lasts.
const lifetime = time.Hour

// credentials are what the double accepts.
type credentials struct {
	serviceAccounts map[string]*Credential
	apiKeys         map[string]*Credential
	tokens          map[string]issued
	nonces          map[string]map[int]bool // and the counts that were used with each
	made            int                     // tokens and nonces, to number them
	perMinute       int
	requests        map[string][]time.Time // for tokens in the last minute, by client id
}

// issued is an access token.
type issued struct {
	credential *Credential
	until      time.Time // zero: it does not end
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

// end ends the credentials of an organization.
func (c *credentials) end(orgID string) {
	of := func(_ string, credential *Credential) bool { return credential.Organization == orgID }
	maps.DeleteFunc(c.serviceAccounts, of)
	maps.DeleteFunc(c.apiKeys, of)
	maps.DeleteFunc(c.tokens, func(_ string, t issued) bool { return t.credential.Organization == orgID })
}

const realm = "MMS Public API"

// next numbers what is made.
func (c *credentials) next(what string) string {
	c.made++
	return fmt.Sprintf("atlastest-%s-%d", what, c.made)
}

// permitted counts a request for a token, unless there were too many in the last
// minute.
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

// KindNetworkContainer is the kind of network containers, which do not keep a
// project from being deleted.
const KindNetworkContainer atlas.BlockerKind = "network_container"

// Resource is a thing in a project, of any kind that package atlas names, or of
// [KindNetworkContainer], which a peering brings along where there is none.
type Resource struct {
	Kind atlas.BlockerKind

	// ID is what the operations take: the name of a cluster, a stream workspace or
	// processor and a federated database, and the id of everything else. One is made
	// where it is empty.
	ID string

	// Parent is the name of the cluster or stream workspace, or the id of the private
	// endpoint service, that it belongs to. An outage simulation has no ID of its own.
	Parent string

	Provider atlas.CloudProvider // AWS, if it is empty
	State    string              // what is usual, if it is empty

	// Protected: a cluster has termination protection; a backup compliance policy may
	// not be removed, until [Server.Resolve].
	Protected bool

	Sharded bool // of a cluster

	// Retained: a cluster was deleted, and its snapshots were kept.
	Retained bool

	// Takes is how long it is there after its deletion was accepted; 0 for what
	// [Server.SetDeletionTime] has set. Only what Atlas deletes in its own time takes
	// any.
	Takes time.Duration

	// Fails: its deletion fails in the end, the first time.
	Fails bool

	// RemovedAfter is how many deletions it needs, all of which are answered with
	// success; 0 for one. A federation endpoint may need two.
	RemovedAfter int

	deleting string    // the state meanwhile
	id       string    // of 24 hexadecimal digits, also for what is known by its name
	deleted  time.Time // when it is; zero while nobody has asked for that
	retain   bool      // its snapshots stay
	failed   bool
}

// project is a project with what is in it.
type project struct {
	Project
	organization *Organization
	resources    []*Resource
	deleted      time.Time // when its deletion ends; zero while none was accepted
}

// AddResource puts a thing into a project and returns its ID.
func (s *Server) AddResource(projectID string, r Resource) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.findProject(projectID); p != nil {
		return s.add(p, r)
	}
	return ""
}

// Resources returns what is in a project now.
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

// MoveProject moves a project to another organization, as POST /groups/{id}:migrate does.
func (s *Server) MoveProject(id, organization string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, to := s.findProject(id), s.find(organization)
	if p == nil || to == nil {
		return
	}
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

// endpoints are the ids of private endpoints, which the cloud providers give.
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

// find finds a thing that is there.
func (p *project) find(kind atlas.BlockerKind, id, parent string) *Resource {
	for _, r := range p.resources {
		if r.Kind == kind && r.ID == id && (parent == "" || r.Parent == parent) {
			return r
		}
	}
	return nil
}

// has reports whether there is a thing of a kind, of a parent or of any.
func (p *project) has(kind atlas.BlockerKind, parent string) bool {
	return slices.ContainsFunc(p.resources, func(r *Resource) bool {
		return r.Kind == kind && !r.Retained && (parent == "" || r.Parent == parent)
	})
}

// settle does what time has brought: what was being deleted is gone or has failed.
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

// next finds the first thing whose deletion has ended.
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
		kept := r.retain || p.has(atlas.BlockerBackupCompliancePolicy, "")
		p.remove(func(c *Resource) bool {
			snapshot := c.Kind == atlas.BlockerSnapshot || c.Kind == atlas.BlockerShardedSnapshot
			return clustered(c.Kind) && c.Parent == r.ID && !(kept && snapshot)
		})
		if kept && (p.has(atlas.BlockerSnapshot, r.ID) || p.has(atlas.BlockerShardedSnapshot, r.ID)) {
			r.Retained = true
			return
		}
	case atlas.BlockerPrivateEndpoint:
		p.remove(func(c *Resource) bool { return c == r })
		// With the last endpoint its service goes.
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

// clustered reports whether things of a kind belong to a cluster.
func clustered(kind atlas.BlockerKind) bool {
	return strings.HasPrefix(kinds[kind].path, "/clusters/{clusterName}/") || kind == atlas.BlockerShardedSnapshot
}

func (p *project) remove(which func(*Resource) bool) {
	p.resources = slices.DeleteFunc(p.resources, which)
}

// time is how long a thing is there after its deletion was accepted.
func (s *Server) time(r *Resource) time.Duration {
	if !kinds[r.Kind].takes {
		return 0
	}
	return cmp.Or(r.Takes, s.takes)
}

// kind is what the double knows of a kind: the operations and their paths, what the
// answers are, and how it keeps a project from being deleted.
type kind struct {
	list, get, delete string // operations; "" for none
	path              string // of the list, below the project
	item              string // of one thing, its path goes on from path; or all of it
	version           string
	deleteVersion     string // where it is another one
	status            int    // of an accepted deletion, as recorded; 204 if it is 0
	array             bool   // the list is one, and not of pages
	named             bool   // things are known by their names
	takes             bool   // deletions take time
	state, deleting   string
	missing           string // code
	blocks            string // code of a project that cannot be deleted, after closeGroup
	object            func(*project, *Resource) fake.Object
	refuse            func(*project, *Resource) (status int, code string) // a deletion; nil: never
}

const closeGroup = "CANNOT_CLOSE_GROUP_ACTIVE_"

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
		// What Atlas answers here is not documented.
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
		// By which code these keep a project from being deleted is not documented.
		blocks: "ATLAS_PRIVATE_ENDPOINT_SERVICES",
		object: func(_ *project, r *Resource) fake.Object {
			return fake.Object{"id": r.id, "cloudProvider": r.Provider, "regionName": "US_EAST_1", "status": r.state()}
		},
	},
}

// created is when everything was made, and requester the account that has asked for
// all VPC peerings of streams.
const (
	created   = "2000-01-01T00:00:00Z"
	requester = "123456789012"
)

// state is what the thing shows of itself.
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

// container is the network container that a peering is in.
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

// refuseFlexCluster refuses as recorded: the code says nothing, and the reason is in the
// text alone.
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

// inProject finds the project that a request is about. A credential of another
// organization is told the same whether there is one or not.
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

// list answers with the things of a kind.
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
