// Package atlastest is a fake of MongoDB Atlas for tests. It keeps its state in memory, applies
// Atlas's rules, and answers with Atlas's bodies.
//
//	srv := atlastest.NewServer()
//	srv.AddOrganization(atlastest.Organization{ID: "5e2f00000000000000000001", Name: "Acme"})
//	srv.AddProject("5e2f00000000000000000001", atlastest.Project{ID: "5e2f00000000000000000002", Name: "shop"})
//	client, err := atlas.New(srv.Option())
//
// A project can be deleted when it is empty, and an organization when it has no projects.
// [Server.AddResource] adds resources to a project. Most resources still exist for a minute after
// their deletion was accepted: see [Server.SetDeletionTime].
//
// # Time
//
// The fake and [atlas.Client.Teardown] use package time. Teardown reads a resource again when its
// deletion may have ended at Atlas, even if the fake is faster: a cluster after 45 seconds, most other
// resources after a second. Therefore put a test with a cluster into a bubble of testing/synctest, where
// waits take no time. [NewServer] must be called in the bubble, too:
//
//	synctest.Test(t, func(t *testing.T) {
//		srv := atlastest.NewServer()
//		…
//	})
//
// In a test that cannot use synctest, such as one over loopback, use a flex cluster instead of a
// cluster, and SetDeletionTime(0).
package atlastest

import (
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/internal/fake"
	"github.com/offboard-dev/offboard-go/offboardtest"
)

// Server is the fake. It is safe for concurrent use.
type Server struct {
	*offboardtest.Server

	mu            sync.Mutex
	organizations []*Organization
	deleted       []string
	created       time.Time
	buckets       map[string]*bucket // by operation
	routes        []route
	takes         time.Duration // default duration of a deletion
	made          int           // number of resources made
	outside       bool          // the client's address is not on the access list
	credentials   credentials
}

// NewServer returns a fake without organizations. Only the token endpoint has a rate limit.
func NewServer() *Server {
	s := &Server{
		created: time.Now().UTC(), takes: time.Minute,
		buckets: map[string]*bucket{}, credentials: newCredentials(),
	}
	routes := fake.NewRoutes(func(w http.ResponseWriter, r *http.Request) {
		failure(w, http.StatusNotFound, "RESOURCE_NOT_FOUND", r.URL.Path)
	})
	routes.Handle(TokenRequest, "POST "+tokenPath, s.issue)
	s.routes = slices.Concat([]route{
		{"ListOrganizationsPage", "GET", "/orgs", v2023, s.listOrganizations},
		{"GetOrganization", "GET", "/orgs/{orgId}", v2023, s.found(s.get)},
		{"ListProjectsPage", "GET", "/orgs/{orgId}/groups", v2023, s.found(s.listProjects)},
		{"DeleteOrganization", "DELETE", "/orgs/{orgId}", v2023, s.found(s.delete)},
	}, s.accountRoutes(), s.projectRoutes())
	for _, route := range s.routes {
		routes.Handle(route.operation, route.method+" "+basePath+route.path, s.admit(route))
	}
	s.Server = offboardtest.NewServer(routes, "", routes.Operation, routes.Operations()...)
	return s
}

// Option configures a client for the fake: in memory or, if the fake was started, at its listener.
// The client uses [Token], so it sends only the requests of the operations. To use another
// credential:
//
//	url, client := srv.Endpoint()
//	c, err := atlas.New(atlas.WithBaseURL(url), atlas.WithHTTPClient(client),
//		atlas.WithServiceAccount(atlastest.ClientID, atlastest.ClientSecret))
func (s *Server) Option() atlas.Option {
	base, client := s.Endpoint()
	return atlas.Options(atlas.WithBaseURL(base), atlas.WithHTTPClient(client), atlas.WithTokenSource(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: Token})), atlas.WithClientID(ClientID))
}
