// Package atlastest is a double of MongoDB Atlas for tests: in memory, stateful,
// and with Atlas's own rules. It refuses what Atlas refuses, in the bodies that
// Atlas answers with, and knows what really happened.
//
//	srv := atlastest.NewServer()
//	srv.AddOrganization(atlastest.Organization{ID: "5e2f00000000000000000001", Name: "Acme"})
//	srv.AddProject("5e2f00000000000000000001", atlastest.Project{ID: "5e2f00000000000000000002", Name: "shop"})
//	client, err := atlas.New(srv.Option())
//
// A project is deleted once nothing is left in it, and an organization once it has no
// projects. [Server.AddResource] puts things into a project. Most of them are still
// there for a minute after their deletion was accepted: see
// [Server.SetDeletionTime].
package atlastest

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/internal/fake"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/offboardtest"
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

// Server is the double. It is safe for concurrent use.
type Server struct {
	*offboardtest.Server

	mu            sync.Mutex
	organizations []*Organization
	deleted       []string
	created       time.Time
	buckets       map[string]*bucket // by operation
	routes        []route
	takes         time.Duration // a deletion
	made          int           // resources, to number them
	outside       bool
	credentials   credentials
}

// route is how an operation is asked for.
type route struct {
	operation, method, path string
	version                 string // of the resource
	handler                 handler
}

// NewServer returns a double without organizations and without rate limits, but
// for that of the token endpoint.
func NewServer() *Server {
	s := &Server{
		created: time.Now().UTC(), takes: time.Minute,
		buckets: map[string]*bucket{}, credentials: newCredentials(),
	}
	routes := fake.NewRoutes(func(w http.ResponseWriter, r *http.Request) {
		failure(w, http.StatusNotFound, "RESOURCE_NOT_FOUND", r.URL.Path)
	})
	routes.Handle("RequestToken", "POST "+tokenPath, s.issue)
	s.routes = slices.Concat([]route{
		{"ListOrganizationsPage", "GET", "/orgs", v2023, s.listOrganizations},
		{"GetOrganization", "GET", "/orgs/{orgId}", v2023, s.found(s.get)},
		{"ListProjectsPage", "GET", "/orgs/{orgId}/groups", v2023, s.found(s.listProjects)},
		{"DeleteOrganization", "DELETE", "/orgs/{orgId}", v2023, s.found(s.delete)},
	}, s.accountRoutes(), s.projectRoutes())
	for _, route := range s.routes {
		routes.Handle(route.operation, route.method+" "+basePath+route.path, s.admit(route))
	}
	s.Server = offboardtest.NewServer(routes, routes.Operation)
	return s
}

// v2023 is the version of most resources.
const v2023 = "2023-01-01"

// Option makes a client speak to the double: in memory, or to the listener once
// it was started. The client has [Token], so that its requests are those of the
// operations only. A client with a credential of its own is made so:
//
//	url, client := srv.Reach()
//	c, err := atlas.New(atlas.WithBaseURL(url), atlas.WithHTTPClient(client),
//		atlas.WithServiceAccount(atlastest.ClientID, atlastest.ClientSecret))
func (s *Server) Option() atlas.Option {
	base, client := s.Endpoint()
	return atlas.Options(atlas.WithBaseURL(base), atlas.WithHTTPClient(client), atlas.WithTokenSource(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: Token})), atlas.WithClientID(ClientID))
}

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
		s.add(added, Resource{Kind: atlas.KindCluster, ID: fmt.Sprintf("cluster-%d", i)})
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
			if r.Kind == atlas.KindBackupCompliancePolicy {
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

// RefuseAddress sets whether the address of the client is missing on the access
// list. Tokens are issued all the same.
func (s *Server) RefuseAddress(refuse bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outside = refuse
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

// admit does what Atlas does before it looks at the operation: it checks the
// credential and its address, takes a token from the bucket, and looks for the
// version that is asked for.
func (s *Server) admit(of route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.settle(time.Now())
		credential := s.credentials.authenticate(w.Header(), r)
		asked := version(r.Header.Get("Accept"))
		switch {
		case credential == nil:
			unauthorized(w)
		case s.outside:
			address, _, _ := strings.Cut(r.RemoteAddr, ":")
			failure(w, http.StatusForbidden, "IP_ADDRESS_NOT_ON_ACCESS_LIST", address)
		case !s.buckets[of.operation].admits(w, r):
		case asked < "2023":
			failure(w, http.StatusNotAcceptable, "INVALID_VERSION_DATE")
		case asked < of.version:
			failure(w, http.StatusGone, "VERSION_GONE", asked, r.URL.Path)
		case credential.Member && of.method != "GET" && of.operation != "DeleteOrganization":
			failure(w, http.StatusUnauthorized, "USER_UNAUTHORIZED")
		default:
			of.handler(versioned{w, of.version}, r, credential)
		}
	}
}

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

// failure answers with an error.
func failure(w http.ResponseWriter, status int, code string, parameters ...any) {
	if parameters == nil {
		parameters = []any{}
	}
	fake.JSON(w, status, fake.Object{
		"error": status, "errorCode": code, "reason": http.StatusText(status),
		"detail": cmp.Or(descriptions[code], "Something is left."), "parameters": parameters,
	})
}

// general begins the reason of an error that Atlas gives no code of its own.
const general = "ATLAS_GENERAL_ERROR: "

// generalFailure answers with an error whose reason is in its text alone.
func generalFailure(w http.ResponseWriter, status int, reason string) {
	fake.JSON(w, status, fake.Object{
		"error": status, "errorCode": "ATLAS_GENERAL_ERROR", "reason": http.StatusText(status),
		"detail": "Reason: " + reason + ".", "parameters": []any{reason},
	})
}

// unauthorized answers to a credential that is not accepted, or that is not one
// of the organization. The code is as recorded, and says nothing: other statuses have
// it, too.
func unauthorized(w http.ResponseWriter) {
	fake.JSON(w, http.StatusUnauthorized, fake.Object{
		"error": http.StatusUnauthorized, "reason": http.StatusText(http.StatusUnauthorized),
		"detail": "This credential is not accepted here.", "errorCode": "UNEXPECTED_ERROR",
	})
}

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

// found finds the organization that a request is about. To a credential of
// another organization it is not told whether there is one.
func (s *Server) found(next func(http.ResponseWriter, *http.Request, *Credential, *Organization)) handler {
	return func(w http.ResponseWriter, r *http.Request, c *Credential) {
		id := r.PathValue("orgId")
		o := s.find(id)
		switch {
		case rest.Hex24(id) != nil:
			failure(w, http.StatusNotFound, "INVALID_ORG_ID", id)
		case !c.reaches(id):
			unauthorized(w)
		case o == nil:
			failure(w, http.StatusNotFound, "ORG_NOT_FOUND", id)
		default:
			next(w, r, c, o)
		}
	}
}

func (s *Server) get(w http.ResponseWriter, _ *http.Request, _ *Credential, o *Organization) {
	fake.JSON(w, http.StatusOK, object(o))
}

func (s *Server) listOrganizations(w http.ResponseWriter, r *http.Request, c *Credential) {
	var all []fake.Object
	for _, o := range s.organizations {
		if c.reaches(o.ID) && !o.deleted && selected(r, o.Name) {
			all = append(all, object(o))
		}
	}
	page(w, r, all)
}

func object(o *Organization) fake.Object {
	return fake.Object{
		"id": o.ID, "name": o.Name, "isDeleted": o.deleted, "skipDefaultAlertsSettings": false,
		"links": []any{},
	}
}

func (s *Server) listProjects(w http.ResponseWriter, r *http.Request, _ *Credential, o *Organization) {
	var all []fake.Object
	for _, p := range o.projects {
		if selected(r, p.Name) {
			all = append(all, s.project(p))
		}
	}
	page(w, r, all)
}

func (s *Server) delete(w http.ResponseWriter, _ *http.Request, c *Credential, o *Organization) {
	switch {
	case o.deleted:
		failure(w, http.StatusNotFound, "ORG_NOT_FOUND", o.ID)
	case c.Member:
		failure(w, http.StatusUnauthorized, "NOT_ORG_OWNER", o.ID)
	case o.LiveMigration:
		failure(w, http.StatusConflict, "CANNOT_DELETE_ORG_ACTIVE_LIVE_MIGRATION_ATLAS_ORG_LINK")
	case len(o.projects) > 0:
		failure(w, http.StatusConflict, "ORG_NOT_EMPTY")
	case o.FailedPayments:
		failure(w, http.StatusPaymentRequired, "CANNOT_DELETE_ORG_FAILED_PAYMENTS")
	default:
		s.remove(o)
		s.deleted = append(s.deleted, o.ID)
		w.WriteHeader(http.StatusNoContent)
	}
}

// selected reports whether a name begins as the query asks for.
func selected(r *http.Request, name string) bool {
	return strings.HasPrefix(strings.ToLower(name), strings.ToLower(r.URL.Query().Get("name")))
}

// page answers with the page of a list that is asked for.
func page(w http.ResponseWriter, r *http.Request, all []fake.Object) {
	number, size := 1, 100
	for name, value := range map[string]*int{"pageNum": &number, "itemsPerPage": &size} {
		if text := r.URL.Query().Get(name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 || n > 500 && value == &size {
				failure(w, http.StatusBadRequest, "VALIDATION_ERROR", name)
				return
			}
			*value = n
		}
	}
	links := []fake.Object{link(r, "self", number)}
	if number > 1 {
		links = append(links, link(r, "previous", number-1))
	}
	start := min((min(number, len(all)+1)-1)*size, len(all))
	end := min(start+size, len(all))
	if end < len(all) {
		links = append(links, link(r, "next", number+1))
	}
	fake.JSON(w, http.StatusOK, fake.Object{
		"results": append([]fake.Object{}, all[start:end]...), "totalCount": len(all), "links": links,
	})
}

func link(r *http.Request, rel string, number int) fake.Object {
	query := r.URL.Query()
	query.Set("pageNum", fmt.Sprint(number))
	return fake.Object{"rel": rel, "href": atlas.DefaultBaseURL + r.URL.Path + "?" + query.Encode()}
}
