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
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/offboard-dev/offboard-go/internal/fake"
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

	// Parent is the id of the organization that manages it, where that matters.
	Parent string

	// Open names deletion steps that are not satisfied, beside those that something
	// keeps open. It is how to have a balance or an invoice that is not settled.
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

	kinds    []*kind
	things   []*thing
	tasks    []*task
	taskTime time.Duration
	failing  int             // how many of the coming tasks fail
	regions  map[string]bool // in which there is object storage
	large    bool
	maxPage  int
	ids      map[string]int // how many were made up, by prefix
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
	routes.Handle("ListOrganizations", "GET "+basePath+"/organizations", s.handle(s.list))
	routes.Handle("GetOrganization", "GET "+basePath+"/organizations/{organization}", s.inOrganization(s.getOrganization))
	routes.Handle("GetDeletionSteps", "GET "+basePath+"/organizations/{organization}/deletion_steps", s.inOrganization(s.getSteps))
	routes.Handle("DeleteOrganization", "DELETE "+basePath+"/managed_organizations/{organization}", s.inOrganization(s.deleteOrganization))
	routes.Handle("ListManagedOrganizationsPage", "GET "+basePath+"/organizations/{organization}/managed", s.inOrganization(s.listManaged))
	routes.Handle("CreateManagedOrganization", "POST "+basePath+"/organizations/{organization}/managed", s.inOrganization(s.create))
	s.handleThings(routes)
	s.Server = offboardtest.NewServer(s.admit(routes), routes.Operation)
	return s
}

// Option makes a client speak to the double: in memory, or to the listener once
// it was started.
func (s *Server) Option() katapult.Option {
	base, client := s.Endpoint()
	return katapult.Options(katapult.WithBaseURL(base+basePath), katapult.WithHTTPClient(client), katapult.WithToken(Token))
}

// AddOrganization adds an organization.
func (s *Server) AddOrganization(o Organization) {
	o.Name = cmp.Or(o.Name, o.ID)
	o.SubDomain = cmp.Or(o.SubDomain, o.Name)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.organizations = append(s.organizations, &o)
}

// SetOpen sets the deletion steps of an organization that are not satisfied beside
// those that something keeps open.
func (s *Server) SetOpen(id string, steps ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.organization(id); o != nil {
		o.Open = steps
	}
}

// SetLargeSets lets lists be large sets, of which the API counts neither the items
// nor the pages.
func (s *Server) SetLargeSets(large bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.large = large
}

// SetMaxPageSize sets the largest number of items of a page, whatever is requested; 0
// for no limit.
func (s *Server) SetMaxPageSize(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.maxPage = n
}

// organization returns the organization with an id; nil when there is none.
func (s *Server) organization(id string) *Organization {
	for _, o := range s.organizations {
		if o.ID == id {
			return o
		}
	}
	return nil
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
	"deletion_failed":                        "The organization was not deleted.",
	"deletion_restricted":                    "Something is left in it.",
	"disk_backup_policy_not_found":           "There is no such disk backup policy.",
	"disk_not_found":                         "There is no such disk.",
	"dns_zone_not_found":                     "There is no such DNS zone.",
	"file_storage_volume_not_found":          "There is no such file storage volume.",
	"ip_address_not_found":                   "There is no such IP address.",
	"load_balancer_not_found":                "There is no such load balancer.",
	"multiple_object_storage_buckets_found":  "Several buckets have this name.",
	"no_allocation":                          "Nothing holds the address.",
	"object_in_trash":                        "It is in the trash.",
	"object_storage_access_key_not_found":    "There is no such access key.",
	"object_storage_account_not_found":       "There is no object storage here.",
	"object_storage_bucket_deletion_error":   "The bucket was not deleted.",
	"object_storage_bucket_not_found":        "There is no such bucket.",
	"object_storage_cluster_not_found":       "There is no such cluster.",
	"permission_denied":                      "This may not be done.",
	"resource_does_not_support_unallocation": "What holds the address does not let go of it.",
	"task_not_found":                         "There is no such task.",
	"task_queueing_error":                    "The task was not queued.",
	"trash_object_not_found":                 "There is nothing such in the trash.",
	"unable_to_unassign":                     "The disk was not unassigned.",
	"unassigned_disk":                        "The disk is assigned to no virtual machine.",
	"validation_error":                       "It was refused as it is.",
	"virtual_machine_not_found":              "There is no such virtual machine.",
	"virtual_network_not_found":              "There is no such virtual network.",
	"deletion_steps_not_satisfied":           "Some deletion steps are open.",
	"invalid_api_token":                      "The token is not valid.",
	"invalid_argument":                       "The lookup is not valid.",
	"managed_organization_required":          "The organization is not a managed one.",
	"missing_api_token":                      "There is no token.",
	"organization_not_activated":             "The organization is not activated.",
	"organization_not_found":                 "There is no such organization.",
	"organization_suspended":                 "The organization is suspended.",
	"rate_limit_reached":                     "The limit for this minute is reached.",
	"route_not_found":                        "There is no such route.",
}

func (s *Server) list(q *request) {
	all := make([]fake.Object, 0, len(s.organizations))
	for _, o := range s.organizations {
		all = append(all, s.object(o))
	}
	q.answer(http.StatusOK, fake.Object{"organizations": all})
}

func (s *Server) listManaged(q *request, o *Organization) {
	children := []fake.Object{}
	for _, child := range s.organizations {
		if child.Parent == o.ID {
			item := s.object(child)
			delete(item, "suspended")
			delete(item, "activated_at")
			children = append(children, item)
		}
	}
	s.page(q, "organizations", children)
}

func (s *Server) create(q *request, o *Organization) {
	child := &Organization{ID: s.newID("org"), Name: q.text("name"), SubDomain: q.text("sub_domain"), Parent: o.ID}
	for _, other := range s.organizations {
		if other.SubDomain == child.SubDomain {
			q.fail(http.StatusUnprocessableEntity, "validation_error", fake.Object{"errors": []string{"The sub domain is taken."}})
			return
		}
	}
	s.organizations = append(s.organizations, child)
	q.answer(http.StatusCreated, fake.Object{"organization": s.fullOrganization(child), "annotations": []any{}})
}

func (s *Server) getOrganization(q *request, o *Organization) {
	q.answer(http.StatusOK, fake.Object{"organization": s.fullOrganization(o)})
}

func (s *Server) fullOrganization(o *Organization) fake.Object {
	full := s.object(o)
	for _, key := range []string{
		"billing_name", "address1", "address2", "address3", "address4", "postcode",
		"vat_number", "phone_number", "country", "country_state",
	} {
		full[key] = nil
	}
	full["currency"] = fake.Object{"id": "cur_eur", "name": "Euro", "iso_code": "EUR", "symbol": "€"}
	return full
}

func (s *Server) object(o *Organization) fake.Object {
	return fake.Object{
		"id": o.ID, "name": o.Name, "sub_domain": o.SubDomain,
		"infrastructure_domain": domain(o),
		"created_at":            s.created.Unix(), "activated_at": s.created.Unix(),
		"suspended": o.Suspended, "managed": !o.Unmanaged,
	}
}

func (s *Server) getSteps(q *request, o *Organization) {
	q.answer(http.StatusOK, fake.Object{"steps": steps(s.open(o))})
}

func (s *Server) deleteOrganization(q *request, o *Organization) {
	open := s.open(o)
	switch {
	case o.Unmanaged:
		q.fail(http.StatusConflict, "managed_organization_required", nil)
	case len(open) > 0:
		q.fail(http.StatusConflict, "deletion_steps_not_satisfied", fake.Object{"steps": steps(open)})
	case o.Undeletable:
		q.fail(http.StatusInternalServerError, "deletion_failed", nil)
	default:
		s.organizations = slices.DeleteFunc(s.organizations, func(other *Organization) bool { return other == o })
		s.deleted = append(s.deleted, o.ID)
		q.answer(http.StatusOK, fake.Object{"success": true})
	}
}

func steps(open []string) fake.Object {
	all := fake.Object{}
	for _, name := range slices.Concat(stepNames, open) {
		all[name] = fake.Object{
			"satisfied":   !slices.Contains(open, name),
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
