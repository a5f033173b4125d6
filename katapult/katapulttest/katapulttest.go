// Package katapulttest is a double of Katapult for tests: in memory, stateful,
// and with Katapult's own rules. It refuses what Katapult refuses, in the bodies
// that Katapult answers with, and knows what really happened.
//
//	srv := katapulttest.NewServer()
//	srv.AddOrganization(katapulttest.Organization{ID: "org_x", Name: "Acme", Open: []string{"disks"}})
//	client, err := katapult.New(srv.Option())
package katapulttest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/offboard-dev/offboard-go/internal/fake"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/katapult"
	"github.com/offboard-dev/offboard-go/offboardtest"
)

// Token is the API token that the double accepts.
const Token = "katapulttest-token"

// basePath is the path of [katapult.DefaultBaseURL].
const basePath = "/core/v1"

// Organization is an organization at the double.
type Organization struct {
	ID        string
	Name      string // ID, if it is empty
	SubDomain string // Name, if it is empty

	// Open names the deletion steps that are not satisfied.
	Open []string

	Unmanaged    bool // it cannot be deleted by this API
	Suspended    bool
	NotActivated bool
	Undeletable  bool // its deletion fails although all steps are satisfied
}

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
}

// NewServer returns a double without organizations that permits 1,000 requests a
// minute.
func NewServer() *Server {
	s := &Server{permitted: 1000, created: time.Now()}
	routes := fake.NewRoutes(func(w http.ResponseWriter, r *http.Request) {
		failure(w, http.StatusNotFound, "route_not_found", nil)
	})
	routes.Handle("ListOrganizations", "GET "+basePath+"/organizations", s.list)
	routes.Handle("GetOrganization", "GET "+basePath+"/organizations/{organization}", s.found(s.get))
	routes.Handle("GetDeletionSteps", "GET "+basePath+"/organizations/{organization}/deletion_steps", s.found(s.steps))
	routes.Handle("DeleteOrganization", "DELETE "+basePath+"/managed_organizations/{organization}", s.found(s.delete))
	s.Server = offboardtest.NewServer(s.admit(routes), routes.Operation)
	return s
}

// Option makes a client speak to the double: in memory, or to the listener once
// it was started.
func (s *Server) Option() katapult.Option {
	return func(c *rest.Config) error {
		base, client := s.Reach()
		for _, option := range []katapult.Option{
			katapult.WithBaseURL(base + basePath),
			katapult.WithHTTPClient(client),
			katapult.WithToken(Token),
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
	o.Name = cmp.Or(o.Name, o.ID)
	o.SubDomain = cmp.Or(o.SubDomain, o.Name)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.organizations = append(s.organizations, &o)
}

// SetOpen sets the deletion steps of an organization that are not satisfied; with
// none given all are.
func (s *Server) SetOpen(id string, steps ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.organizations {
		if o.ID == id {
			o.Open = steps
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

// LimitRate sets how many requests are permitted in a minute of the clock.
func (s *Server) LimitRate(perMinute int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.permitted = perMinute
}

// admit does what Katapult does before it looks at the operation: it counts the
// request and checks the token. Every answer has the headers.
func (s *Server) admit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if permitted, ok := s.count(w.Header()); !ok {
			failure(w, http.StatusTooManyRequests, "rate_limit_reached", fake.Object{"total_permitted": permitted})
			return
		}
		switch r.Header.Get("Authorization") {
		case "Bearer " + Token:
			next.ServeHTTP(w, r)
		case "":
			failure(w, http.StatusBadRequest, "missing_api_token", nil)
		default:
			failure(w, http.StatusForbidden, "invalid_api_token", fake.Object{"details": nil})
		}
	})
}

// count counts a request and reports how many a minute may have, and whether this
// one is among them.
func (s *Server) count(h http.Header) (int, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now().UTC()
	if minute := now.Truncate(time.Minute); !minute.Equal(s.minute) {
		s.minute, s.used = minute, 0
	}
	s.requests++
	ok := s.used < s.permitted
	if ok {
		s.used++
	}
	h.Set("Date", now.Format(http.TimeFormat))
	h.Set("X-Request-Id", fmt.Sprintf("00000000-0000-4000-8000-%012d", s.requests))
	h.Set("X-Ratelimit-Permitted", strconv.Itoa(s.permitted))
	h.Set("X-Ratelimit-Remaining", strconv.Itoa(max(0, s.permitted-s.used)))
	return s.permitted, ok
}

// failure answers with an error as live traffic has it: wrapped, and with a
// detail even where there is none.
func failure(w http.ResponseWriter, status int, code string, detail fake.Object) {
	if detail == nil {
		detail = fake.Object{}
	}
	w.Header().Set("X-Api-Schema", "json-error")
	fake.JSON(w, status, fake.Object{"error": fake.Object{
		"code": code, "description": descriptions[code], "detail": detail,
	}})
}

// descriptions are texts of our own for the codes that the double answers.
var descriptions = map[string]string{
	"deletion_failed":               "The organization was not deleted.",
	"deletion_steps_not_satisfied":  "Some deletion steps are open.",
	"invalid_api_token":             "The token is not valid.",
	"invalid_argument":              "The lookup is not valid.",
	"managed_organization_required": "The organization is not a managed one.",
	"missing_api_token":             "There is no token.",
	"organization_not_activated":    "The organization is not activated.",
	"organization_not_found":        "There is no such organization.",
	"organization_suspended":        "The organization is suspended.",
	"rate_limit_reached":            "The limit for this minute is reached.",
	"route_not_found":               "There is no such route.",
}

// found finds the organization that a request is about, by Katapult's rules.
func (s *Server) found(next func(http.ResponseWriter, *Organization)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		id, subDomain := lookup(r)
		if id != nil && subDomain != nil {
			failure(w, http.StatusBadRequest, "invalid_argument", fake.Object{
				"issue": "ambiguous_lookup_values", "path": []string{"organization"}, "errors": []string{},
			})
			return
		}
		i := slices.IndexFunc(s.organizations, func(o *Organization) bool {
			return id != nil && o.ID == *id || subDomain != nil && o.SubDomain == *subDomain
		})
		if i < 0 {
			failure(w, http.StatusNotFound, "organization_not_found", nil)
			return
		}
		o := s.organizations[i]
		switch {
		case o.Suspended:
			failure(w, http.StatusForbidden, "organization_suspended", nil)
		case o.NotActivated:
			failure(w, http.StatusForbidden, "organization_not_activated", nil)
		default:
			next(w, o)
		}
	}
}

// lookup reads the lookup where the method has it. Without one, as with a body
// that is not declared to be JSON, the path's own segment is taken for the id.
func lookup(r *http.Request) (id, subDomain *string) {
	query := r.URL.Query()
	value := func(key string) *string {
		if !query.Has(key) {
			return nil
		}
		v := query.Get(key)
		return &v
	}
	id, subDomain = value("organization[id]"), value("organization[sub_domain]")
	if mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); mediaType == "application/json" {
		var body struct {
			Organization struct {
				ID        *string `json:"id"`
				SubDomain *string `json:"sub_domain"`
			} `json:"organization"`
		}
		_ = json.NewDecoder(r.Body).Decode(&body)
		id, subDomain = cmp.Or(body.Organization.ID, id), cmp.Or(body.Organization.SubDomain, subDomain)
	}
	if id == nil && subDomain == nil {
		segment := r.PathValue("organization")
		id = &segment
	}
	return id, subDomain
}

func (s *Server) list(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]fake.Object, 0, len(s.organizations))
	for _, o := range s.organizations {
		all = append(all, s.object(o))
	}
	fake.JSON(w, http.StatusOK, fake.Object{"organizations": all})
}

func (s *Server) get(w http.ResponseWriter, o *Organization) {
	full := s.object(o)
	for _, key := range []string{
		"billing_name", "address1", "address2", "address3", "address4", "postcode",
		"vat_number", "phone_number", "country", "country_state",
	} {
		full[key] = nil
	}
	full["currency"] = fake.Object{"id": "cur_eur", "name": "Euro", "iso_code": "EUR", "symbol": "€"}
	fake.JSON(w, http.StatusOK, fake.Object{"organization": full})
}

func (s *Server) object(o *Organization) fake.Object {
	return fake.Object{
		"id": o.ID, "name": o.Name, "sub_domain": o.SubDomain,
		"infrastructure_domain": o.SubDomain + ".example.com",
		"created_at":            s.created.Unix(), "activated_at": s.created.Unix(),
		"suspended": o.Suspended, "managed": !o.Unmanaged,
	}
}

func (s *Server) steps(w http.ResponseWriter, o *Organization) {
	fake.JSON(w, http.StatusOK, fake.Object{"steps": steps(o)})
}

func (s *Server) delete(w http.ResponseWriter, o *Organization) {
	switch {
	case o.Unmanaged:
		failure(w, http.StatusConflict, "managed_organization_required", nil)
	case len(o.Open) > 0:
		failure(w, http.StatusConflict, "deletion_steps_not_satisfied", fake.Object{"steps": steps(o)})
	case o.Undeletable:
		failure(w, http.StatusInternalServerError, "deletion_failed", nil)
	default:
		s.organizations = slices.DeleteFunc(s.organizations, func(other *Organization) bool { return other == o })
		s.deleted = append(s.deleted, o.ID)
		fake.JSON(w, http.StatusOK, fake.Object{"success": true})
	}
}

func steps(o *Organization) fake.Object {
	all := fake.Object{}
	for _, name := range append(stepNames, o.Open...) {
		all[name] = fake.Object{
			"satisfied":   !slices.Contains(o.Open, name),
			"description": "Still to do: " + strings.ReplaceAll(name, "_", " ") + ".",
		}
	}
	return all
}

// stepNames are the steps that Katapult documents.
var stepNames = []string{
	"managed_organizations", "virtual_machines", "disks", "file_storage_volumes",
	"disk_backup_policies", "isos", "disk_templates", "load_balancers", "dns_zones",
	"empty_trash", "virtual_networks", "ip_addresses", "object_storage",
	"ensure_zero_balance", "ensure_no_outstanding_invoices",
}
