// Package zitadeltest is a fake of a Zitadel instance for tests. It keeps its state in memory,
// applies Zitadel's rules, and answers with Zitadel's bodies.
//
//	srv := zitadeltest.NewServer()
//	srv.AddOrganization(zitadeltest.Organization{ID: "312909075211944042", Name: "Acme"})
//	client, err := zitadel.New(srv.Option())
//
// The fake behaves as v4.13.1. [Server.Legacy] makes it behave as v2.54.10.
package zitadeltest

import (
	"net/http"
	"sync"
	"time"

	"github.com/offboard-dev/offboard-go/internal/fake"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/zitadel"
)

// Server is the fake. It is safe for concurrent use. Its methods panic if a test passes the ID of an
// organization or a resource that the fake does not have.
type Server struct {
	*offboardtest.Server

	mu             sync.Mutex
	organizations  []*organization
	first          string // ID of the default organization
	system         string // ID of the organization that owns Zitadel's own project
	home           string // ID of the organization of the credentials' users
	deleted        []string
	permissions    []string
	tokens         map[string]token
	key            key
	legacy         bool
	blocked        bool
	quotaExhausted bool
	lag            time.Duration
	requests       int
	items          []*item // resources of the organizations
	ids            int     // number of generated IDs
	changes        int     // number of changes of the default organization
}

// NewServer returns a fake with one organization, [DefaultOrganization].
func NewServer() *Server {
	s := &Server{
		first: DefaultOrganization, home: DefaultOrganization, tokens: map[string]token{},
		permissions: []string{
			"org.read", "org.write", "org.delete", "iam.read", "iam.write", "org.create", "org.member.read",
			"user.read", "user.grant.read", "project.read", "project.app.read", "project.grant.read",
			"iam.member.read", "org.idp.read", "org.action.read", "policy.read", "project.member.read", "project.grant.member.read",
			"user.membership.read", "group.read",
		},
	}
	s.AddOrganization(Organization{ID: DefaultOrganization, Name: "ZITADEL", PrimaryDomain: "zitadel.fake.invalid", System: true})
	s.AddUser(User{ID: Caller, UserName: "zitadeltest", Machine: true})
	routes := fake.NewRoutes(func(w http.ResponseWriter, _ *http.Request) {
		bare(w, http.StatusNotFound, 5, "Not Found")
	})
	routes.Handle("GetOrganization", "GET /admin/v1/orgs/{orgId}", s.permitted("iam.read", s.get))
	routes.Handle("GetDefaultOrganization", "GET /admin/v1/orgs/default", s.permitted("iam.read", s.getDefault))
	routes.Handle("SearchOrganizationsPage", "POST /admin/v1/orgs/_search", s.permitted("iam.read", s.search))
	routes.Handle("DeleteOrganization", "DELETE /admin/v1/orgs/{orgId}", s.permitted("iam.write", s.delete))
	routes.Handle("ListPermissions", "POST /auth/v1/permissions/zitadel/me/_search", s.authenticated(s.listPermissions))
	s.routesOfLife(routes)
	s.routesOfOwned(routes)
	routes.Handle(TokenRequest, "POST /oauth/v2/token", s.token)
	s.Server = offboardtest.NewServer(s.admit(routes), "", routes.Operation, routes.Operations()...)
	return s
}

// Option lets a client call the fake with [Token], in memory, or over loopback after Start.
func (s *Server) Option() zitadel.Option {
	base, client := s.Endpoint()
	return zitadel.Options(zitadel.WithBaseURL(base), zitadel.WithHTTPClient(client), zitadel.WithToken(Token))
}
