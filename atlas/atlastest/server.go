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
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/internal/fake"
	"github.com/offboard-dev/offboard-go/offboardtest"
)

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
	s.Server = offboardtest.NewServer(routes, routes.Operation, routes.Operations()...)
	return s
}

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
