package volterra_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/volterra"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
)

func ExampleDeleteTenant() {
	srv := volterratest.NewServer() // in place of the real service
	srv.SetTenant(volterratest.Tenant{Name: "acme"})

	err := volterra.DeleteTenant(context.Background(), volterra.DeleteTenantRequest{
		Name:   "acme",
		Email:  "owner@acme.example",
		Reason: volterra.ReasonNoLongerNeeded,
	}, srv.Option())
	fmt.Println(err)
	// Output: <nil>
}

func ExampleClient_DeleteTenant() {
	srv := volterratest.NewServer() // in place of the real service
	srv.SetTenant(volterratest.Tenant{Name: "acme-production"})

	c, err := volterra.New(srv.Option()) // volterra.New(volterra.WithBaseURL(url), volterra.WithP12File(path, password))
	if err != nil {
		fmt.Println(err)
		return
	}
	err = c.DeleteTenant(context.Background(), volterra.DeleteTenantRequest{Name: "acme-trial", Email: "owner@acme.example"})
	switch e, _ := errors.AsType[*errors.Error](err); {
	case err == nil:
		fmt.Println("accepted: F5 will delete the tenant")
	case errors.Is(err, errors.NotConfirmed):
		fmt.Println("another tenant:", e.Err)
	case errors.Is(err, errors.OutcomeUnknown):
		fmt.Println("look at the console:", e)
	case errors.Is(err, errors.RateLimitReached):
		fmt.Println("again in", e.RetryAfter)
	default:
		fmt.Println(err)
	}
	// Output: another tenant: the tenant's name is "acme-production"
}

func ExampleClient_CheckDeletion() {
	srv := volterratest.NewServer() // in place of the real service
	srv.SetTenant(volterratest.Tenant{Name: "acme", State: volterra.StateDisabled})

	c, err := volterra.New(srv.Option())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.CheckDeletion(context.Background(), volterra.DeleteTenantRequest{Name: "acme", Email: "owner@acme.example"}))
	// Output: volterra: CheckDeletion "acme": already_requested_deletion: the tenant is already marked for deletion
}

// The answer is lost after F5 accepted the request, and F5 refuses the credential from then on. No read
// can decide, so the outcome is unknown and no second request is sent.
func ExampleClient_DeleteTenant_lostAnswer() {
	srv := volterratest.NewServer() // in place of the real service
	srv.SetTenant(volterratest.Tenant{Name: "acme"})
	srv.Fail(offboardtest.LoseResponse("RequestTenantDeletion"))

	err := volterra.DeleteTenant(context.Background(), volterra.DeleteTenantRequest{
		Name: "acme", Email: "owner@acme.example",
	}, srv.Option())
	fmt.Println(errors.Is(err, errors.OutcomeUnknown), srv.Count("RequestTenantDeletion"), len(srv.Accepted()))
	// Output: true 1 1
}

// The resources of a tenant before its deletion.
func Example_tenantResources() {
	srv := volterratest.NewServer() // in place of the real service
	srv.AddNamespace(volterratest.Namespace{Name: "app"})
	srv.AddChildTenant(volterratest.ChildTenant{Name: "branch"})
	srv.AddInvoice(volterra.Invoice{Name: "invoice-1", Amount: 4990, Currency: "USD"})
	srv.SetListErrors("ListNamespaces", volterra.ListError{Code: volterra.ListErrorCodePermissionDenied})

	ctx := context.Background()
	c, err := volterra.New(srv.Option())
	if err != nil {
		fmt.Println(err)
		return
	}
	namespaces, err := c.ListNamespaces(ctx, volterra.ListNamespacesOptions{})
	for _, namespace := range namespaces {
		fmt.Println("namespace", namespace.Name)
	}
	if errors.Is(err, errors.PartialResult) {
		fmt.Println(err)
	}
	children, err := c.ListChildTenants(ctx, volterra.ListChildTenantsOptions{})
	for _, child := range children {
		fmt.Println("child tenant", child.Name, err)
	}
	invoices, err := c.ListInvoices(ctx, volterra.ListInvoicesOptions{})
	for _, invoice := range invoices {
		fmt.Printf("%s: %d.%02d %s, %s, %v\n", invoice.Name, invoice.Amount/100, invoice.Amount%100, invoice.Currency, invoice.Status, err)
	}
	// Output:
	// namespace system
	// namespace shared
	// namespace default
	// namespace app
	// volterra: ListNamespaces: partial_result (200 EPERMS)
	// child tenant branch <nil>
	// invoice-1: 49.90 USD, STATUS_ISSUED, <nil>
}

// An object to which another namespace refers is not deleted, although F5 answers with status 200.
func ExampleClient_CascadeDeleteNamespace() {
	srv := volterratest.NewServer() // in place of the real service
	srv.AddNamespace(volterratest.Namespace{Name: "pools", Objects: []volterratest.Object{{Kind: "origin_pool", Name: "pool"}}})
	srv.AddNamespace(volterratest.Namespace{Name: "app", Objects: []volterratest.Object{{Name: "web", RefersTo: []string{"pools/pool"}}}})

	c, err := volterra.New(srv.Option())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, namespace := range []string{"pools", "app", "pools"} {
		_, err := c.CascadeDeleteNamespace(context.Background(), namespace)
		fmt.Println(namespace, err)
		if e, ok := errors.AsType[*errors.Error](err); ok {
			fmt.Println(e.Steps[0].Description)
		}
	}
	// Output:
	// pools volterra: CascadeDeleteNamespace "pools": namespace_not_empty (200)
	// pool: Referred to by http_loadbalancer app/web.
	// app <nil>
	// pools <nil>
}

func ExampleClient_Teardown() {
	srv := volterratest.NewServer() // in place of the real service
	srv.SetTenant(volterratest.Tenant{Name: "acme-kqzvxwbn", Domain: "acme"})
	srv.AddChildTenant(volterratest.ChildTenant{Name: "branch"})
	srv.AddNamespace(volterratest.Namespace{Name: "shop", Objects: []volterratest.Object{{Name: "web"}}})
	srv.AddAddonSubscription(volterratest.AddonSubscription{Name: "waap"})

	ctx := context.Background()
	c, err := volterra.New(srv.Option())
	if err != nil {
		fmt.Println(err)
		return
	}
	request := volterra.DeleteTenantRequest{Name: "acme-kqzvxwbn", Email: "owner@acme.example", Reason: volterra.ReasonNoLongerNeeded}
	plan, err := c.Plan(ctx, request)
	if err != nil {
		fmt.Println(err)
		return
	}
	var tree strings.Builder
	_ = plan.WriteTree(&tree)
	fmt.Print(tree.String())

	report, err := c.Teardown(ctx, plan, request, teardown.WithConfirm("acme-kqzvxwbn"), teardown.WithOverrides(teardown.ManagedOrganizations))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Outcome)
	fmt.Println(report.PendingOn)
	// Output:
	// volterra: acme-kqzvxwbn (acme-kqzvxwbn): 3 steps; requires: managed_organizations
	// ├─ child_tenant
	// │  └─ branch (child_tenant/branch/00000000-0000-4000-8000-000000000004): delete the child tenant with its resources, and wait until it no longer exists [managed_organizations]
	// ├─ namespace
	// │  └─ shop (namespace/shop/00000000-0000-4000-8000-000000000005): delete the namespace with its objects
	// ├─ addon_subscription
	// │  └─ waap (addon_subscription/waap/00000000-0000-4000-8000-000000000007): unsubscribe from the service, and wait until the subscription has ended
	// └─ deleted along with it
	//    └─ 1 http_loadbalancer
	// pending
	// The tenant is in F5's deletion queue. F5 removes the tenant after an approval. No API reports when.
}
