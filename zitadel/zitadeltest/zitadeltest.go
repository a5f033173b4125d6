// Package zitadeltest is a double of an instance of Zitadel for tests: in memory,
// stateful, and with Zitadel's own rules. It refuses what Zitadel refuses, in the
// bodies that Zitadel answers with, and knows what really happened.
//
//	srv := zitadeltest.NewServer()
//	srv.AddOrganization(zitadeltest.Organization{ID: "312909075211944042", Name: "Acme"})
//	client, err := zitadel.New(srv.Option())
//
// It plays v4.13.1, or v2.54.10 when told to.
package zitadeltest

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/offboard-dev/offboard-go/internal/fake"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/zitadel"
)

// Token is the personal access token that the double accepts. Its user has the
// role IAM_OWNER, unless [Server.SetPermissions] says otherwise.
const Token = "zitadeltest-token"

// DefaultOrganization is the id of the organization that every double has at
// first: the default one, and the one of Zitadel's own project.
const DefaultOrganization = "100000000000000001"

// instance is the id of the instance.
const instance = "100000000000000000"

// Organization is an organization at the double.
type Organization struct {
	ID            string
	Name          string // ID, if it is empty
	PrimaryDomain string // of the name, if it is empty

	Inactive    bool // it is deactivated, which is no obstacle
	System      bool // it has Zitadel's own project, from now on
	Home        bool // the users of the credentials belong to it, from now on
	Undeletable bool // its deletion fails
}

// Server is the double. It is safe for concurrent use.
type Server struct {
	*offboardtest.Server

	mu             sync.Mutex
	organizations  []*organization
	first          string // the id of the default organization
	system         string // the id of the organization with Zitadel's own project
	home           string // the id of the organization of the credentials' users
	deleted        []string
	permissions    []string
	tokens         map[string]token
	key            key
	legacy         bool
	blocked        bool
	quotaExhausted bool
	lag            time.Duration
	requests       int
	items          []*item // what the organizations have
	ids            int     // how many were made
	changes        int     // of the default organization
}

// organization is an organization, or what is left of it.
type organization struct {
	Organization
	sequence         int
	created, changed time.Time
	removed          bool
	hidden           time.Duration // from lists, since it was created
}

// NewServer returns a double with one organization, [DefaultOrganization].
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
	s.AddUser(User{ID: Caller, UserName: "zitadeltest", Machine: true})
	s.AddOrganization(Organization{ID: DefaultOrganization, Name: "ZITADEL", PrimaryDomain: "zitadel.double.invalid", System: true})
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
	s.Server = offboardtest.NewServer(s.admit(routes), routes.Operation)
	return s
}

// Option makes a client speak to the double: in memory, or to the listener once
// it was started.
func (s *Server) Option() zitadel.Option {
	base, client := s.Endpoint()
	return zitadel.Options(zitadel.WithBaseURL(base), zitadel.WithHTTPClient(client), zitadel.WithToken(Token))
}

// AddOrganization adds an organization.
func (s *Server) AddOrganization(o Organization) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o = complete(o)
	if o.System {
		s.system = o.ID
	}
	if o.Home {
		s.home = o.ID
		s.item(users, Caller).owner = o.ID
	}
	s.place(o, 4, 0)
}

// complete fills in what an organization always has.
func complete(o Organization) Organization {
	o.Name = cmp.Or(o.Name, o.ID)
	o.PrimaryDomain = cmp.Or(o.PrimaryDomain, strings.ReplaceAll(strings.ToLower(o.Name), " ", "-")+".double.invalid")
	return o
}

// place adds an organization with its primary domain. It is hidden from lists for a
// while.
func (s *Server) place(o Organization, sequence int, hidden time.Duration) *organization {
	now := time.Now().UTC()
	placed := &organization{Organization: o, sequence: sequence, created: now, changed: now, hidden: hidden}
	s.organizations = append(s.organizations, placed)
	s.add(&item{kind: domains, owner: o.ID, name: o.PrimaryDomain, verified: true, primary: true})
	return placed
}

// SetDefault makes an organization the default one.
func (s *Server) SetDefault(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.first = id
}

// SetPermissions sets what the [Caller] may do in all of the instance, such as
// "iam.read". Without any permission it has no role there; see [Server.AddMember]
// for one in an organization.
func (s *Server) SetPermissions(permissions ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.permissions = permissions
}

// Legacy makes the double play v2.54.10: there is no API v2 and no query by id, an
// organization that was deleted is not read any more and not known in a header, a
// request without a credential is answered with 401, an id that is too long with
// 400, and answers have no X-Request-Id.
func (s *Server) Legacy(legacy bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.legacy = legacy
}

// Block blocks the instance, as its operator can.
func (s *Server) Block(blocked bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blocked = blocked
}

// ExhaustQuota uses up the quota of the instance.
func (s *Server) ExhaustQuota(exhausted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quotaExhausted = exhausted
}

// Lag lets lists follow requests that create or delete something after some time
// only.
func (s *Server) Lag(lag time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lag = lag
}

// Exists reports whether an organization is there.
func (s *Server) Exists(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.present(id) != nil
}

// Deleted returns the ids of all organizations that were deleted, in order.
func (s *Server) Deleted() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.deleted)
}

// find returns an organization or what is left of it.
func (s *Server) find(id string) *organization {
	for _, o := range slices.Backward(s.organizations) { // an id can be used again
		if o.ID == id {
			return o
		}
	}
	return nil
}

// present returns an organization that was not deleted.
func (s *Server) present(id string) *organization {
	if o := s.find(id); o != nil && !o.removed {
		return o
	}
	return nil
}

// admit does what Zitadel does before it looks at the operation: the host has to
// be that of the instance, and the instance has to be in use.
func (s *Server) admit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.requests++; !s.legacy {
			w.Header().Set("X-Request-Id", fmt.Sprintf("double%014d", s.requests))
		}
		oauth := strings.HasPrefix(r.URL.Path, "/oauth/")
		_, host, _ := strings.Cut(s.issuer(), "://")
		switch {
		case r.Host != host:
			bare(w, http.StatusNotFound, 5, "no instance for "+r.Host+": ID=QUERY-1kIjX Message=Instance not found")
		case s.blocked && oauth:
			exhausted(w)
			http.Error(w, "This instance is blocked.", http.StatusTooManyRequests)
		case s.blocked:
			exhausted(w)
			failure(w, 8, "LIMITS-molsj", "The instance is blocked")
		case s.quotaExhausted && !oauth:
			exhausted(w)
			failure(w, 8, "QUOTA-vjAy8", "The quota is used up")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// issuer is the URL of the double.
func (s *Server) issuer() string {
	base, _ := s.Endpoint()
	return base
}

func exhausted(w http.ResponseWriter) {
	w.Header().Add("Set-Cookie", "zitadel.quota.exhausted=true; Path=/; Max-Age=60; SameSite=Lax")
}

// authenticated checks the token.
func (s *Server) authenticated(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		authorization := r.Header.Get("Authorization")
		secret, bearer := strings.CutPrefix(authorization, "Bearer ")
		switch {
		case authorization == "":
			s.plain(w, 16, "Unauthenticated", "auth header missing")
		case !bearer || secret == "":
			failure(w, 16, "AUTH-toLo1", "The Authorization is not valid")
		case secret != Token && !s.tokens[secret].valid() || s.present(s.home) == nil:
			failure(w, 16, "AUTH-7fs1e", "The token is not valid")
		case !s.known(r):
			failure(w, 7, "AUTH-Bs7Ds", "There is no such organization")
		default:
			next(w, r)
		}
	}
}

// permitted checks the token, the permission and the id.
func (s *Server) permitted(permission string, next http.HandlerFunc) http.HandlerFunc {
	return s.authenticated(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !s.isMember():
			failure(w, 5, "AUTHZ-cdgFk", "There is no membership")
		case !slices.Contains(s.permissions, permission):
			failure(w, 7, "AUTH-5mWD2", "There is no permission")
		case utf8.RuneCountInString(r.PathValue("orgId")) > 200:
			s.plain(w, 3, "InvalidArgument", "the id is too long")
		default:
			next(w, r)
		}
	})
}

func (s *Server) get(w http.ResponseWriter, r *http.Request) {
	s.answer(w, s.find(r.PathValue("orgId")))
}

// answer answers with an organization. One that was deleted is read without a
// state, or not at all.
func (s *Server) answer(w http.ResponseWriter, o *organization) {
	if o == nil || o.removed && s.legacy {
		failure(w, 5, "QUERY-leq5Q", "There is no such organization")
		return
	}
	fake.JSON(w, http.StatusOK, fake.Object{"org": o.object(!o.removed)})
}

func (s *Server) getDefault(w http.ResponseWriter, _ *http.Request) {
	if o := s.find(s.first); o != nil {
		fake.JSON(w, http.StatusOK, fake.Object{"org": o.object(true)})
		return
	}
	failure(w, 5, "QUERY-leq5Q", "There is no such organization")
}

// object is an organization as it is read. One that was deleted has no state.
func (o *organization) object(state bool) fake.Object {
	object := fake.Object{
		"id": o.ID, "name": o.Name, "primaryDomain": o.PrimaryDomain,
		"details": fake.Object{
			"sequence": fmt.Sprint(o.sequence), "creationDate": date(o.created), "changeDate": date(o.changed),
			"resourceOwner": o.ID,
		},
	}
	if state {
		object["state"] = o.state()
	}
	return object
}

func (o *organization) state() zitadel.OrganizationState {
	if o.Inactive {
		return zitadel.OrganizationStateInactive
	}
	return zitadel.OrganizationStateActive
}

func date(t time.Time) string { return t.Format("2006-01-02T15:04:05.000000Z07:00") }

func (s *Server) delete(w http.ResponseWriter, r *http.Request) { s.deleteV1(w, r.PathValue("orgId")) }

// deleteV1 deletes an organization as both APIs v1 do.
func (s *Server) deleteV1(w http.ResponseWriter, id string) {
	if !s.allows(w, id) {
		return
	}
	o := s.present(id)
	if o == nil {
		failure(w, 5, "COMMA-aps2n", "There is no such organization")
		return
	}
	s.take(o)
	fake.JSON(w, http.StatusOK, fake.Object{"details": fake.Object{
		"sequence": fmt.Sprint(o.sequence), "changeDate": date(o.changed), "resourceOwner": instance,
	}})
}

// allows answers with an error when an organization has to stay.
func (s *Server) allows(w http.ResponseWriter, id string) bool {
	o := s.present(id)
	switch {
	case id == s.first:
		failure(w, 9, "COMMA-wG9p1", "The default organization has to stay")
	case id == s.system:
		failure(w, 9, "COMMA-AF3JW", "The organization with the project of Zitadel has to stay")
	case o != nil && o.Undeletable:
		failure(w, 13, "V3-C8l3V", "The events could not be stored")
	default:
		return true
	}
	return false
}

// take deletes an organization with all that goes with it.
func (s *Server) take(o *organization) {
	o.removed, o.changed = true, time.Now().UTC()
	o.sequence++
	s.deleted = append(s.deleted, o.ID)
	s.remove(o.ID)
}

func (s *Server) listPermissions(w http.ResponseWriter, _ *http.Request) {
	answer := fake.Object{}
	if permissions := s.permissionsIn(s.home); len(permissions) > 0 {
		answer["result"] = permissions
	}
	fake.JSON(w, http.StatusOK, answer)
}

// statuses are the HTTP statuses of gRPC codes.
var statuses = map[int]int{
	2:  http.StatusInternalServerError,
	3:  http.StatusBadRequest,
	5:  http.StatusNotFound,
	6:  http.StatusConflict,
	7:  http.StatusForbidden,
	8:  http.StatusTooManyRequests,
	9:  http.StatusBadRequest,
	13: http.StatusInternalServerError,
	16: http.StatusUnauthorized,
}

// failure answers with an error that has an id.
func failure(w http.ResponseWriter, code int, id, text string) {
	message := text + " (" + id + ")"
	if code == 16 {
		w.Header().Set("WWW-Authenticate", message)
	}
	fake.JSON(w, statuses[code], fake.Object{"code": code, "message": message, "details": []fake.Object{{
		"@type": "type.googleapis.com/zitadel.v1.ErrorDetail", "id": id, "message": text,
	}}})
}

// plain answers with an error that has no id: v4.13.1 puts it into another one.
func (s *Server) plain(w http.ResponseWriter, code int, word, text string) {
	if s.legacy {
		bare(w, statuses[code], code, text)
		return
	}
	text = "rpc error: code = " + word + " desc = " + text
	fake.JSON(w, statuses[2], fake.Object{"code": 2, "message": text + " ()", "details": []fake.Object{{
		"@type": "type.googleapis.com/zitadel.v1.ErrorDetail", "message": text,
	}}})
}

// bare answers with an error from before the operation.
func bare(w http.ResponseWriter, status, code int, text string) {
	fake.JSON(w, status, fake.Object{"code": code, "message": text})
}
