package atlastest

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/icholy/digest"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/internal/fake"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// admit checks a request before its operation, like Atlas: the credential, its IP address, the
// bucket and the requested version.
func (s *Server) admit(of route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.settle(time.Now())
		credential := s.credentials.authenticate(w.Header(), r)
		requested := version(r.Header.Get("Accept"))
		switch {
		case credential == nil:
			unauthorized(w)
		case s.outside:
			address, _, _ := strings.Cut(r.RemoteAddr, ":")
			failure(w, http.StatusForbidden, "IP_ADDRESS_NOT_ON_ACCESS_LIST", address)
		case !s.buckets[of.operation].admits(w, r):
		case requested < "2023":
			failure(w, http.StatusNotAcceptable, "INVALID_VERSION_DATE")
		case requested < of.version:
			failure(w, http.StatusGone, "VERSION_GONE", requested, r.URL.Path)
		case credential.Member && of.method != "GET" && of.operation != "DeleteOrganization":
			failure(w, http.StatusUnauthorized, "USER_UNAUTHORIZED")
		default:
			of.handler(versioned{w, of.version}, r, credential)
		}
	}
}

// failure answers with an error.
func failure(w http.ResponseWriter, status int, code string, parameters ...any) {
	if parameters == nil {
		parameters = []any{}
	}
	fake.JSON(w, status, fake.Object{
		"error": status, "errorCode": code, "reason": http.StatusText(status),
		"detail": cmp.Or(descriptions[code], "The project is not empty."), "parameters": parameters,
	})
}

// generalFailure answers with an error whose reason is only in its text.
func generalFailure(w http.ResponseWriter, status int, reason string) {
	fake.JSON(w, status, fake.Object{
		"error": status, "errorCode": "ATLAS_GENERAL_ERROR", "reason": http.StatusText(status),
		"detail": "Reason: " + reason + ".", "parameters": []any{reason},
	})
}

// unauthorized answers to a credential that is refused or belongs to another organization. The code
// is as recorded; other statuses have the same code.
func unauthorized(w http.ResponseWriter) {
	fake.JSON(w, http.StatusUnauthorized, fake.Object{
		"error": http.StatusUnauthorized, "reason": http.StatusText(http.StatusUnauthorized),
		"detail": "This credential is not accepted here.", "errorCode": "UNEXPECTED_ERROR",
	})
}

// found finds the organization of a request. It answers a credential of another organization in the
// same way whether the organization exists or not.
func (s *Server) found(next func(http.ResponseWriter, *http.Request, *Credential, *Organization)) handler {
	return func(w http.ResponseWriter, r *http.Request, c *Credential) {
		id := r.PathValue("orgId")
		o := s.find(id)
		switch {
		case rest.Hex24(id) != nil:
			failure(w, http.StatusNotFound, "INVALID_ORG_ID", id)
		case !c.reaches(id):
			unauthorized(w)
		case o == nil:
			failure(w, http.StatusNotFound, "ORG_NOT_FOUND", id)
		default:
			next(w, r, c, o)
		}
	}
}

func (s *Server) get(w http.ResponseWriter, _ *http.Request, _ *Credential, o *Organization) {
	fake.JSON(w, http.StatusOK, object(o))
}

func (s *Server) listOrganizations(w http.ResponseWriter, r *http.Request, c *Credential) {
	var all []fake.Object
	for _, o := range s.organizations {
		if c.reaches(o.ID) && !o.deleted && selected(r, o.Name) {
			all = append(all, object(o))
		}
	}
	page(w, r, all)
}

func object(o *Organization) fake.Object {
	return fake.Object{
		"id": o.ID, "name": o.Name, "isDeleted": o.deleted, "skipDefaultAlertsSettings": false,
		"links": []any{},
	}
}

func (s *Server) listProjects(w http.ResponseWriter, r *http.Request, _ *Credential, o *Organization) {
	var all []fake.Object
	for _, p := range o.projects {
		if selected(r, p.Name) {
			all = append(all, s.project(p))
		}
	}
	page(w, r, all)
}

func (s *Server) delete(w http.ResponseWriter, _ *http.Request, c *Credential, o *Organization) {
	switch {
	case o.deleted:
		failure(w, http.StatusNotFound, "ORG_NOT_FOUND", o.ID)
	case c.Member:
		failure(w, http.StatusUnauthorized, "NOT_ORG_OWNER", o.ID)
	case o.LiveMigration:
		failure(w, http.StatusConflict, "CANNOT_DELETE_ORG_ACTIVE_LIVE_MIGRATION_ATLAS_ORG_LINK")
	case len(o.projects) > 0:
		failure(w, http.StatusConflict, "ORG_NOT_EMPTY")
	case o.FailedPayments:
		failure(w, http.StatusPaymentRequired, "CANNOT_DELETE_ORG_FAILED_PAYMENTS")
	default:
		s.remove(o)
		s.deleted = append(s.deleted, o.ID)
		w.WriteHeader(http.StatusNoContent)
	}
}

// selected reports whether a name has the prefix in the query.
func selected(r *http.Request, name string) bool {
	return strings.HasPrefix(strings.ToLower(name), strings.ToLower(r.URL.Query().Get("name")))
}

// page answers with the requested page of a list.
func page(w http.ResponseWriter, r *http.Request, all []fake.Object) {
	number, size := 1, 100
	for name, value := range map[string]*int{"pageNum": &number, "itemsPerPage": &size} {
		if text := r.URL.Query().Get(name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 || n > 500 && value == &size {
				failure(w, http.StatusBadRequest, "VALIDATION_ERROR", name)
				return
			}
			*value = n
		}
	}
	links := []fake.Object{link(r, "self", number)}
	if number > 1 {
		links = append(links, link(r, "previous", number-1))
	}
	start := min((min(number, len(all)+1)-1)*size, len(all))
	end := min(start+size, len(all))
	if end < len(all) {
		links = append(links, link(r, "next", number+1))
	}
	fake.JSON(w, http.StatusOK, fake.Object{
		"results": append([]fake.Object{}, all[start:end]...), "totalCount": len(all), "links": links,
	})
}

func link(r *http.Request, rel string, number int) fake.Object {
	query := r.URL.Query()
	query.Set("pageNum", fmt.Sprint(number))
	return fake.Object{"rel": rel, "href": atlas.DefaultBaseURL + r.URL.Path + "?" + query.Encode()}
}

// accountRoutes are the operations on resources of an organization other than projects, and on the
// service.
func (s *Server) accountRoutes() []route {
	const org = "/orgs/{orgId}"
	return []route{
		{"GetSystemStatus", "GET", "", v2023, s.systemStatus},
		{"ListRateLimitsPage", "GET", "/rateLimits", "2025-03-12", s.listRateLimits},
		{"GetRateLimit", "GET", "/rateLimits/{endpointSetId}", "2025-03-12", s.getRateLimit},
		{"ListClusterDetailsPage", "GET", "/clusters", v2023, s.listClusterDetails},
		{"GetOrganizationSettings", "GET", org + "/settings", v2023, s.found(s.settings)},
		{"ListAPIKeysPage", "GET", org + "/apiKeys", v2023, s.found(s.listAPIKeys)},
		{"ListServiceAccountsPage", "GET", org + "/serviceAccounts", "2024-08-05", s.found(s.listServiceAccounts)},
		{"ListPendingInvoices", "GET", org + "/invoices/pending", v2023, s.found(s.listPendingInvoices)},
		{"ListInvoicesPage", "GET", org + "/invoices", v2023, s.found(s.listInvoices)},
		{"ListLiveMigrationProjects", "GET", org + "/liveMigrations/availableProjects", v2023, s.found(s.listLinked)},
		{"DeleteLiveMigrationLink", "DELETE", org + "/liveMigrations/linkTokens", v2023, s.found(s.unlink)},
		{"GetFederation", "GET", org + "/federationSettings", v2023, s.found(s.getFederation)},
		{"ListConnectedOrganizationsPage", "GET", federation + "/connectedOrgConfigs", v2023, s.listConnected},
		{"DisconnectOrganization", "DELETE", federation + "/connectedOrgConfigs/{orgId}", v2023, s.disconnect},
		{"DeleteFederation", "DELETE", federation, v2023, s.deleteFederation},
	}
}

func (s *Server) systemStatus(w http.ResponseWriter, _ *http.Request, c *Credential) {
	fake.JSON(w, http.StatusOK, fake.Object{
		"appName": "MongoDB Atlas", "build": "0123456789abcdef0123456789abcdef01234567", "throttling": false, "links": []any{},
		"apiKey": fake.Object{
			"id": hexID(c.ID), "publicKey": c.ID, "roles": roles(c), "accessList": []any{fake.Object{"ipAddress": "192.0.2.1"}},
		},
	})
}

// roles returns the roles of a credential in its organization.
func roles(c *Credential) []fake.Object {
	role := "ORG_OWNER"
	if c.Member {
		role = "ORG_MEMBER"
	}
	if c.Organization == "" {
		return []fake.Object{{"roleName": role}}
	}
	return []fake.Object{{"orgId": c.Organization, "roleName": role}}
}

func (s *Server) settings(w http.ResponseWriter, _ *http.Request, _ *Credential, _ *Organization) {
	fake.JSON(w, http.StatusOK, fake.Object{
		"apiAccessListRequired": s.outside, "multiFactorAuthRequired": false, "restrictEmployeeAccess": false,
		"genAIFeaturesEnabled": true, "maxServiceAccountSecretValidityInHours": 8760, "streamsCrossGroupEnabled": false,
		"operationsContact": "ops@example.com", "securityContact": "security@example.com",
	})
}

func (s *Server) listAPIKeys(w http.ResponseWriter, r *http.Request, _ *Credential, o *Organization) {
	var all []fake.Object
	for _, c := range of(o, s.credentials.apiKeys) {
		all = append(all, fake.Object{
			"id": hexID(c.ID), "publicKey": c.ID, "privateKey": "********-****-****-0123456789ab", "desc": c.ID,
			"roles": roles(c), "links": []any{},
		})
	}
	page(w, r, all)
}

func (s *Server) listServiceAccounts(w http.ResponseWriter, r *http.Request, _ *Credential, o *Organization) {
	var all []fake.Object
	for _, c := range of(o, s.credentials.serviceAccounts) {
		all = append(all, fake.Object{
			"clientId": c.ID, "name": c.ID, "description": "", "createdAt": created, "roles": []any{roles(c)[0]["roleName"]},
			"secrets": []any{fake.Object{
				"id": hexID(c.ID), "createdAt": created, "expiresAt": "2100-01-01T00:00:00Z", "maskedSecretValue": "mdb_sa_sk_...atest",
			}},
		})
	}
	page(w, r, all)
}

// invoice returns an invoice of an organization. The amounts are in cents.
func (o *Organization) invoice(number, status string, billed, paid int) fake.Object {
	return fake.Object{
		"id": hexID(number + o.ID), "orgId": o.ID, "statusName": status, "amountBilledCents": billed, "amountPaidCents": paid,
		"subtotalCents": billed, "salesTaxCents": 0, "creditsCents": 0, "startingBalanceCents": 0, "linkedInvoices": []any{},
		"created": created, "updated": created, "startDate": created, "endDate": "2000-02-01T00:00:00Z", "links": []any{},
	}
}

func (s *Server) listPendingInvoices(w http.ResponseWriter, r *http.Request, _ *Credential, o *Organization) {
	page(w, r, []fake.Object{o.invoice("2", "PENDING", 700, 0)})
}

func (s *Server) listInvoices(w http.ResponseWriter, r *http.Request, _ *Credential, o *Organization) {
	status, paid := "PAID", 4200
	if o.FailedPayments {
		status, paid = "FAILED", 0
	}
	var all []fake.Object
	for _, invoice := range []fake.Object{o.invoice("1", status, 4200, paid), o.invoice("2", "PENDING", 700, 0)} {
		wanted := r.URL.Query()["statusNames"]
		if len(wanted) == 0 || slices.Contains(wanted, invoice["statusName"].(string)) {
			all = append(all, invoice)
		}
	}
	page(w, r, all)
}

func (s *Server) listLinked(w http.ResponseWriter, _ *http.Request, _ *Credential, o *Organization) {
	all := []fake.Object{}
	for _, name := range o.LinkedProjects {
		all = append(all, fake.Object{
			"projectId": hexID(name), "name": name, "migrationHosts": []any{}, "deployments": []any{fake.Object{
				"name": "cluster-0", "clusterId": hexID("cluster-0"), "managed": true, "sharded": false, "tlsEnabled": true,
				"mongoDBVersion": "7.0.14", "featureCompatibilityVersion": "7.0", "dbSizeBytes": 1 << 30, "oplogSizeMB": 990,
				"shardsSize": 0, "agentVersion": "13.10.0",
			}},
		})
	}
	fake.JSON(w, http.StatusOK, all)
}

func (s *Server) unlink(w http.ResponseWriter, _ *http.Request, _ *Credential, o *Organization) {
	if o.LiveMigration {
		failure(w, http.StatusConflict, "CANNOT_DELETE_ORG_ACTIVE_LIVE_MIGRATION_ATLAS_ORG_LINK")
		return
	}
	if len(o.LinkedProjects) == 0 { // recorded: a code without a meaning
		failure(w, http.StatusNotFound, "UNEXPECTED_ERROR")
		return
	}
	o.LinkedProjects = nil
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) getFederation(w http.ResponseWriter, _ *http.Request, _ *Credential, o *Organization) {
	if o.Federation == "" {
		failure(w, http.StatusNotFound, "RESOURCE_NOT_FOUND", o.ID)
		return
	}
	fake.JSON(w, http.StatusOK, fake.Object{
		"id": o.Federation, "federatedDomains": []string{"example.com"}, "hasRoleMappings": false,
		"identityProviderId": "c2777a9eca931f29fc2f", "identityProviderStatus": "ACTIVE",
	})
}

// connected returns the organizations of a federation; nil if the credential can access none of them.
func (s *Server) connected(r *http.Request, c *Credential) (all []*Organization) {
	id, reaches := r.PathValue("federationSettingsId"), false
	for _, o := range s.organizations {
		if o.Federation == id && !o.deleted {
			all, reaches = append(all, o), reaches || c.reaches(o.ID)
		}
	}
	if !reaches {
		return nil
	}
	return all
}

func (s *Server) listConnected(w http.ResponseWriter, r *http.Request, c *Credential) {
	connected := s.connected(r, c)
	if connected == nil {
		failure(w, http.StatusNotFound, "RESOURCE_NOT_FOUND", r.PathValue("federationSettingsId"))
		return
	}
	var all []fake.Object
	for _, o := range connected {
		all = append(all, fake.Object{
			"orgId": o.ID, "domainRestrictionEnabled": false, "domainAllowList": []any{}, "postAuthRoleGrants": []any{},
			"dataAccessIdentityProviderIds": []any{}, "identityProviderId": "c2777a9eca931f29fc2f",
			"instantUserProvisioningDisabled": false, "roleMappings": []any{}, "userConflicts": []any{},
		})
	}
	page(w, r, all)
}

func (s *Server) disconnect(w http.ResponseWriter, r *http.Request, c *Credential) {
	connected := s.connected(r, c)
	i := slices.IndexFunc(connected, func(o *Organization) bool { return o.ID == r.PathValue("orgId") })
	switch {
	case i < 0:
		failure(w, http.StatusNotFound, "RESOURCE_NOT_FOUND", r.PathValue("orgId"))
	case len(connected) == 1:
		failure(w, http.StatusBadRequest, "VALIDATION_ERROR", r.PathValue("orgId"))
	default:
		connected[i].Federation = ""
		w.WriteHeader(http.StatusNoContent)
	}
}

func (s *Server) deleteFederation(w http.ResponseWriter, r *http.Request, c *Credential) {
	switch connected := s.connected(r, c); len(connected) {
	case 0:
		failure(w, http.StatusNotFound, "RESOURCE_NOT_FOUND", r.PathValue("federationSettingsId"))
	case 1:
		connected[0].Federation = ""
		w.WriteHeader(http.StatusNoContent)
	default:
		failure(w, http.StatusBadRequest, "VALIDATION_ERROR", r.PathValue("federationSettingsId"))
	}
}

// rateLimit returns the limit of an operation. The set of endpoints has the operation's name.
func (s *Server) rateLimit(operation string) fake.Object {
	b := s.buckets[operation]
	value := func(n int) fake.Object { return fake.Object{"value": n, "defaultValue": n} }
	i := slices.IndexFunc(s.routes, func(r route) bool { return r.operation == operation })
	if b == nil || i < 0 {
		return nil
	}
	return fake.Object{
		"endpointSetId": operation, "endpointSetName": operation, "scope": "ORGANIZATION",
		"capacity": value(b.capacity), "refillRate": value(b.refill), "refillDurationSeconds": value(int(b.period / time.Second)),
		"endpoints": []fake.Object{{"method": s.routes[i].method, "path": basePath + s.routes[i].path}},
	}
}

func (s *Server) listRateLimits(w http.ResponseWriter, r *http.Request, _ *Credential) {
	var all []fake.Object
	path := r.URL.Query().Get("endpointPath")
	for _, operation := range slices.Sorted(maps.Keys(s.buckets)) {
		limit := s.rateLimit(operation)
		name := r.URL.Query().Get("name")
		if limit != nil && (name == "" || name == operation) &&
			(path == "" || limit["endpoints"].([]fake.Object)[0]["path"] == path) {
			all = append(all, limit)
		}
	}
	page(w, r, all)
}

func (s *Server) getRateLimit(w http.ResponseWriter, r *http.Request, _ *Credential) {
	id := r.PathValue("endpointSetId")
	if limit := s.rateLimit(id); limit != nil {
		fake.JSON(w, http.StatusOK, limit)
		return
	}
	failure(w, http.StatusNotFound, "RESOURCE_NOT_FOUND", id)
}

func (s *Server) listClusterDetails(w http.ResponseWriter, r *http.Request, c *Credential) {
	var all []fake.Object
	for _, o := range s.organizations {
		for _, p := range o.projects {
			if c.reaches(o.ID) {
				all = append(all, p.details())
			}
		}
	}
	page(w, r, all)
}

// details returns a project and its clusters for the list of all projects.
func (p *project) details() fake.Object {
	clusters := []fake.Object{}
	for _, x := range p.resources {
		if kinds[x.Kind].blocks == "ATLAS_CLUSTERS" && !x.Retained {
			clusters = append(clusters, fake.Object{
				"clusterId": x.id, "name": x.ID, "type": "REPLICA_SET", "availability": "available", "nodeCount": 3,
				"alertCount": 0, "authEnabled": true, "backupEnabled": true, "sslEnabled": true, "dataSizeBytes": 1 << 30,
				"versions": []string{"8.0.4"},
			})
		}
	}
	return fake.Object{
		"groupId": p.ID, "groupName": p.Name, "orgId": p.organization.ID, "orgName": p.organization.Name,
		"planType": "Atlas", "tags": []any{}, "clusters": clusters,
	}
}

// admits takes a token and writes the headers. Without a token it answers 429.
func (b *bucket) admits(w http.ResponseWriter, r *http.Request) bool {
	if b == nil {
		return true
	}
	now := time.Now()
	periods := now.Sub(b.filled) / b.period
	b.filled = b.filled.Add(periods * b.period)
	b.tokens = min(b.capacity, b.tokens+int(periods)*b.refill)
	ok := b.tokens > 0
	if ok {
		b.tokens--
	}
	w.Header().Set("RateLimit-Limit", strconv.Itoa(b.capacity))
	w.Header().Set("RateLimit-Remaining", strconv.Itoa(b.tokens))
	if !ok {
		wait := int((b.filled.Add(b.period).Sub(now) + time.Second - 1) / time.Second)
		w.Header().Set("Retry-After", strconv.Itoa(wait))
		failure(w, http.StatusTooManyRequests, "RATE_LIMITED_TOKEN_BUCKET",
			r.URL.Path, wait, b.capacity, b.refill, int(b.period/time.Second))
	}
	return ok
}

// authenticate returns the credential of a request; nil if it is refused. A request without a token
// gets a challenge.
func (c *credentials) authenticate(answer http.Header, r *http.Request) *Credential {
	authorization := r.Header.Get("Authorization")
	if token, ok := strings.CutPrefix(authorization, "Bearer "); ok {
		t := c.tokens[token]
		if !t.until.IsZero() && !time.Now().Before(t.until) {
			return nil
		}
		return t.credential
	}
	credential, stale := c.digested(r, authorization)
	if credential == nil {
		nonce := c.next("nonce")
		c.nonces[nonce] = map[int]bool{}
		answer.Set("WWW-Authenticate", fmt.Sprintf(
			`Digest realm=%q, domain="", nonce=%q, algorithm=MD5, qop="auth", stale=%t`, realm, nonce, stale))
	}
	return credential
}

// digested checks digest credentials as specified in RFC 7616: the response must be correct, the nonce
// must be issued by the fake, and its count must be new. stale is true if only the nonce is unknown.
func (c *credentials) digested(r *http.Request, authorization string) (credential *Credential, stale bool) {
	sent, err := digest.ParseCredentials(authorization)
	if err != nil {
		return nil, false
	}
	key := c.apiKeys[sent.Username]
	if key == nil || sent.URI != r.RequestURI {
		return nil, false
	}
	want, err := digest.Digest(
		&digest.Challenge{Realm: realm, Nonce: sent.Nonce, Algorithm: "MD5", QOP: []string{"auth"}},
		digest.Options{
			Method: r.Method, URI: sent.URI, Count: sent.Nc, Cnonce: sent.Cnonce,
			Username: key.ID, Password: key.Secret,
		})
	if err != nil || want.Response != sent.Response {
		return nil, false
	}
	used, ok := c.nonces[sent.Nonce]
	switch {
	case !ok:
		return nil, true
	case used[sent.Nc]:
		return nil, false
	}
	used[sent.Nc] = true
	return key, false
}

// issue answers to a request for a token as specified in RFC 6749, and limits the requests.
func (s *Server) issue(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &s.credentials
	id, secret, _ := r.BasicAuth()
	id, _ = url.QueryUnescape(id)
	secret, _ = url.QueryUnescape(secret)
	account := c.serviceAccounts[id]
	switch {
	case !c.permitted(id):
		failure(w, http.StatusTooManyRequests, "RATE_LIMITED", tokenPath, c.perMinute, 1)
	case account == nil || account.Secret != secret:
		fake.JSON(w, http.StatusUnauthorized, fake.Object{
			"error": "invalid_client", "error_description": "The client does not exist.",
		})
	case r.PostFormValue("grant_type") != "client_credentials":
		fake.JSON(w, http.StatusBadRequest, fake.Object{"error": "unsupported_grant_type"})
	default:
		token := c.next("token")
		c.tokens[token] = issued{account, time.Now().Add(lifetime)}
		fake.JSON(w, http.StatusOK, fake.Object{
			"access_token": token, "token_type": "Bearer", "expires_in": int(lifetime / time.Second),
		})
	}
}

func merge(o, more fake.Object) fake.Object {
	for key, value := range more {
		o[key] = value
	}
	return o
}

func snapshot(r *Resource) fake.Object {
	return fake.Object{
		"id": r.id, "status": r.state(), "createdAt": created, "expiresAt": "2100-01-01T00:00:00Z", "frequencyType": "daily",
		"snapshotType": "scheduled", "storageSizeBytes": 1 << 30, "mongodVersion": "8.0.4", "policyItems": []any{},
		"description": "", "links": []any{},
	}
}

// projectRoutes are the operations on projects and their resources.
func (s *Server) projectRoutes() []route {
	const group = "/groups/{groupId}"
	in := func(operation, method, path, version string, handler projectHandler) route {
		return route{operation, method, group + path, version, s.inProject(handler)}
	}
	routes := []route{
		in("GetProject", "GET", "", v2023, func(w http.ResponseWriter, _ *http.Request, p *project) {
			fake.JSON(w, http.StatusOK, s.project(p))
		}),
		in("DeleteProject", "DELETE", "", v2023, s.deleteProject),
		in("SetClusterTerminationProtection", "PATCH", "/clusters/{clusterName}", "2024-10-23", s.protect(atlas.BlockerCluster)),
		in("SetFlexClusterTerminationProtection", "PATCH", "/flexClusters/{name}", "2024-11-13", s.protect(atlas.BlockerFlexCluster)),
		in("ListStreamVPCPeeringsPage", "GET", "/streams/vpcPeeringConnections", "2023-02-01", func(w http.ResponseWriter, r *http.Request, p *project) {
			switch r.URL.Query().Get("requesterAccountId") {
			case requester:
				s.list(atlas.BlockerStreamVPCPeering)(w, r, p)
			case "":
				failure(w, http.StatusBadRequest, "VALIDATION_ERROR", "requesterAccountId")
			default:
				page(w, r, nil)
			}
		}),
	}
	for name, k := range kinds {
		item := k.item
		if strings.Count(item, "/") == 1 && k.path != "" {
			item = k.path + k.item
		}
		if k.list != "" {
			routes = append(routes, in(k.list, "GET", k.path, k.version, s.list(name)))
		}
		if k.get != "" {
			routes = append(routes, in(k.get, "GET", item, k.version, s.one(name, item, s.show)))
		}
		routes = append(routes, in(k.delete, "DELETE", item, cmp.Or(k.deleteVersion, k.version), s.one(name, item, s.deleteResource)))
	}
	return routes
}

func (s *Server) project(p *project) fake.Object {
	clusters := 0
	for _, r := range p.resources {
		if (r.Kind == atlas.BlockerCluster || r.Kind == atlas.BlockerFlexCluster) && !r.Retained {
			clusters++
		}
	}
	return fake.Object{
		"id": p.ID, "name": p.Name, "orgId": p.organization.ID, "clusterCount": clusters,
		"created": s.created.Format(time.RFC3339), "tags": []any{}, "links": []any{},
	}
}

// deleteProject deletes an empty project.
func (s *Server) deleteProject(w http.ResponseWriter, _ *http.Request, p *project) {
	for _, r := range p.resources {
		blocks := kinds[r.Kind].blocks
		if r.Retained || blocks == "" {
			continue
		}
		if blocks == "BACKUP" && p.find(atlas.BlockerCluster, r.Parent, "") != nil && !p.find(atlas.BlockerCluster, r.Parent, "").Retained {
			continue // deleted along with its cluster
		}
		if blocks == "BACKUP" && p.has(atlas.BlockerBackupCompliancePolicy, "") {
			blocks = "BACKUP_COMPLIANCE_POLICY"
		}
		failure(w, http.StatusConflict, closeGroup+blocks)
		return
	}
	if p.deleted.IsZero() {
		p.deleted = time.Now().Add(p.Takes)
	}
	s.settle(time.Now())
	fake.JSON(w, http.StatusAccepted, fake.Object{}) // recorded; the vendor documents 204
}

// one finds the resource of a request: the last parameter of the path identifies the resource, and
// the parameter before it identifies the parent.
func (s *Server) one(name atlas.BlockerKind, path string, next func(http.ResponseWriter, *http.Request, *project, *Resource)) projectHandler {
	var names []string
	for _, match := range parameter.FindAllStringSubmatch(path, -1) {
		if match[1] != "cloudProvider" {
			names = append(names, match[1])
		}
	}
	return func(w http.ResponseWriter, r *http.Request, p *project) {
		var found *Resource
		id, parent := "", ""
		switch len(names) {
		case 0: // a project has at most one
			for _, x := range p.resources {
				if x.Kind == name {
					found = x
				}
			}
		default:
			id = r.PathValue(names[len(names)-1])
			if len(names) > 1 {
				parent = r.PathValue(names[0])
			}
			found = p.find(name, id, parent)
		}
		other, code := atlas.BlockerFlexCluster, "CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API"
		if name == atlas.BlockerFlexCluster {
			other, code = atlas.BlockerCluster, "CANNOT_USE_NON_FLEX_CLUSTER_IN_FLEX_API"
		}
		switch {
		case found != nil && !found.Retained:
			next(w, r, p, found)
		case kinds[name].missing == "CLUSTER_NOT_FOUND" && p.find(other, id, "") != nil:
			failure(w, http.StatusBadRequest, code, id)
		default:
			failure(w, http.StatusNotFound, kinds[name].missing, id)
		}
	}
}

func (s *Server) show(w http.ResponseWriter, _ *http.Request, p *project, r *Resource) {
	fake.JSON(w, http.StatusOK, kinds[r.Kind].object(p, r))
}

// deleteResource starts a deletion. A deletion that takes no time ends at once.
func (s *Server) deleteResource(w http.ResponseWriter, req *http.Request, p *project, r *Resource) {
	k := kinds[r.Kind]
	if k.refuse != nil {
		switch status, code := k.refuse(p, r); {
		case strings.HasPrefix(code, general):
			generalFailure(w, status, strings.TrimPrefix(code, general))
			return
		case code != "":
			failure(w, status, code, r.ID)
			return
		}
	}
	r.retain = r.Kind == atlas.BlockerCluster && req.URL.Query().Get("retainBackups") == "true"
	if r.RemovedAfter > 1 {
		r.RemovedAfter--
	} else if r.deleted.IsZero() {
		r.failed, r.deleted = false, time.Now().Add(s.time(r))
	}
	switch status := cmp.Or(k.status, http.StatusNoContent); {
	case r.Kind == atlas.BlockerOutageSimulation:
		s.show(w, req, p, r)
	case status == http.StatusNoContent:
		w.WriteHeader(status)
	default:
		fake.JSON(w, status, fake.Object{})
	}
	s.settle(time.Now())
}
