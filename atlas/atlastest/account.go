package atlastest

import (
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/offboard-dev/offboard-go/internal/fake"
)

// accountRoutes are the operations on what an organization has beside its projects,
// and on the service itself.
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

const federation = "/federationSettings/{federationSettingsId}"

func (s *Server) systemStatus(w http.ResponseWriter, _ *http.Request, c *Credential) {
	fake.JSON(w, http.StatusOK, fake.Object{
		"appName": "MongoDB Atlas", "build": "0123456789abcdef0123456789abcdef01234567", "throttling": false, "links": []any{},
		"apiKey": fake.Object{
			"id": hexID(c.ID), "publicKey": c.ID, "roles": roles(c), "accessList": []any{fake.Object{"ipAddress": "192.0.2.1"}},
		},
	})
}

// roles are the roles of a credential in its organization.
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

// hexID makes an id of a name: its bytes, repeated or cut.
func hexID(name string) string {
	const digits = "0123456789abcdef"
	id := make([]byte, 0, 24)
	for i := 0; len(id) < 24; i++ {
		b := byte(i)
		if name != "" {
			b = name[i%len(name)]
		}
		id = append(id, digits[b>>4], digits[b&15])
	}
	return string(id)
}

func (s *Server) settings(w http.ResponseWriter, _ *http.Request, _ *Credential, _ *Organization) {
	fake.JSON(w, http.StatusOK, fake.Object{
		"apiAccessListRequired": s.outside, "multiFactorAuthRequired": false, "restrictEmployeeAccess": false,
		"genAIFeaturesEnabled": true, "maxServiceAccountSecretValidityInHours": 8760, "streamsCrossGroupEnabled": false,
		"operationsContact": "ops@example.com", "securityContact": "security@example.com",
	})
}

// of returns the credentials of an organization, by their names.
func of(o *Organization, all map[string]*Credential) []*Credential {
	var found []*Credential
	for _, id := range slices.Sorted(maps.Keys(all)) {
		if all[id].Organization == o.ID {
			found = append(found, all[id])
		}
	}
	return found
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

// invoice is an invoice of an organization, in cents.
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
	if len(o.LinkedProjects) == 0 { // recorded: a code that says nothing
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

// connected are the organizations of a federation that are there, nil when the
// credential reaches none of them.
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

// rateLimit is the limit of an operation, whose set of endpoints has its name.
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

// details are what the list of all projects says of a project and its clusters.
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
