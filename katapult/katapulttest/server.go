// Package katapulttest is a fake of the Katapult Core API for tests. It keeps its state
// in memory, applies Katapult's rules, and answers with Katapult's bodies.
//
//	srv := katapulttest.NewServer()
//	srv.AddOrganization(katapulttest.Organization{ID: "org_acme", Name: "Acme"})
//	srv.Add("org_acme", katapulttest.VirtualMachine{ID: "vm_web"}, katapulttest.DNSZone{Name: "acme.com"})
//	client, err := katapult.New(srv.Option())
//
// [Server.Add] adds resources to an organization. A resource blocks the deletion until
// the API or [Server.Remove] removes it and it is no longer in the trash. Tasks take
// time, and the fake purges the trash after 48 hours, by the clock of package time: use
// testing/synctest.
//
// If Katapult documents no code for a refusal, the fake answers with the nearest code
// that the operation documents: permission_denied if a running virtual machine is
// deleted, and task_queueing_error if a stopped one is stopped or a detached disk is
// detached.
package katapulttest

import (
	"net/http"
	"sync"
	"time"

	"github.com/offboard-dev/offboard-go/internal/fake"
	"github.com/offboard-dev/offboard-go/katapult"
	"github.com/offboard-dev/offboard-go/offboardtest"
)

// Server is the fake. It is safe for concurrent use.
type Server struct {
	*offboardtest.Server

	mu            sync.Mutex
	organizations []*Organization
	deleted       []string
	created       time.Time
	permitted     int
	minute        time.Time // the minute of used
	used          int
	requests      int

	kinds     []*kind
	resources []*resource
	tasks     []*task
	taskTime  time.Duration
	failing   int             // number of next tasks that fail
	regions   map[string]bool // regions with object storage
	large     bool
	maxPage   int
	ids       map[string]int // number of generated IDs, by prefix
}

// NewServer returns a fake without organizations. It permits 1,000 requests per minute.
func NewServer() *Server {
	s := &Server{
		permitted: 1000, created: time.Now(),
		taskTime: 6 * time.Second, regions: map[string]bool{defaultRegion: true}, ids: map[string]int{},
	}
	s.kinds = s.allKinds()
	routes := fake.NewRoutes(func(w http.ResponseWriter, r *http.Request) {
		failure(w, http.StatusNotFound, "route_not_found", nil)
	})
	routes.Handle("ListOrganizations", "GET "+basePath+"/organizations", s.handle(s.listOrganizations))
	routes.Handle("GetOrganization", "GET "+basePath+"/organizations/{organization}", s.withOrganization(s.getOrganization))
	routes.Handle("GetDeletionSteps", "GET "+basePath+"/organizations/{organization}/deletion_steps", s.withOrganization(s.getSteps))
	routes.Handle("DeleteOrganization", "DELETE "+basePath+"/managed_organizations/{organization}", s.withOrganization(s.deleteOrganization))
	routes.Handle("ListManagedOrganizationsPage", "GET "+basePath+"/organizations/{organization}/managed", s.withOrganization(s.listManaged))
	routes.Handle("CreateManagedOrganization", "POST "+basePath+"/organizations/{organization}/managed", s.withOrganization(s.createOrganization))
	s.handleResources(routes)
	s.Server = offboardtest.NewServer(s.admit(routes), basePath, routes.Operation, routes.Operations()...)
	return s
}

// Option connects a client to the fake: in memory, or over the listener after Start.
func (s *Server) Option() katapult.Option {
	base, client := s.Endpoint()
	return katapult.Options(katapult.WithBaseURL(base), katapult.WithHTTPClient(client), katapult.WithToken(Token))
}
