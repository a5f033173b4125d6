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
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/offboard-dev/offboard-go/internal/fake"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/volterra"
)

// Token is the API token that the double accepts. A client certificate that the
// listener in front of it has verified is accepted as well.
const Token = "volterratest-token"

// Tenant is the tenant that the double plays.
type Tenant struct {
	Name        string
	Domain      string // Name, if it is empty
	CompanyName string
	State       volterra.TenantState // StateActive, if it is empty

	// Unprivileged: the credential may read and not delete.
	Unprivileged bool

	// KeepsCredential: the credential outlives an accepted request for deletion. The
	// real one is expected not to.
	KeepsCredential bool

	// RefusesWhileInUse: a request for deletion is refused as long as [Server.Remaining]
	// has anything. F5 documents no such refusal, and no other either.
	RefusesWhileInUse bool

	// KeepsState: the state does not show that a request was accepted.
	KeepsState bool
}

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

// bucket is the limit of one operation.
type bucket struct {
	tokens float64
	filled time.Time
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
	s.Server = offboardtest.NewServer(routes, routes.Operation)
	return s
}

// Option makes a client speak to the double: in memory, or to the listener once
// it was started.
func (s *Server) Option() volterra.Option {
	base, client := s.Endpoint()
	return volterra.Options(volterra.WithBaseURL(base), volterra.WithHTTPClient(client), volterra.WithAPIToken(Token))
}

// SetTenant replaces the tenant. The credential lives.
func (s *Server) SetTenant(t Tenant) {
	t.Domain = cmp.Or(t.Domain, t.Name)
	t.State = cmp.Or(t.State, volterra.StateActive)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tenant, s.dead = t, false
}

// Accepted returns the requests for deletion that were accepted, in order. One to
// deactivate the tenant has neither a name nor an e-mail address.
func (s *Server) Accepted() []volterra.DeleteTenantRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.accepted)
}

// LimitRate sets how many requests each operation permits in a minute, and how
// many of them at once.
func (s *Server) LimitRate(perMinute, burst int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.perSecond, s.burst, s.buckets = float64(perMinute)/60, burst, map[string]*bucket{}
}

// admit does what F5 does before it looks at the operation: it checks the
// credential and the operation's limit.
func (s *Server) admit(operation string, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		certified := r.TLS != nil && len(r.TLS.VerifiedChains) > 0
		switch {
		case s.dead, !certified && r.Header.Get("Authorization") != "APIToken "+Token:
			failure(w, http.StatusUnauthorized, 16, "The credential is not valid.")
		case !s.take(operation):
			failure(w, http.StatusTooManyRequests, 8, "Too many requests for this operation.")
		default:
			next(w, r)
		}
	}
}

// take takes a token from the bucket of an operation, if it has one.
func (s *Server) take(operation string) bool {
	if s.perSecond == 0 {
		return true
	}
	now := time.Now()
	b := s.buckets[operation]
	if b == nil {
		b = &bucket{tokens: float64(s.burst), filled: now}
		s.buckets[operation] = b
	}
	b.tokens = min(float64(s.burst), b.tokens+now.Sub(b.filled).Seconds()*s.perSecond)
	b.filled = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// failure answers with an error as live traffic has it: the code is a number, and
// the details hold raw bytes that are no text.
func failure(w http.ResponseWriter, status, code int, message string) {
	text, _ := json.Marshal(message)
	body := fmt.Sprintf(`{"code":%d,"details":[{"type_url":"type.googleapis.com/ves.io.stdlib.server.error.Error",`+
		`"value":"%s"}],"message":%s}`, code, rawDetail, text)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

// rawDetail is what a serialized message looks like when it is printed as text.
const rawDetail = "\x12\x1ahandler.go:42 internal trace\x1a\x0c\x08\xf8\xff\xb6\x06"

// console answers what is no route of the API: with the console's page and 200.
func console(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte(`<!doctype html><html><head><title>Console</title><script src="/main.js"></script></head><body></body></html>`))
}

func (s *Server) settings(w http.ResponseWriter, _ *http.Request) {
	fake.JSON(w, http.StatusOK, fake.Object{
		"name": s.tenant.Name, "original_tenant": s.tenant.Name, "domain": s.tenant.Domain,
		"company_name": s.tenant.CompanyName, "state": s.tenant.State,
		"active_plan_transition_id": "",
		"max_credentials_expiry": fake.Object{
			"max_api_certificate_expiry_days": 90, "max_api_token_expiry_days": 60,
			"max_kube_config_expiry_days": 30,
		},
		"otp_enabled": false, "otp_status": "OTP_DISABLED", "scim_enabled": false, "sso_enabled": true,
	})
}

func (s *Server) summary(w http.ResponseWriter, r *http.Request) {
	if r.PathValue("tenant") != s.tenant.Name {
		notFound(w, "tenant")
		return
	}
	fake.JSON(w, http.StatusOK, fake.Object{"type": "shared", "vip": "192.0.2.10"})
}

func (s *Server) supportInfo(w http.ResponseWriter, _ *http.Request) {
	fake.JSON(w, http.StatusOK, fake.Object{"support_email_address": "support@f5.example"})
}

// requestDelete accepts any request that is one: F5 documents no rule for its
// fields, and no answer to another tenant's name.
func (s *Server) requestDelete(w http.ResponseWriter, r *http.Request) {
	if s.accept(w, r) {
		fake.JSON(w, http.StatusOK, fake.Object{})
	}
}

func (s *Server) deactivate(w http.ResponseWriter, r *http.Request) {
	if s.accept(w, r) {
		fake.JSON(w, http.StatusOK, fake.Object{"job_id": fmt.Sprint("job-", len(s.accepted))})
	}
}

// accept reports whether a request for deletion was accepted, and answers it when
// it was not.
func (s *Server) accept(w http.ResponseWriter, r *http.Request) bool {
	var request volterra.DeleteTenantRequest
	err := json.NewDecoder(r.Body).Decode(&request)
	switch {
	case s.tenant.Unprivileged:
		failure(w, http.StatusForbidden, 7, "The role is missing.")
		return false
	case err != nil || !slices.Contains(reasons, request.Reason):
		failure(w, http.StatusBadRequest, 3, "The request is not valid.")
		return false
	case s.tenant.RefusesWhileInUse && len(s.remaining()) > 0:
		failure(w, http.StatusConflict, 10, "The tenant is in use.")
		return false
	}
	s.accepted = append(s.accepted, request)
	s.dead = !s.tenant.KeepsCredential
	if !s.tenant.KeepsState {
		s.tenant.State = volterra.StateDisabled
	}
	return true
}

// reasons are those of the API; none is one as well.
var reasons = []volterra.DeletionReason{
	"", volterra.ReasonUnknown, volterra.ReasonSwitchToFreePlan, volterra.ReasonNoLongerNeeded,
	volterra.ReasonNotJustifyCosts, volterra.ReasonDifficultToUse,
}
