package volterra_test

import (
	"context"
	"fmt"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
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
	// Output: volterra: CheckDeletion "acme": conflict: the tenant is in the state StateDisabled already
}

// The answer is lost after F5 has accepted the request, and with the tenant the
// credential has gone. Nothing can be read, so the client says so and does not
// send a second request.
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

// What the tenant owns, before it is deleted.
func Example_whatIsLeft() {
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

// An object that another namespace refers to is not deleted, although F5 calls the
// request a success.
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
	// pool: The object is referred to by http_loadbalancer app/web.
	// app <nil>
	// pools <nil>
}
