// Package katapulttest is a double of Katapult for tests: in memory, stateful,
// and with Katapult's own rules. It refuses what Katapult refuses, in the bodies
// that Katapult answers with, and knows what really happened.
//
//	srv := katapulttest.NewServer()
//	srv.AddOrganization(katapulttest.Organization{ID: "org_acme", Name: "Acme"})
//	srv.Add("org_acme", katapulttest.VirtualMachine{ID: "vm_web"}, katapulttest.DNSZone{Name: "acme.com"})
//	client, err := katapult.New(srv.Option())
//
// What an organization has is added by [Server.Add] and blocks its deletion until it
// is removed, by the API or by [Server.Remove], and is no longer in the trash. Tasks
// take their time, and the trash empties itself after 48 hours, by the clock of
// package time: use testing/synctest.
//
// Where Katapult documents no code for a refusal the double has the nearest one that
// the operation documents: a virtual machine that runs is not deleted
// (permission_denied), and one that does not run cannot be stopped, nor a disk be
// detached that is not attached (task_queueing_error).
package katapulttest

import (
	"net/http"
	"sync"
	"time"

	"github.com/offboard-dev/offboard-go/internal/fake"
	"github.com/offboard-dev/offboard-go/katapult"
	"github.com/offboard-dev/offboard-go/offboardtest"
)

// Server is the double. It is safe for concurrent use.
type Server struct {
	*offboardtest.Server

	mu            sync.Mutex
	organizations []*Organization
	deleted       []string
	created       time.Time
	permitted     int
	minute        time.Time // in which used counts
	used          int
	requests      int

	kinds     []*kind
	resources []*resource
	tasks     []*task
	taskTime  time.Duration
	failing   int             // how many of the coming tasks fail
	regions   map[string]bool // in which there is object storage
	large     bool
	maxPage   int
	ids       map[string]int // how many were made up, by prefix
}

// NewServer returns a double without organizations that permits 1,000 requests a
// minute.
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
	s.Server = offboardtest.NewServer(s.admit(routes), routes.Operation, routes.Operations()...)
	return s
}

// Option makes a client speak to the double: in memory, or to the listener once
// it was started.
func (s *Server) Option() katapult.Option {
	base, client := s.Endpoint()
	return katapult.Options(katapult.WithBaseURL(base+basePath), katapult.WithHTTPClient(client), katapult.WithToken(Token))
}
