// Package volterratest provides a stateful in-memory fake of F5 Distributed Cloud for tests. The fake
// has one tenant with its resources and answers in F5's own form. A test reads the accepted
// requests for deletion and the remaining resources.
//
//	srv := volterratest.NewServer()
//	srv.SetTenant(volterratest.Tenant{Name: "acme-kqzvxwbn", Domain: "acme"})
//	srv.AddChildTenant(volterratest.ChildTenant{Name: "branch", Takes: time.Minute})
//	client, err := volterra.New(srv.Option())
package volterratest

import (
	"net/http"
	"sync"

	"github.com/offboard-dev/offboard-go/internal/fake"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/volterra"
)

// Server is the fake. It is safe for concurrent use.
type Server struct {
	*offboardtest.Server

	mu        sync.Mutex
	tenant    Tenant
	revoked   bool // F5 refuses the credential
	accepted  []volterra.DeleteTenantRequest
	perSecond float64 // 0: unlimited
	burst     int
	buckets   map[string]*bucket

	serial        int     // of the last object
	items         []*item // all objects, in the order of their addition
	subscriptions []volterra.Subscription
	invoices      []volterra.Invoice
	missing       map[string][]volterra.ListError // by operation
}

// NewServer returns a fake of the tenant acme. The tenant has only F5's own namespaces and no rate
// limit.
func NewServer() *Server {
	s := &Server{missing: map[string][]volterra.ListError{}}
	s.SetTenant(Tenant{Name: "acme"})
	for _, name := range []string{"system", "shared", "default"} {
		s.AddNamespace(Namespace{Name: name})
	}
	routes := fake.NewRoutes(console)
	handle := func(operation, pattern string, handler http.HandlerFunc) {
		routes.Handle(operation, pattern, s.admit(operation, handler))
	}
	handle("GetTenantSettings", "GET /api/web/namespaces/system/tenant/settings", s.settings)
	handle("RequestTenantDeletion", "POST /api/web/namespaces/system/tenant/request-delete", s.requestDelete)
	handle("DeactivateTenant", "PUT /api/saas/namespaces/system/v2/tenant/deactivate", s.deactivate)
	handle("GetTenantSummary", "GET /api/config/tenants/{tenant}/summary", s.summary)
	handle("GetSupportInfo", "GET /api/web/namespaces/system/tenant/support-info", s.supportInfo)
	s.routes(handle)
	s.Server = offboardtest.NewServer(routes, "", routes.Operation, routes.Operations()...)
	return s
}

// Option returns an option that connects a client to the fake with [Token]: in memory, or through
// the listener if the listener was started.
func (s *Server) Option() volterra.Option {
	base, client := s.Endpoint()
	return volterra.Options(volterra.WithBaseURL(base), volterra.WithHTTPClient(client), volterra.WithAPIToken(Token))
}
