// Package volterratest is a double of F5 Distributed Cloud for tests: one tenant,
// in memory, with F5's own answers, and with what it owns. It knows which requests
// for deletion were accepted, and what is left.
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

// Server is the double. It is safe for concurrent use.
type Server struct {
	*offboardtest.Server

	mu        sync.Mutex
	tenant    Tenant
	dead      bool // the credential
	accepted  []volterra.DeleteTenantRequest
	perSecond float64 // 0: no limit
	burst     int
	buckets   map[string]*bucket

	serial        int     // of the last object
	items         []*item // all objects, in the order in which they were added
	subscriptions []volterra.Subscription
	invoices      []volterra.Invoice
	missing       map[string][]volterra.ListError // by operation
}

// NewServer returns a double of a tenant that is called acme and has nothing but
// the namespaces that come with it, without a rate limit.
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
	s.Server = offboardtest.NewServer(routes, routes.Operation, routes.Operations()...)
	return s
}

// Option makes a client speak to the double: in memory, or to the listener once
// it was started.
func (s *Server) Option() volterra.Option {
	base, client := s.Endpoint()
	return volterra.Options(volterra.WithBaseURL(base), volterra.WithHTTPClient(client), volterra.WithAPIToken(Token))
}
