// Package workspacetest is a double of Applivery for tests: in memory, stateful,
// and with Applivery's own rules. It refuses what Applivery refuses, in the bodies
// that Applivery answers with, and knows what really happened.
//
//	srv := workspacetest.NewServer()
//	srv.AddOrganization(workspacetest.Organization{ID: "65f000000000000000000001", Slug: "acme"})
//	client, err := workspace.New(srv.Option())
package workspacetest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/offboard-dev/offboard-go/internal/fake"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/workspace"
)

// Tokens that are always there. For those of other users see [Server.AddUser], of
// service accounts [Server.AddServiceAccount].
const (
	// Token is the access token of a user who may do everything with all
	// organizations, and owns those that name no other owner.
	Token = "workspacetest-token"

	// ExpiredToken was valid once.
	ExpiredToken = "workspacetest-expired-token"
)

// basePath is the path of [workspace.DefaultBaseURL].
const basePath = "/v1"

// Server is the double. It is safe for concurrent use.
type Server struct {
	*offboardtest.Server

	mu            sync.Mutex
	organizations []*Organization
	callers       map[string]*caller // by token
	users         []User             // those who were added, and that of Token
	ids           int
	deleted       []string
}

// caller is whom a token belongs to.
type caller struct {
	user         User
	organization *Organization // of a service account
	everything   bool
}

// NewServer returns a double without organizations.
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
	// Beside the others it would be ambiguous: check-slug might be an organization.
	slugs.Handle("CheckSlug", "GET "+basePath+"/organizations/check-slug/{slug}", s.admit(s.checkSlug))
	of := func(r *http.Request) *fake.Routes {
		if strings.HasPrefix(r.URL.Path, basePath+"/organizations/check-slug/") {
			return slugs
		}
		return routes
	}
	s.Server = offboardtest.NewServer(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { of(r).ServeHTTP(w, r) }),
		func(r *http.Request) string { return of(r).Operation(r) },
	)
	return s
}

// Option makes a client speak to the double, by [Token]: in memory, or to the
// listener once it was started.
func (s *Server) Option() workspace.Option { return s.OptionWithToken(Token) }

// OptionWithToken is [Server.Option] with another token.
func (s *Server) OptionWithToken(token string) workspace.Option {
	base, client := s.Endpoint()
	return workspace.Options(workspace.WithBaseURL(base+basePath), workspace.WithHTTPClient(client), workspace.WithToken(token))
}

// AddOrganization adds an organization.
func (s *Server) AddOrganization(o Organization) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o.Owner == (User{}) {
		o.Owner = s.users[0]
	}
	o = o.clone()
	if o.Created.IsZero() {
		o.Created = time.Now()
	}
	o.Collaborators = slices.Insert(o.Collaborators, 0, Collaborator{User: o.Owner, Role: workspace.CollaboratorRoleOwner})
	s.complete(&o)
	o.Owner = o.Collaborators[0].User
	s.organizations = append(s.organizations, &o)
}

// Change changes an organization, as somebody else may do meanwhile. It does nothing
// when there is none with this id.
func (s *Server) Change(id string, change func(*Organization)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.organization(id); o != nil {
		change(o)
		s.complete(o)
	}
}

// Organizations returns all organizations as they are now, with what they have.
func (s *Server) Organizations() []Organization {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Organization, 0, len(s.organizations))
	for _, o := range s.organizations {
		all = append(all, o.clone())
	}
	return all
}

// AddUser adds a user and returns the user's token. It sees the organizations that
// the user is a collaborator of, which the user becomes by
// [workspace.Client.ChangeOwner], or as a [Collaborator] with the same ID.
func (s *Server) AddUser(u User) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.identify(&u.ID)
	u = u.complete()
	s.users = append(s.users, u)
	return s.admits(&caller{user: u})
}

// AddServiceAccount adds a service account to an organization and returns its
// token. It sees no other organization and is gone with its own.
func (s *Server) AddServiceAccount(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	user := User{ID: s.id(), Role: workspace.UserRoleServiceAccount}
	user.Email = user.ID + "@" + id + ".iam.applivery.io"
	user = user.complete()
	o := s.organization(id)
	if o != nil {
		o.Collaborators = append(o.Collaborators, Collaborator{ID: s.id(), User: user, Role: workspace.CollaboratorRoleAdmin})
	}
	return s.admits(&caller{user: user, organization: o})
}

// admits makes a token for a caller.
func (s *Server) admits(c *caller) string {
	token := fmt.Sprintf("workspacetest-token-%d", len(s.callers))
	s.callers[token] = c
	return token
}

// CancelSubscriptions ends all subscriptions of an organization, as only a person
// at the dashboard can.
func (s *Server) CancelSubscriptions(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if o := s.organization(id); o != nil {
		for i := range o.Subscriptions {
			if o.Subscriptions[i].active(now) {
				o.Subscriptions[i].Ended = now
			}
		}
	}
}

// Exists reports whether an organization is there.
func (s *Server) Exists(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.organization(id) != nil
}

// Deleted returns the ids of all organizations that were deleted, in order.
func (s *Server) Deleted() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.deleted)
}

// organization returns the organization with an id; nil when there is none.
func (s *Server) organization(id string) *Organization {
	i := slices.IndexFunc(s.organizations, func(o *Organization) bool { return o.ID == id })
	if i < 0 {
		return nil
	}
	return s.organizations[i]
}

// handler answers a request of somebody.
type handler func(w http.ResponseWriter, r *http.Request, by *caller)

// admit checks the token, which each route does by itself: what is no route is
// not found with any.
func (s *Server) admit(next handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		by := s.callers[token]
		switch {
		case by != nil && (by.user.Role != workspace.UserRoleServiceAccount || slices.Contains(s.organizations, by.organization)):
			next(w, r, by)
		case token == "":
			failure(w, http.StatusUnauthorized, 4002)
		case token == ExpiredToken:
			failure(w, http.StatusUnauthorized, 4005)
		default:
			failure(w, http.StatusUnauthorized, 4004)
		}
	}
}

// seen returns the organizations that somebody sees.
func (s *Server) seen(by *caller) []*Organization {
	if by.everything {
		return s.organizations
	}
	return s.memberships(by.user)
}

// memberships returns the organizations that a user is a collaborator of.
func (s *Server) memberships(u User) []*Organization {
	var of []*Organization
	for _, o := range s.organizations {
		if o.role(u) != "" {
			of = append(of, o)
		}
	}
	return of
}

// about answers a request about an organization.
type about func(w http.ResponseWriter, r *http.Request, o *Organization, by *caller)

// found finds the organization that a request is about: by its id, or else by its
// slug.
func (s *Server) found(next about) handler {
	return func(w http.ResponseWriter, r *http.Request, by *caller) {
		idOrSlug, seen := r.PathValue("organization"), s.seen(by)
		i := slices.IndexFunc(seen, func(o *Organization) bool { return strings.EqualFold(o.ID, idOrSlug) })
		if i < 0 {
			i = slices.IndexFunc(seen, func(o *Organization) bool { return o.Slug == idOrSlug })
		}
		if i < 0 {
			failure(w, http.StatusNotFound, 3001)
			return
		}
		next(w, r, seen[i], by)
	}
}

func success(w http.ResponseWriter, data fake.Object) {
	fake.JSON(w, http.StatusOK, fake.Object{"status": true, "data": data})
}

func failure(w http.ResponseWriter, status, code int) {
	fake.JSON(w, status, fake.Object{
		"status": false, "error": fake.Object{"code": code, "message": messages[code]},
	})
}

// messages are texts of our own for the codes that the double answers.
var messages = map[int]string{
	1002: "There is no such route.",
	3001: "There is no such entity.",
	4001: "The caller may not do this.",
	4002: "There is no token.",
	4004: "The token is not valid.",
	4005: "The token has expired.",
	5111: "Some subscriptions are active.",
	5173: "The device has no token to push to.",
}
