package volterratest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/internal/fake"
	"github.com/offboard-dev/offboard-go/volterra"
)

// admit checks the credential and the rate limit of the operation before each operation.
func (s *Server) admit(operation string, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		certified := r.TLS != nil && len(r.TLS.VerifiedChains) > 0
		switch {
		case s.revoked, !certified && r.Header.Get("Authorization") != "APIToken "+Token:
			failure(w, http.StatusUnauthorized, 16, "Invalid credential.")
		case !s.take(operation):
			failure(w, http.StatusTooManyRequests, 8, "Rate limit reached.")
		default:
			next(w, r)
		}
	}
}

// failure writes an error in the form of recorded answers: the code is a number, and the details
// contain raw bytes.
func failure(w http.ResponseWriter, status, code int, message string) {
	text, _ := json.Marshal(message)
	body := fmt.Sprintf(`{"code":%d,"details":[{"type_url":"type.googleapis.com/ves.io.stdlib.server.error.Error",`+
		`"value":"%s"}],"message":%s}`, code, rawDetail, text)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

// console answers an unknown route like F5: status 200 with the web page of the console.
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

// requestDelete accepts every valid request: F5 documents no rules for the fields, and no answer to
// the name of another tenant.
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

// accept reports whether a request for deletion is accepted, and answers a refused one.
func (s *Server) accept(w http.ResponseWriter, r *http.Request) bool {
	var request volterra.DeleteTenantRequest
	err := json.NewDecoder(r.Body).Decode(&request)
	switch {
	case s.tenant.Unprivileged:
		failure(w, http.StatusForbidden, 7, "Permission denied.")
		return false
	case err != nil || !slices.Contains(reasons, request.Reason):
		failure(w, http.StatusBadRequest, 3, "Invalid request.")
		return false
	case s.tenant.RefusesWhileInUse && len(s.remaining()) > 0:
		failure(w, http.StatusConflict, 10, "Tenant in use.")
		return false
	}
	s.accepted = append(s.accepted, request)
	s.revoked = !s.tenant.KeepsCredential
	if !s.tenant.KeepsState {
		s.tenant.State = volterra.StateDisabled
	}
	return true
}

// routes adds the routes of objects.
func (s *Server) routes(handle func(operation, pattern string, handler http.HandlerFunc)) {
	handle("ListNamespaces", "GET /api/web/namespaces", s.list("ListNamespaces", kindNamespace))
	handle("GetNamespace", "GET /api/web/namespaces/{name}", s.get(kindNamespace))
	handle("CascadeDeleteNamespace", "POST /api/web/namespaces/{name}/cascade_delete", s.cascadeDelete)
	const web = "/api/web/namespaces/system/"
	for kind, suffix := range map[string]string{
		kindChildTenant: "ChildTenant", kindChildTenantManager: "ChildTenantManager", kindManagedTenant: "ManagedTenant", kindAddonSubscription: "AddonSubscription",
	} {
		path := web + kind + "s"
		handle("List"+suffix+"s", "GET "+path, s.list("List"+suffix+"s", kind))
		handle("Get"+suffix, "GET "+path+"/{name}", s.get(kind))
		handle("Delete"+suffix, "DELETE "+path+"/{name}", s.delete(kind))
	}
	handle("ListChildTenantAccessPage", "GET "+web+"partner-management/child_tenants", s.access)
	handle("ListChildTenantsOfManager", "GET "+web+"partner-management/child_tenant_managers/{name}/child_tenants", s.ofManager)
	handle("Unsubscribe", "POST "+web+"addon/unsubscribe", s.unsubscribe)
	handle("GetQuotaUsage", "GET /api/web/namespaces/{namespace}/quota/usage", s.quota)
	handle("ListSubscriptions", "GET "+web+"subscriptions/custom_list", s.listSubscriptions)
	handle("ListInvoices", "GET "+web+"usage/invoices/custom_list", s.listInvoices)
}

// list returns the handler of the list of a kind.
func (s *Server) list(operation, kind string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { s.answerList(w, r, operation, s.of(kind)) }
}

// ofManager answers with the child tenants of a manager.
func (s *Server) ofManager(w http.ResponseWriter, r *http.Request) {
	manager := s.find(kindChildTenantManager, "system", r.PathValue("name"))
	if manager == nil {
		notFound(w, kindChildTenantManager)
		return
	}
	children := slices.DeleteFunc(s.of(kindChildTenant), func(i *item) bool { return !i.refersTo(manager) })
	s.answerList(w, r, "ListChildTenantsOfManager", children)
}

// answerList answers with a summary of each object, or with all fields if the request lists any:
// F5 does not document the names of the fields.
func (s *Server) answerList(w http.ResponseWriter, r *http.Request, operation string, items []*item) {
	complete := len(r.URL.Query()["report_fields"]) > 0
	answer := make([]fake.Object, 0, len(items))
	for _, i := range items {
		summary := fake.Object{
			"tenant": s.tenant.Name, "namespace": i.namespace, "name": i.name, "uid": i.uid,
			"description": "", "disabled": false, "labels": fake.Object{}, "annotations": fake.Object{},
		}
		if i.hasStatus() {
			summary["status_set"] = []any{}
		}
		if complete {
			summary["metadata"], summary["system_metadata"], summary["get_spec"] = i.metadata(), s.systemMetadata(i), i.fullSpec()
		}
		answer = append(answer, summary)
	}
	missing := make([]fake.Object, 0)
	for _, e := range s.missing[operation] {
		missing = append(missing, fake.Object{"code": e.Code, "message": e.Message})
	}
	fake.JSON(w, http.StatusOK, fake.Object{"items": answer, "errors": missing})
}

// get returns the handler of the read of a kind. The answer contains the referring objects if
// requested.
func (s *Server) get(kind string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.finish()
		i := s.find(kind, namespaceOf(kind), r.PathValue("name"))
		format := volterra.ResponseFormat(r.URL.Query().Get("response_format"))
		switch {
		case !slices.Contains(formats, format):
			failure(w, http.StatusBadRequest, 3, "Unknown format.")
			return
		case i == nil:
			notFound(w, kind)
			return
		}
		referring := make([]fake.Object, 0)
		if format == volterra.ResponseFormatReferringObjects {
			for _, other := range s.referrers(i) {
				referring = append(referring, fake.Object{
					"kind": other.kind, "uid": other.uid, "tenant": s.tenant.Name, "namespace": other.namespace, "name": other.name,
				})
			}
		}
		answer := fake.Object{
			"metadata": i.metadata(), "system_metadata": s.systemMetadata(i), "spec": i.fullSpec(),
			"referring_objects": referring, "deleted_referred_objects": []any{}, "disabled_referred_objects": []any{},
		}
		if i.hasStatus() {
			answer["status"] = []any{}
		}
		fake.JSON(w, http.StatusOK, answer)
	}
}

// deleteRequest is the body of a request to delete an object.
type deleteRequest struct {
	Name           string `json:"name"`
	Namespace      string `json:"namespace"`
	FailIfReferred bool   `json:"fail_if_referred"`
}

// delete returns the handler of the deletion of a kind.
func (s *Server) delete(kind string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.finish()
		name := r.PathValue("name")
		request := deleteRequest{Name: name, Namespace: "system"}
		err := json.NewDecoder(r.Body).Decode(&request) // a request without a body is accepted
		i := s.find(kind, "system", name)
		switch {
		case s.tenant.Unprivileged:
			failure(w, http.StatusForbidden, 7, "Permission denied.")
		case err != nil && err != io.EOF || request.Name != name || request.Namespace != "system":
			failure(w, http.StatusBadRequest, 3, "Invalid request.")
		case i == nil:
			notFound(w, kind)
		case request.FailIfReferred && len(s.referrers(i)) > 0:
			failure(w, http.StatusConflict, 10, "Other objects refer to the object.")
		default:
			s.drop(i)
			fake.JSON(w, http.StatusOK, fake.Object{})
		}
	}
}

// cascadeDelete deletes the objects of a namespace to which no other namespace refers, and the
// namespace if no object remains. The status is 200 in both cases.
func (s *Server) cascadeDelete(w http.ResponseWriter, r *http.Request) {
	s.finish()
	var request struct {
		Name string `json:"name"`
	}
	name := r.PathValue("name")
	err := json.NewDecoder(r.Body).Decode(&request)
	namespace := s.find(kindNamespace, "", name)
	switch {
	case s.tenant.Unprivileged || comesWithTenant(name):
		failure(w, http.StatusForbidden, 7, "Permission denied.")
		return
	case err != nil || request.Name != name:
		failure(w, http.StatusBadRequest, 3, "Invalid request.")
		return
	case namespace == nil:
		notFound(w, kindNamespace)
		return
	}
	answer := make([]fake.Object, 0)
	failed := false
	for _, i := range slices.Clone(s.items) {
		if i.namespace != name {
			continue
		}
		problem := ""
		if by := slices.IndexFunc(s.items, func(o *item) bool { return o.namespace != name && o.refersTo(i) }); by >= 0 {
			problem = "Referred to by " + s.items[by].kind + " " + s.items[by].path() + "."
			failed = true
		} else {
			s.drop(i)
		}
		answer = append(answer, fake.Object{
			"object_type": "ves.io.schema." + i.kind + ".Object", "object_name": i.name, "object_uid": i.uid, "error_message": problem,
		})
	}
	if !failed {
		s.drop(namespace)
	}
	fake.JSON(w, http.StatusOK, fake.Object{"items": answer})
}

// access answers with a page of the accessible child tenants: all of them.
func (s *Server) access(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	all := s.of(kindChildTenant)
	found := slices.DeleteFunc(slices.Clone(all), func(i *item) bool {
		manager := query.Get("ctm")
		return query.Has("name") && !strings.Contains(i.name, query.Get("name")) ||
			manager != "" && !slices.Contains(i.refers, kindChildTenantManager+":system/"+manager)
	})
	limit := 100
	first := 0
	var err error
	if query.Has("page_limit") {
		limit, err = strconv.Atoi(query.Get("page_limit"))
	}
	if start := query.Get("page_start"); start != "" {
		first = slices.IndexFunc(found, func(i *item) bool { return i.uid == start })
	}
	if err != nil || limit < 1 || first < 0 {
		failure(w, http.StatusBadRequest, 3, "Page not found.")
		return
	}
	page, next := found[first:], ""
	if len(page) > limit {
		page, next = page[:limit], page[limit].uid
	}
	answer := make([]fake.Object, 0, len(page))
	for _, i := range page {
		answer = append(answer, fake.Object{
			"name": i.name, "groups": []any{}, "tenant_status": accessStatus(i),
			"link": fake.Object{"name": i.name, "href": "https://" + i.spec["domain"].(string) + ".console.ves.volterra.io"},
			"support_request_count": fake.Object{
				"ct_summary":          fake.Object{"open_support_tickets_count": 0},
				"all_tenants_summary": fake.Object{"open_support_tickets_count": 0},
			},
		})
	}
	fake.JSON(w, http.StatusOK, fake.Object{
		"access_config": answer, "next_page": next, "total_count": len(all), "total_filtered_count": len(found),
	})
}

// unsubscribe ends the subscriptions to a service. For delegated access, F5 must approve the end.
func (s *Server) unsubscribe(w http.ResponseWriter, r *http.Request) {
	var request map[string]struct{}
	if s.tenant.Unprivileged {
		failure(w, http.StatusForbidden, 7, "Permission denied.")
		return
	}
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil || len(request) != 1 {
		failure(w, http.StatusBadRequest, 3, "The request must name one service.")
		return
	}
	for _, i := range s.of(kindAddonSubscription) {
		// The request has f5xc_waap_standard for the service f5xc-waap-standard.
		service := strings.ReplaceAll(i.spec["addon_service"].(fake.Object)["name"].(string), "-", "_")
		if _, ok := request[service]; !ok || i.spec["status"] == volterra.AddonSubscriptionStateDisabled {
			continue
		}
		i.spec["status"] = volterra.AddonSubscriptionStateDisablePending
		if service == string(volterra.AddonDelegatedAccessStandard) {
			i.spec["notification_preference"] = ticket("ticket-" + i.name)
		} else if i.ends.IsZero() {
			i.ends = time.Now().Add(i.takes)
		}
	}
	s.finish()
	fake.JSON(w, http.StatusOK, fake.Object{})
}

// quota counts the objects of a namespace by kind; for system, the objects of the tenant.
func (s *Server) quota(w http.ResponseWriter, r *http.Request) {
	s.finish()
	namespace := r.PathValue("namespace")
	if s.find(kindNamespace, "", namespace) == nil {
		notFound(w, kindNamespace)
		return
	}
	counts := map[string]int{}
	for _, i := range s.items {
		if namespace == "system" || i.namespace == namespace {
			counts[i.kind]++
		}
	}
	objects := fake.Object{}
	for kind, n := range counts {
		objects[kind] = fake.Object{
			"display_name": strings.ReplaceAll(kind, "_", " "), "description": "",
			"limit": fake.Object{"maximum": 100}, "usage": fake.Object{"current": n},
		}
	}
	fake.JSON(w, http.StatusOK, fake.Object{
		"objects": objects, "resources": fake.Object{}, "apis": fake.Object{},
		"quota_usage": fake.Object{}, "float_quota_usage": fake.Object{}, "api_limits": fake.Object{},
	})
}

func (s *Server) listSubscriptions(w http.ResponseWriter, r *http.Request) {
	current := r.URL.Query().Get("current") == "true"
	answer := make([]volterra.Subscription, 0)
	for _, one := range s.subscriptions {
		if !current || one.Current {
			answer = append(answer, one)
		}
	}
	fake.JSON(w, http.StatusOK, fake.Object{"subscriptions": answer})
}

func (s *Server) listInvoices(w http.ResponseWriter, r *http.Request) {
	answer := append(make([]volterra.Invoice, 0), s.invoices...)
	if limit, err := strconv.Atoi(r.URL.Query().Get("limit")); err == nil && limit > 0 {
		answer = answer[:min(limit, len(answer))]
	}
	fake.JSON(w, http.StatusOK, fake.Object{"invoices": answer})
}

func notFound(w http.ResponseWriter, kind string) {
	failure(w, http.StatusNotFound, 5, "Not found: "+strings.ReplaceAll(kind, "_", " ")+".")
}
