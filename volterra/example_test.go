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
	srv.Fail(offboardtest.LoseAnswer("RequestTenantDeletion"))

	err := volterra.DeleteTenant(context.Background(), volterra.DeleteTenantRequest{
		Name: "acme", Email: "owner@acme.example",
	}, srv.Option())
	fmt.Println(errors.Is(err, errors.OutcomeUnknown), srv.Count("RequestTenantDeletion"), len(srv.Accepted()))
	// Output: true 1 1
}
