package volterra_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/volterra"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
)

func TestGetTenantSettings(t *testing.T) {
	t.Parallel()
	srv := volterratest.NewServer()
	srv.SetTenant(volterratest.Tenant{Name: "acme-kqzvxwbn", Domain: "acme", CompanyName: "Acme", State: volterra.StateConfiguring})
	got, err := newClient(t, srv).GetTenantSettings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := volterra.TenantSettings{
		Name: "acme-kqzvxwbn", OriginalTenant: "acme-kqzvxwbn", Domain: "acme", CompanyName: "Acme",
		State: volterra.StateConfiguring, OTPStatus: "OTP_DISABLED", SSOEnabled: true,
		MaxCredentialsExpiry: volterra.CredentialsExpiry{
			MaxAPICertificateExpiryDays: 90, MaxAPITokenExpiryDays: 60, MaxKubeConfigExpiryDays: 30,
		},
	}
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

const web = "/api/web/namespaces"

var (
	start = time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	end   = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
)

// owner returns a fake of a tenant with one resource of each kind.
func owner() *volterratest.Server {
	srv := volterratest.NewServer()
	srv.AddNamespace(volterratest.Namespace{Name: "app", Objects: []volterratest.Object{
		{Kind: "http_loadbalancer", Name: "web", RefersTo: []string{"pools/pool"}},
	}})
	srv.AddNamespace(volterratest.Namespace{Name: "pools", Objects: []volterratest.Object{{Kind: "origin_pool", Name: "pool"}}})
	srv.AddChildTenantManager("retail")
	srv.AddChildTenant(volterratest.ChildTenant{Name: "branch", CompanyName: "Acme Branch", Manager: "retail", Takes: time.Minute})
	srv.AddManagedTenant(volterratest.ManagedTenant{Name: "partner", TenantID: "partner-abcdefgh"})
	srv.AddAddonSubscription(volterratest.AddonSubscription{Name: "waap", Service: volterra.AddonWAAPAdvanced})
	srv.AddSubscription(volterra.Subscription{
		Name: "sub-1", PlanName: "Teams plan", PlanObjectName: "plan-1", Current: true, Start: start, LastPeriodStart: start, LastPeriodEnd: end,
		PreviousPeriods: []volterra.BillingPeriod{{
			UID: "1", Trial: true, Start: start, End: end, InternalStart: start, InternalEnd: end,
			Invoices: []string{"inv-1"}, PendingInvoices: []string{"inv-1"}, ClosedInvoices: []string{},
		}},
	})
	srv.AddInvoice(volterra.Invoice{Name: "inv-1", Active: true, Amount: 9_007_199_254_740_993, Currency: "USD", PeriodStart: start, PeriodEnd: end})
	return srv
}

// operation is one operation of the client with its request and its result.
type operation struct {
	name    string // of the API's operation
	call    func(context.Context, *volterra.Client) (any, error)
	request string // method, path, query and body of the request
	want    any    // nil for an operation that returns an error only

	// empty is the code after an empty object as the answer; "" for a success.
	empty errors.Code
}

// none converts a call that returns only an error.
func none(call func(context.Context, *volterra.Client) error) func(context.Context, *volterra.Client) (any, error) {
	return func(ctx context.Context, c *volterra.Client) (any, error) { return nil, call(ctx, c) }
}

const due = errors.UnexpectedResponse

var operations = map[string]operation{
	"tenant summary": {
		"GetTenantSummary", func(ctx context.Context, c *volterra.Client) (any, error) { return c.GetTenantSummary(ctx, "acme") },
		"GET /api/config/tenants/acme/summary", &volterra.TenantSummary{Type: "shared", VIP: "192.0.2.10"}, "",
	},
	"support info": {
		"GetSupportInfo", func(ctx context.Context, c *volterra.Client) (any, error) { return c.GetSupportInfo(ctx) },
		"GET " + web + "/system/tenant/support-info", &volterra.SupportInfo{SupportEmailAddress: "support@f5.example"}, "",
	},
	"namespaces": {
		"ListNamespaces", func(ctx context.Context, c *volterra.Client) (any, error) {
			return c.ListNamespaces(ctx, volterra.ListNamespacesOptions{LabelFilter: "env in (test)"})
		},
		"GET " + web + "?label_filter=env+in+%28test%29",
		[]volterra.NamespaceItem{{Name: "system"}, {Name: "shared"}, {Name: "default"}, {Name: "app"}, {Name: "pools"}}, due,
	},
	"a namespace": {
		"GetNamespace", func(ctx context.Context, c *volterra.Client) (any, error) {
			return c.GetNamespace(ctx, "app", volterra.GetNamespaceOptions{})
		},
		"GET " + web + "/app",
		&volterra.Namespace{
			Metadata: volterra.Metadata{Name: "app"}, SystemMetadata: volterra.SystemMetadata{Tenant: "acme", CreatorClass: "prism", CreatorID: "owner@acme.example"},
		}, due,
	},
	"referring objects of a namespace": {
		"GetNamespace", func(ctx context.Context, c *volterra.Client) (any, error) {
			return c.GetNamespace(ctx, "pools", volterra.GetNamespaceOptions{ResponseFormat: volterra.ResponseFormatReferringObjects})
		},
		"GET " + web + "/pools?response_format=GET_RSP_FORMAT_REFERRING_OBJECTS",
		&volterra.Namespace{
			Metadata: volterra.Metadata{Name: "pools"}, SystemMetadata: volterra.SystemMetadata{Tenant: "acme", CreatorClass: "prism", CreatorID: "owner@acme.example"},
			ReferringObjects: []volterra.ObjectReference{{Kind: "http_loadbalancer", Tenant: "acme", Namespace: "app", Name: "web"}},
		}, due,
	},
	"a namespace with its objects": {
		"CascadeDeleteNamespace", func(ctx context.Context, c *volterra.Client) (any, error) {
			return c.CascadeDeleteNamespace(ctx, "app")
		},
		"POST " + web + `/app/cascade_delete {"name":"app"}`,
		[]volterra.CascadeItem{{ObjectType: "ves.io.schema.http_loadbalancer.Object", ObjectName: "web"}}, due,
	},
	"child tenants": {
		"ListChildTenants", func(ctx context.Context, c *volterra.Client) (any, error) {
			return c.ListChildTenants(ctx, volterra.ListChildTenantsOptions{ReportFields: []string{"spec", "metadata"}, ReportStatusFields: []string{"a"}})
		},
		"GET " + web + "/system/child_tenants?report_fields=spec&report_fields=metadata&report_status_fields=a",
		[]volterra.ChildTenantItem{{
			Name: "branch", Namespace: "system", Metadata: volterra.Metadata{Name: "branch", Namespace: "system"},
			SystemMetadata: volterra.SystemMetadata{Tenant: "acme", CreatorClass: "prism", CreatorID: "owner@acme.example"}, Spec: branch,
		}}, due,
	},
	"a child tenant": {
		"GetChildTenant", func(ctx context.Context, c *volterra.Client) (any, error) {
			return c.GetChildTenant(ctx, "branch", volterra.GetChildTenantOptions{ResponseFormat: volterra.ResponseFormatRead})
		},
		"GET " + web + "/system/child_tenants/branch?response_format=GET_RSP_FORMAT_READ",
		&volterra.ChildTenant{
			Metadata:       volterra.Metadata{Name: "branch", Namespace: "system"},
			SystemMetadata: volterra.SystemMetadata{Tenant: "acme", CreatorClass: "prism", CreatorID: "owner@acme.example"}, Spec: branch,
		}, due,
	},
	"the end of a child tenant": {
		"DeleteChildTenant", none(func(ctx context.Context, c *volterra.Client) error {
			return c.DeleteChildTenant(ctx, "branch", volterra.DeleteOptions{})
		}),
		"DELETE " + web + `/system/child_tenants/branch {"name":"branch","namespace":"system","fail_if_referred":true}`, nil, "",
	},
	"a page of access": {
		"ListChildTenantAccessPage", func(ctx context.Context, c *volterra.Client) (any, error) {
			return c.ListChildTenantAccessPage(ctx, volterra.ListChildTenantAccessPageOptions{Name: "branch", Manager: "retail", PageLimit: 10})
		},
		"GET " + web + "/system/partner-management/child_tenants?name=branch&ctm=retail&page_limit=10",
		&volterra.ChildTenantAccessPage{
			Items: []volterra.ChildTenantAccess{{
				Name: "branch", Status: volterra.TenantStatusActive, Link: volterra.Link{Name: "branch", URL: "https://branch.console.ves.volterra.io"},
			}},
			TotalCount: 1, TotalFilteredCount: 1,
		}, due,
	},
	"child tenant managers": {
		"ListChildTenantManagers", func(ctx context.Context, c *volterra.Client) (any, error) {
			return c.ListChildTenantManagers(ctx, volterra.ListChildTenantManagersOptions{})
		},
		"GET " + web + "/system/child_tenant_managers", []volterra.ChildTenantManagerItem{{Name: "retail", Namespace: "system"}}, due,
	},
	"a child tenant manager": {
		"GetChildTenantManager", func(ctx context.Context, c *volterra.Client) (any, error) {
			return c.GetChildTenantManager(ctx, "retail", volterra.GetChildTenantManagerOptions{})
		},
		"GET " + web + "/system/child_tenant_managers/retail",
		&volterra.ChildTenantManager{
			Metadata:       volterra.Metadata{Name: "retail", Namespace: "system"},
			SystemMetadata: volterra.SystemMetadata{Tenant: "acme", CreatorClass: "prism", CreatorID: "owner@acme.example"},
			Spec:           volterra.ChildTenantManagerSpec{OwnerGroup: volterra.Reference{Tenant: "acme", Namespace: "system", Name: "owners"}},
		}, due,
	},
	"the child tenants of a manager": {
		"ListChildTenantsOfManager", func(ctx context.Context, c *volterra.Client) (any, error) {
			return c.ListChildTenantsOfManager(ctx, "retail")
		},
		"GET " + web + "/system/partner-management/child_tenant_managers/retail/child_tenants",
		[]volterra.ChildTenantItem{{Name: "branch", Namespace: "system"}}, due,
	},
	"the end of a manager": {
		"DeleteChildTenantManager", none(func(ctx context.Context, c *volterra.Client) error {
			return c.DeleteChildTenantManager(ctx, "retail", volterra.DeleteOptions{EvenIfReferred: true})
		}),
		"DELETE " + web + `/system/child_tenant_managers/retail {"name":"retail","namespace":"system"}`, nil, "",
	},
	"managed tenants": {
		"ListManagedTenants", func(ctx context.Context, c *volterra.Client) (any, error) {
			return c.ListManagedTenants(ctx, volterra.ListManagedTenantsOptions{})
		},
		"GET " + web + "/system/managed_tenants", []volterra.ManagedTenantItem{{Name: "partner", Namespace: "system"}}, due,
	},
	"a managed tenant": {
		"GetManagedTenant", func(ctx context.Context, c *volterra.Client) (any, error) {
			return c.GetManagedTenant(ctx, "partner", volterra.GetManagedTenantOptions{})
		},
		"GET " + web + "/system/managed_tenants/partner",
		&volterra.ManagedTenant{
			Metadata:       volterra.Metadata{Name: "partner", Namespace: "system"},
			SystemMetadata: volterra.SystemMetadata{Tenant: "acme", CreatorClass: "prism", CreatorID: "owner@acme.example"},
			Spec:           volterra.ManagedTenantSpec{TenantID: "partner-abcdefgh", Status: volterra.ManagedTenantStatusActive},
		}, due,
	},
	"the end of the management of a tenant": {
		"DeleteManagedTenant", none(func(ctx context.Context, c *volterra.Client) error {
			return c.DeleteManagedTenant(ctx, "partner", volterra.DeleteOptions{})
		}),
		"DELETE " + web + `/system/managed_tenants/partner {"name":"partner","namespace":"system","fail_if_referred":true}`, nil, "",
	},
	"addon subscriptions": {
		"ListAddonSubscriptions", func(ctx context.Context, c *volterra.Client) (any, error) {
			return c.ListAddonSubscriptions(ctx, volterra.ListAddonSubscriptionsOptions{})
		},
		"GET " + web + "/system/addon_subscriptions", []volterra.AddonSubscriptionItem{{Name: "waap", Namespace: "system"}}, due,
	},
	"an addon subscription": {
		"GetAddonSubscription", func(ctx context.Context, c *volterra.Client) (any, error) {
			return c.GetAddonSubscription(ctx, "waap", volterra.GetAddonSubscriptionOptions{})
		},
		"GET " + web + "/system/addon_subscriptions/waap",
		&volterra.AddonSubscription{
			Metadata:       volterra.Metadata{Name: "waap", Namespace: "system"},
			SystemMetadata: volterra.SystemMetadata{Tenant: "acme", CreatorClass: "prism", CreatorID: "owner@acme.example"},
			Spec: volterra.AddonSubscriptionSpec{
				Service: volterra.Reference{Tenant: "acme", Namespace: "shared", Name: "f5xc-waap-advanced"},
				Status:  volterra.AddonSubscriptionStateEnabled,
			},
		}, due,
	},
	"the end of an addon subscription": {
		"DeleteAddonSubscription", none(func(ctx context.Context, c *volterra.Client) error {
			return c.DeleteAddonSubscription(ctx, "waap", volterra.DeleteOptions{})
		}),
		"DELETE " + web + `/system/addon_subscriptions/waap {"name":"waap","namespace":"system","fail_if_referred":true}`, nil, "",
	},
	"the end of a service": {
		"Unsubscribe", none(func(ctx context.Context, c *volterra.Client) error {
			return c.Unsubscribe(ctx, volterra.AddonWAAPAdvanced)
		}),
		"POST " + web + `/system/addon/unsubscribe {"f5xc_waap_advanced":{}}`, nil, "",
	},
	"quotas": {
		"GetQuotaUsage", func(ctx context.Context, c *volterra.Client) (any, error) { return c.GetQuotaUsage(ctx, "app") },
		"GET " + web + "/app/quota/usage",
		&volterra.QuotaUsage{Objects: map[string]volterra.QuotaItem{"http_loadbalancer": {
			DisplayName: "http loadbalancer", Limit: volterra.QuotaLimit{Maximum: 100}, Usage: volterra.QuotaCount{Current: 1},
		}}}, due,
	},
	"subscriptions": {
		"ListSubscriptions", func(ctx context.Context, c *volterra.Client) (any, error) {
			return c.ListSubscriptions(ctx, volterra.ListSubscriptionsOptions{Current: true})
		},
		"GET " + web + "/system/subscriptions/custom_list?current=true",
		[]volterra.Subscription{{
			Name: "sub-1", PlanName: "Teams plan", PlanObjectName: "plan-1", Current: true, Start: start, LastPeriodStart: start, LastPeriodEnd: end,
			PreviousPeriods: []volterra.BillingPeriod{{
				UID: "1", Trial: true, Start: start, End: end, InternalStart: start, InternalEnd: end,
				Invoices: []string{"inv-1"}, PendingInvoices: []string{"inv-1"},
			}},
		}}, due,
	},
	"invoices": {
		"ListInvoices", func(ctx context.Context, c *volterra.Client) (any, error) {
			return c.ListInvoices(ctx, volterra.ListInvoicesOptions{Limit: 5})
		},
		"GET " + web + "/system/usage/invoices/custom_list?limit=5",
		[]volterra.Invoice{{
			Name: "inv-1", Status: volterra.InvoiceStatusIssued, Active: true, Amount: 9_007_199_254_740_993, Currency: "USD",
			PeriodStart: start, PeriodEnd: end,
		}}, due,
	},
}

// made ignores the values that the fake generates.
var made = cmp.Options{
	cmpopts.IgnoreFields(volterra.SystemMetadata{}, "UID", "Created"),
	cmpopts.IgnoreFields(volterra.ObjectReference{}, "UID"),
	cmpopts.IgnoreFields(volterra.CascadeItem{}, "ObjectUID"),
	cmpopts.IgnoreFields(volterra.NamespaceItem{}, "UID", "Tenant"),
	cmpopts.IgnoreFields(volterra.ChildTenantItem{}, "UID", "Tenant"),
	cmpopts.IgnoreFields(volterra.ChildTenantManagerItem{}, "UID", "Tenant"),
	cmpopts.IgnoreFields(volterra.ManagedTenantItem{}, "UID", "Tenant"),
	cmpopts.IgnoreFields(volterra.AddonSubscriptionItem{}, "UID", "Tenant"),
}

// branch is the child tenant of owner.
var branch = volterra.ChildTenantSpec{
	CompanyName: "Acme Branch", Domain: "branch", Status: volterra.ChildTenantStateActive,
	Manager:      volterra.Reference{Tenant: "acme", Namespace: "system", Name: "retail"},
	CustomerInfo: volterra.CustomerInfo{FirstName: "Ada", LastName: "Doe", Email: "owner@branch.example"},
}

func TestOperations(t *testing.T) {
	t.Parallel()
	for name, test := range operations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := owner()
			got, err := test.call(t.Context(), newClient(t, srv))
			if err != nil {
				t.Fatal(err)
			}
			// A removal by name reads the resource first.
			requests := srv.Requests()
			_, removal := deletions[test.name]
			if removal && requests[0].Operation == deletions[test.name].read {
				requests = requests[1:]
			}
			r := requests[0]
			sent := strings.TrimSuffix(r.Method+" "+r.Path+"?"+r.Query, "?")
			if len(r.Body) > 0 {
				sent += " " + string(r.Body)
			}
			if diff := cmp.Diff(test.request, sent); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
			if r.Operation != test.name || len(requests) != 1 || removal == (len(srv.Requests()) == 1) {
				t.Errorf("got the operation %q and %d requests", r.Operation, len(srv.Requests()))
			}
			if diff := cmp.Diff(test.want, got, cmpopts.EquateEmpty(), made); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
}

// accepted are the removals whose success is an empty object.
var accepted = map[string]bool{
	"CascadeDeleteNamespace": true, "DeleteChildTenant": true, "DeleteChildTenantManager": true, "DeleteManagedTenant": true,
	"DeleteAddonSubscription": true, "Unsubscribe": true,
}

// changes are the writes whose outcome is open after an answer that is neither the success nor a
// refusal.
var changes = map[string]bool{
	"CascadeDeleteNamespace": true, "DeactivateTenant": true, "Unsubscribe": true, "DeleteChildTenant": true,
	"DeleteChildTenantManager": true, "DeleteManagedTenant": true, "DeleteAddonSubscription": true,
}

// The console answers a wrong URL with a web page and status 200. An answer without the documented
// members decodes as an empty object.
func TestOperations_SuccessBody(t *testing.T) {
	t.Parallel()
	for name, test := range operations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for body, want := range map[string]errors.Code{
				"<!doctype html><title>Console</title>": errors.UnexpectedResponse,
				"":                                      errors.UnexpectedResponse,
				"null":                                  errors.UnexpectedResponse,
				"[]":                                    errors.UnexpectedResponse,
				"{}":                                    test.empty,
			} {
				if (body == "" || body == "{}") && accepted[test.name] {
					want = ""
				}
				synctest.Test(t, func(t *testing.T) {
					srv := owner()
					srv.Fail(offboardtest.Respond(test.name, 200, body))
					_, err := test.call(t.Context(), newClient(t, srv, volterra.WithRetry(volterra.Retry{MaxAttempts: 1, MaxWait: time.Minute})))
					// The read after a deletion shows that the object exists, or no read follows.
					unknown := changes[test.name] && want == errors.UnexpectedResponse && code(err) == errors.OutcomeUnknown
					if code(err) != want && !unknown {
						t.Errorf("%s: got %v, want code %q", body, err, want)
					}
					if n := srv.Count(test.name); n != 1 {
						t.Errorf("%s: %d requests were sent", body, n)
					}
				})
			}
		})
	}
}

func TestOperations_ErrorBody(t *testing.T) {
	t.Parallel()
	for name, test := range operations {
		if test.want != nil {
			continue
		}
		for _, body := range []string{`{"code":14}`, `{"error":"x"}`, `{"message":""}`} {
			synctest.Test(t, func(t *testing.T) {
				srv := owner()
				srv.Fail(offboardtest.Respond(test.name, 200, body))
				_, err := test.call(t.Context(), newClient(t, srv, volterra.WithRetry(volterra.Retry{MaxAttempts: 1, MaxWait: time.Minute})))
				if got := code(err); got != errors.UnexpectedResponse && (got != errors.OutcomeUnknown || !changes[test.name]) {
					t.Errorf("%s: %s: got %v, want %q", name, body, err, errors.UnexpectedResponse)
				}
			})
		}
	}
}

func TestOperations_InvalidNames(t *testing.T) {
	t.Parallel()
	srv := owner()
	c := newClient(t, srv)
	for _, name := range []string{"", ".", "..", "a/b", "a\nb"} {
		for operation, call := range map[string]func() error{
			"GetNamespace":              func() error { _, err := c.GetNamespace(t.Context(), name, volterra.GetNamespaceOptions{}); return err },
			"CascadeDeleteNamespace":    func() error { _, err := c.CascadeDeleteNamespace(t.Context(), name); return err },
			"DeleteChildTenant":         func() error { return c.DeleteChildTenant(t.Context(), name, volterra.DeleteOptions{}) },
			"DeleteChildTenantManager":  func() error { return c.DeleteChildTenantManager(t.Context(), name, volterra.DeleteOptions{}) },
			"DeleteManagedTenant":       func() error { return c.DeleteManagedTenant(t.Context(), name, volterra.DeleteOptions{}) },
			"DeleteAddonSubscription":   func() error { return c.DeleteAddonSubscription(t.Context(), name, volterra.DeleteOptions{}) },
			"ListChildTenantsOfManager": func() error { _, err := c.ListChildTenantsOfManager(t.Context(), name); return err },
			"GetQuotaUsage":             func() error { _, err := c.GetQuotaUsage(t.Context(), name); return err },
			"GetTenantSummary":          func() error { _, err := c.GetTenantSummary(t.Context(), name); return err },
			"GetChildTenant":            func() error { return c.WaitForChildTenantDeletion(t.Context(), name, nil) },
		} {
			e, _ := errors.AsType[*errors.Error](call())
			if e == nil || e.Code != errors.InvalidArgument || e.Operation != operation || e.Status != 0 {
				t.Errorf("%s %q: got %v, want %q", operation, name, e, errors.InvalidArgument)
			}
		}
	}
	if err := c.Unsubscribe(t.Context(), ""); code(err) != errors.InvalidArgument {
		t.Errorf("no service: got %v, want %q", err, errors.InvalidArgument)
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// Recorded answers have null for unset members.
func TestReads_Null(t *testing.T) {
	t.Parallel()
	srv := volterratest.NewServer()
	srv.Fail(offboardtest.Respond("", 200, `{"create_form":null,"replace_form":null,"resource_version":"1","metadata":{"name":"branch"},
		"system_metadata":{"uid":"1","creation_timestamp":"2022-05-10T10:11:18.812992075Z","deletion_timestamp":null,"modification_timestamp":null,
		"initializers":null,"finalizers":[],"owner_view":null,"object_index":0,"labels":{}},
		"spec":{"status":"StateFrozen","child_tenant_manager":null,"customer_info":null},
		"status":[],"referring_objects":[],"deleted_referred_objects":[],"disabled_referred_objects":[]}`))
	got, err := newClient(t, srv).GetChildTenant(t.Context(), "branch", volterra.GetChildTenantOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := &volterra.ChildTenant{
		Metadata:       volterra.Metadata{Name: "branch"},
		SystemMetadata: volterra.SystemMetadata{UID: "1", Created: time.Date(2022, 5, 10, 10, 11, 18, 812992075, time.UTC)},
		Spec:           volterra.ChildTenantSpec{Status: "StateFrozen"}, // one of the future
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
