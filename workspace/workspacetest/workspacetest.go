// Package workspacetest is a double of Applivery for tests: in memory, stateful,
// and with Applivery's own rules. It refuses what Applivery refuses, in the bodies
// that Applivery answers with, and knows what really happened.
//
//	srv := workspacetest.NewServer()
//	srv.AddOrganization(workspacetest.Organization{ID: "65f000000000000000000001", Slug: "acme"})
//	client, err := workspace.New(srv.Option())
package workspacetest

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/offboard-dev/offboard-go/internal/fake"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/workspace"
)

// Tokens of users. For that of a service account see [Server.AddServiceAccount].
const (
	// Token is the access token of a user who may do everything with all
	// organizations.
	Token = "workspacetest-token"

	// ExpiredToken was valid once.
	ExpiredToken = "workspacetest-expired-token"
)

// basePath is the path of [workspace.DefaultBaseURL].
const basePath = "/v1"

// Organization is an organization at the double.
type Organization struct {
	ID   string // 24 hexadecimal digits
	Slug string // ID, if it is empty
	Name string // Slug, if it is empty

	Subscriptions []Subscription
}

// Subscription is a subscription of an organization. As long as it has not ended
// the organization cannot be deleted.
type Subscription struct {
	ID     string
	Plan   string
	Status string // shown, and without effect

	From, Until time.Time // of the present period; not shown when zero
	Ended       time.Time // zero: it has not
}

// active reports whether a subscription keeps its organization.
func (s Subscription) active(now time.Time) bool { return s.Ended.IsZero() || s.Ended.After(now) }

// Server is the double. It is safe for concurrent use.
type Server struct {
	*offboardtest.Server

	mu            sync.Mutex
	organizations []*Organization
	accounts      map[string]*Organization // those of service accounts, by token
	deleted       []string
}

// NewServer returns a double without organizations.
func NewServer() *Server {
	s := &Server{accounts: map[string]*Organization{}}
	routes := fake.NewRoutes(func(w http.ResponseWriter, r *http.Request) {
		failure(w, http.StatusNotFound, 1002)
	})
	routes.Handle("ListOrganizationsPage", "GET "+basePath+"/organizations", s.admit(s.list))
	routes.Handle("GetOrganization", "GET "+basePath+"/organizations/{organization}", s.admit(found(s.get)))
	routes.Handle("GetWorkspace", "GET "+basePath+"/organizations/{organization}/workspace", s.admit(found(s.workspace)))
	routes.Handle("DeleteOrganization", "DELETE "+basePath+"/organizations/{organization}", s.admit(found(s.delete)))
	s.Server = offboardtest.NewServer(routes, routes.Operation)
	return s
}

// Option makes a client speak to the double, by [Token]: in memory, or to the
// listener once it was started.
func (s *Server) Option() workspace.Option { return s.OptionWithToken(Token) }

// OptionWithToken is [Server.Option] with another token.
func (s *Server) OptionWithToken(token string) workspace.Option {
	return func(c *rest.Config) error {
		base, client := s.Reach()
		for _, option := range []workspace.Option{
			workspace.WithBaseURL(base + basePath),
			workspace.WithHTTPClient(client),
			workspace.WithToken(token),
		} {
			if err := option(c); err != nil {
				return err
			}
		}
		return nil
	}
}

// AddOrganization adds an organization.
func (s *Server) AddOrganization(o Organization) {
	o.Slug = cmp.Or(o.Slug, o.ID)
	o.Name = cmp.Or(o.Name, o.Slug)
	o.Subscriptions = slices.Clone(o.Subscriptions)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.organizations = append(s.organizations, &o)
}

// AddServiceAccount adds a service account to an organization and returns its
// token. It sees no other organization and is gone with its own.
func (s *Server) AddServiceAccount(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	token := "workspacetest-service-account-" + strconv.Itoa(len(s.accounts)+1)
	if i := slices.IndexFunc(s.organizations, func(o *Organization) bool { return o.ID == id }); i >= 0 {
		s.accounts[token] = s.organizations[i]
	}
	return token
}

// CancelSubscriptions ends all subscriptions of an organization, as only a person
// at the dashboard can.
func (s *Server) CancelSubscriptions(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for _, o := range s.organizations {
		for i := range o.Subscriptions {
			if o.ID == id && o.Subscriptions[i].active(now) {
				o.Subscriptions[i].Ended = now
			}
		}
	}
}

// Exists reports whether an organization is there.
func (s *Server) Exists(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.organizations, func(o *Organization) bool { return o.ID == id })
}

// Deleted returns the ids of all organizations that were deleted, in order.
func (s *Server) Deleted() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.deleted)
}

// handler answers a request of somebody who sees some organizations.
type handler func(w http.ResponseWriter, r *http.Request, seen []*Organization)

// admit checks the token, which each route does by itself: what is no route is
// not found with any.
func (s *Server) admit(next handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		own := s.accounts[token]
		switch {
		case token == Token:
			next(w, r, s.organizations)
		case own != nil && slices.Contains(s.organizations, own):
			next(w, r, []*Organization{own})
		case token == "":
			failure(w, http.StatusUnauthorized, 4002)
		case token == ExpiredToken:
			failure(w, http.StatusUnauthorized, 4005)
		default:
			failure(w, http.StatusUnauthorized, 4004)
		}
	}
}

// found finds the organization that a request is about: by its id, or else by its
// slug.
func found(next func(http.ResponseWriter, *Organization)) handler {
	return func(w http.ResponseWriter, r *http.Request, seen []*Organization) {
		idOrSlug := r.PathValue("organization")
		i := slices.IndexFunc(seen, func(o *Organization) bool { return strings.EqualFold(o.ID, idOrSlug) })
		if i < 0 {
			i = slices.IndexFunc(seen, func(o *Organization) bool { return o.Slug == idOrSlug })
		}
		if i < 0 {
			failure(w, http.StatusNotFound, 3001)
			return
		}
		next(w, seen[i])
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
	4002: "There is no token.",
	4004: "The token is not valid.",
	4005: "The token has expired.",
	5111: "Some subscriptions are active.",
}

// defaultLimit is how many organizations a page has when the request does not say.
const defaultLimit = 100

// list answers with a page. A name or slug selects those that are equal to it; by
// name and slug it can be sorted.
func (s *Server) list(w http.ResponseWriter, r *http.Request, seen []*Organization) {
	query := r.URL.Query()
	items := []fake.Object{}
	for _, o := range seen {
		if is(query.Get("name"), o.Name) && is(query.Get("slug"), o.Slug) {
			items = append(items, object(o))
		}
	}
	field, order, _ := strings.Cut(query.Get("sort"), ":")
	slices.SortStableFunc(items, func(a, b fake.Object) int {
		x, _ := a[field].(string)
		y, _ := b[field].(string)
		if order == "desc" {
			x, y = y, x
		}
		return strings.Compare(x, y)
	})
	page, limit := number(query.Get("page"), 1), number(query.Get("limit"), defaultLimit)
	total := len(items)
	pages := max(1, (total+limit-1)/limit)
	data := fake.Object{
		"items":     items[min((page-1)*limit, total):min(page*limit, total)],
		"totalDocs": total, "limit": limit, "page": page, "totalPages": pages,
		"hasPrevPage": page > 1, "hasNextPage": page < pages, "prevPage": nil, "nextPage": nil,
	}
	if page > 1 {
		data["prevPage"] = page - 1
	}
	if page < pages {
		data["nextPage"] = page + 1
	}
	success(w, data)
}

// is reports whether a value is the one that is asked for, which "" does not do.
func is(asked, value string) bool { return asked == "" || asked == value }

// number reads a number of 1 to 10,000.
func number(text string, otherwise int) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return otherwise
	}
	return min(max(n, 1), 10_000)
}

func (s *Server) get(w http.ResponseWriter, o *Organization) { success(w, object(o)) }

func (s *Server) workspace(w http.ResponseWriter, o *Organization) {
	subscriptions := make([]fake.Object, 0, len(o.Subscriptions))
	for _, subscription := range o.Subscriptions {
		subscriptions = append(subscriptions, fake.Object{
			"id": subscription.ID, "plan": subscription.Plan, "status": subscription.Status,
			"iniDate": date(subscription.From), "endDate": date(subscription.Until), "endedAt": date(subscription.Ended),
		})
	}
	organization := object(o)
	organization["subscriptions"] = subscriptions
	success(w, fake.Object{"organization": organization})
}

func (s *Server) delete(w http.ResponseWriter, o *Organization) {
	now := time.Now()
	if slices.ContainsFunc(o.Subscriptions, func(subscription Subscription) bool { return subscription.active(now) }) {
		failure(w, http.StatusBadRequest, 5111)
		return
	}
	s.organizations = slices.DeleteFunc(s.organizations, func(other *Organization) bool { return other == o })
	s.deleted = append(s.deleted, o.ID)
	success(w, fake.Object{"delete": "OK"})
}

func object(o *Organization) fake.Object {
	return fake.Object{
		"id": o.ID, "name": o.Name, "slug": o.Slug,
		"webSiteUrl": "https://" + o.Slug + ".example.com",
	}
}

func date(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}
