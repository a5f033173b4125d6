// Package workspacetest provides a stateful in-memory fake of Applivery for tests. The fake applies
// Applivery's rules and answers with Applivery's error bodies. A test reads the state of the fake
// to check which organizations were deleted.
//
//	srv := workspacetest.NewServer()
//	srv.AddOrganization(workspacetest.Organization{ID: "65f000000000000000000001", Slug: "acme"})
//	client, err := workspace.New(srv.Option())
package workspacetest

import (
	"net/http"
	"strings"
	"sync"

	"github.com/offboard-dev/offboard-go/internal/fake"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/workspace"
)

// Server is the fake. It is safe for concurrent use.
type Server struct {
	*offboardtest.Server

	mu            sync.Mutex
	organizations []*Organization
	callers       map[string]*caller // by token
	users         []User             // the user of Token, then the added users
	ids           int
	deleted       []string
}

// NewServer returns a fake without organizations.
func NewServer() *Server {
	s := &Server{}
	user := User{ID: s.id(), FirstName: "Olive", LastName: "Owner"}.complete()
	s.users = []User{user}
	s.callers = map[string]*caller{Token: {user: user, everything: true}}
	unknown := func(w http.ResponseWriter, _ *http.Request) { failure(w, http.StatusNotFound, 1002) }
	routes, slugs := fake.NewRoutes(unknown), fake.NewRoutes(unknown)
	const organization = basePath + "/organizations/{organization}"
	for _, route := range []struct {
		operation, pattern string
		handler            handler
	}{
		{"GetProfile", "GET " + basePath + "/users/profile", s.profile},
		{"ListOrganizationsPage", "GET " + basePath + "/organizations", s.list},
		{"GetOrganization", "GET " + organization, s.found(s.get)},
		{"DeleteOrganization", "DELETE " + organization, s.found(s.delete)},
		{"GetWorkspace", "GET " + organization + "/workspace", s.found(s.workspace)},
		{"ChangeOwner", "POST " + organization + "/change-owner", s.found(s.changeOwner)},
		{"ListCollaboratorsPage", "GET " + organization + "/collaborators", s.found(s.listCollaborators)},
		{"ListAppCollaboratorsPage", "GET " + organization + "/collaborators/apps", s.found(s.listAppCollaborators)},
		{"ListAppsPage", "GET " + organization + "/apps", s.found(s.listApps)},
		{"GetApp", "GET " + organization + "/apps/{app}", s.found(s.getApp)},
		{"DeleteApp", "DELETE " + organization + "/apps/{app}", s.found(s.deleteApp)},
		{"ListAppEmployeesPage", "GET " + organization + "/apps/{app}/employees", s.found(s.listEmployees)},
		{"ListStoresPage", "GET " + organization + "/stores", s.found(s.listStores)},
		{"ListSegments", "GET " + organization + "/segments", s.found(s.listSegments)},
		{"ListDevicesPage", "GET " + organization + "/mdm/devices", s.found(s.listDevices)},
		{"ListAppleDevicesPage", "GET " + organization + "/mdm/apple/enterprise/devices", s.found(s.listPlatform(workspace.DeviceTypeApple))},
		{"ListAndroidDevicesPage", "GET " + organization + "/mdm/android/enterprise/devices", s.found(s.listPlatform(workspace.DeviceTypeAndroid))},
		{"ListWindowsDevicesPage", "GET " + organization + "/mdm/windows/enterprise/devices", s.found(s.listPlatform(workspace.DeviceTypeWindows))},
		{"DisenrollAOSPDevice", "DELETE " + organization + "/mdm/aosp/enterprise/devices/{device}", s.found(s.disenroll)},
	} {
		routes.Handle(route.operation, route.pattern, s.admit(route.handler))
	}
	// In the same routes, check-slug would conflict with the path of an organization.
	slugs.Handle("CheckSlug", "GET "+basePath+"/organizations/check-slug/{slug}", s.admit(s.checkSlug))
	of := func(r *http.Request) *fake.Routes {
		if strings.HasPrefix(r.URL.Path, basePath+"/organizations/check-slug/") {
			return slugs
		}
		return routes
	}
	s.Server = offboardtest.NewServer(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { of(r).ServeHTTP(w, r) }),
		basePath,
		func(r *http.Request) string { return of(r).Operation(r) },
		append(routes.Operations(), slugs.Operations()...)...,
	)
	return s
}

// Option returns an option that connects a client to the fake with [Token]: in memory, or through
// the listener if the listener was started.
func (s *Server) Option() workspace.Option { return s.OptionWithToken(Token) }

// OptionWithToken returns the option of [Server.Option] with another token.
func (s *Server) OptionWithToken(token string) workspace.Option {
	base, client := s.Endpoint()
	return workspace.Options(workspace.WithBaseURL(base), workspace.WithHTTPClient(client), workspace.WithToken(token))
}
