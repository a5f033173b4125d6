package katapult_test

import (
	"context"
	"fmt"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/katapult"
	"github.com/offboard-dev/offboard-go/katapult/katapulttest"
	"github.com/offboard-dev/offboard-go/offboardtest"
)

func ExampleDeleteOrganization() {
	srv := katapulttest.NewServer() // in place of the real service
	srv.AddOrganization(katapulttest.Organization{ID: "org_acme"})

	err := katapult.DeleteOrganization(context.Background(), katapult.ID("org_acme"), srv.Option())
	fmt.Println(err)
	// Output: <nil>
}

func ExampleClient_DeleteOrganization() {
	srv := katapulttest.NewServer() // in place of the real service
	srv.AddOrganization(katapulttest.Organization{ID: "org_acme", Open: []string{"disks", "virtual_machines"}})

	c, err := katapult.New(srv.Option()) // katapult.New(katapult.WithToken(token))
	if err != nil {
		fmt.Println(err)
		return
	}
	err = c.DeleteOrganization(context.Background(), katapult.ID("org_acme"))
	switch e, _ := errors.AsType[*errors.Error](err); {
	case err == nil:
		fmt.Println("deleted")
	case errors.Is(err, errors.DeletionStepsNotSatisfied):
		fmt.Println("to do first:", e.Steps)
	case errors.Is(err, errors.RateLimitReached):
		fmt.Println("again in", e.RetryAfter)
	default:
		fmt.Println(err)
	}
	// Output: to do first: [virtual_machines disks]
}

func ExampleClient_CheckDeletion() {
	srv := katapulttest.NewServer() // in place of the real service
	srv.AddOrganization(katapulttest.Organization{ID: "org_acme", SubDomain: "acme", Unmanaged: true})

	c, err := katapult.New(srv.Option())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.CheckDeletion(context.Background(), katapult.SubDomain("acme")))
	// Output: katapult: CheckDeletion "acme": managed organization required
}

// The answer to a deletion is lost after Katapult has done its work. The client
// reads the organization, finds it gone, and does not send a second deletion.
func ExampleClient_DeleteOrganization_lostAnswer() {
	srv := katapulttest.NewServer() // in place of the real service
	srv.AddOrganization(katapulttest.Organization{ID: "org_acme"})
	srv.Fail(offboardtest.LoseAnswer("DeleteOrganization"))

	err := katapult.DeleteOrganization(context.Background(), katapult.ID("org_acme"), srv.Option())
	fmt.Println(err, srv.Count("DeleteOrganization"), srv.Deleted())
	// Output: <nil> 1 [org_acme]
}
