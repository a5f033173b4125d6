package workspace_test

import (
	"context"
	"fmt"
	"os"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/workspace"
	"github.com/offboard-dev/offboard-go/workspace/workspacetest"
)

func ExampleDeleteOrganization() {
	srv := workspacetest.NewServer() // in place of the real service
	srv.AddOrganization(workspacetest.Organization{ID: "65f0000000000000000000ac", Slug: "acme"})

	err := workspace.DeleteOrganization(context.Background(), "acme", srv.Option())
	fmt.Println(err)
	// Output: <nil>
}

func ExampleClient_DeleteOrganization() {
	srv := workspacetest.NewServer() // in place of the real service
	srv.AddOrganization(workspacetest.Organization{
		ID: "65f0000000000000000000ac", Slug: "acme",
		Subscriptions: []workspacetest.Subscription{{Plan: "Enterprise"}},
	})

	c, err := workspace.New(srv.Option()) // workspace.New(workspace.WithToken(token))
	if err != nil {
		fmt.Println(err)
		return
	}
	err = c.DeleteOrganization(context.Background(), "acme")
	switch e, _ := errors.AsType[*errors.Error](err); {
	case err == nil:
		fmt.Println("deleted")
	case errors.Is(err, errors.DeletionStepsNotSatisfied):
		fmt.Println("blockers:", e.Steps)
	case errors.Is(err, errors.RateLimitReached):
		fmt.Println("retry in", e.RetryAfter)
	default:
		fmt.Println(err)
	}
	// Output: blockers: [subscription]
}

func ExampleClient_CheckDeletion() {
	srv := workspacetest.NewServer() // in place of the real service
	srv.AddOrganization(workspacetest.Organization{
		ID: "65f0000000000000000000ac", Slug: "acme",
		Subscriptions: []workspacetest.Subscription{{Plan: "Enterprise", Status: "active"}, {Plan: "Devices"}},
	})

	c, err := workspace.New(srv.Option())
	if err != nil {
		fmt.Println(err)
		return
	}
	err = c.CheckDeletion(context.Background(), "acme")
	fmt.Println(err)
	if e, ok := errors.AsType[*errors.Error](err); ok {
		for _, step := range e.Steps {
			fmt.Println(step.Name+":", step.Description)
		}
	}
	// Output:
	// workspace: CheckDeletion "acme": active_subscriptions
	// subscription: Enterprise, active
	// subscription: Devices
}

// The answer to a deletion is lost after Applivery deleted the organization. The client reads
// that the organization does not exist and does not send a second deletion.
func ExampleClient_DeleteOrganization_lostAnswer() {
	srv := workspacetest.NewServer() // in place of the real service
	srv.AddOrganization(workspacetest.Organization{ID: "65f0000000000000000000ac", Slug: "acme"})
	srv.Fail(offboardtest.LoseResponse("DeleteOrganization"))

	err := workspace.DeleteOrganization(context.Background(), "acme", srv.Option())
	fmt.Println(err, srv.Count("DeleteOrganization"), srv.Deleted())
	// Output: <nil> 1 [65f0000000000000000000ac]
}

// A service account is deleted with its workspace. If the answer is lost, its token can read
// nothing, so the outcome is unknown.
func ExampleClient_DeleteOrganization_serviceAccount() {
	srv := workspacetest.NewServer() // in place of the real service
	srv.AddOrganization(workspacetest.Organization{ID: "65f0000000000000000000ac", Slug: "acme"})
	token := srv.AddServiceAccount("65f0000000000000000000ac")
	srv.Fail(offboardtest.LoseResponse("DeleteOrganization"))

	err := workspace.DeleteOrganization(context.Background(), "acme", srv.OptionWithToken(token))
	fmt.Println(errors.Is(err, errors.OutcomeUnknown))
	// Output: true
}

func ExampleClient_ListOrganizations() {
	srv := workspacetest.NewServer() // in place of the real service
	srv.AddOrganization(workspacetest.Organization{ID: "65f0000000000000000000ac", Slug: "acme"})
	srv.AddOrganization(workspacetest.Organization{ID: "65f0000000000000000000b1", Slug: "beta"})

	c, err := workspace.New(srv.Option())
	if err != nil {
		fmt.Println(err)
		return
	}
	for organization, err := range c.ListOrganizations(context.Background(), workspace.ListOrganizationsPageOptions{}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(organization.ID, organization.Slug)
	}
	// Output:
	// 65f0000000000000000000ac acme
	// 65f0000000000000000000b1 beta
}

// Only subscriptions block a deletion; Applivery deletes all other resources along with the
// organization. The example lists both before a deletion.
func Example_organizationContents() {
	srv := workspacetest.NewServer() // in place of the real service
	srv.AddOrganization(workspacetest.Organization{
		Slug:          "acme",
		Subscriptions: []workspacetest.Subscription{{Plan: "Enterprise", Status: "active"}},
		Collaborators: []workspacetest.Collaborator{{User: workspacetest.User{FirstName: "Jane"}, Role: workspace.CollaboratorRoleEditor}},
		Apps:          []workspacetest.App{{Name: "Acme Bank"}, {Name: "Acme Shop"}},
		Stores:        []workspacetest.Store{{CustomDomain: "apps.acme.example"}},
		Devices:       []workspacetest.Device{{Type: workspace.DeviceTypeApple}, {SubType: workspace.DeviceSubTypeEnrollment}},
	})

	if err := contents(context.Background(), srv.Option()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// subscription: Enterprise (active)
	// collaborator: olive.owner@example.com (owner)
	// collaborator: jane.doe@example.com (editor)
	// app: Acme Bank
	// app: Acme Shop
	// store: apps.acme.example (public)
	// device: apple (ACTIVE)
}

func contents(ctx context.Context, options ...workspace.Option) error {
	c, err := workspace.New(options...)
	if err != nil {
		return err
	}
	found, err := c.GetWorkspace(ctx, "acme")
	if err != nil {
		return err
	}
	for _, s := range found.Organization.Subscriptions {
		fmt.Printf("subscription: %s (%s)\n", s.Plan, s.Status)
	}
	for collaborator, err := range c.ListCollaborators(ctx, "acme", workspace.ListCollaboratorsPageOptions{}) {
		if err != nil {
			return err
		}
		fmt.Printf("collaborator: %s (%s)\n", collaborator.User.Email, collaborator.Role)
	}
	for app, err := range c.ListApps(ctx, "acme", workspace.ListAppsPageOptions{}) {
		if err != nil {
			return err
		}
		fmt.Printf("app: %s\n", app.Name)
	}
	for store, err := range c.ListStores(ctx, "acme", workspace.ListStoresPageOptions{}) {
		if err != nil {
			return err
		}
		fmt.Printf("store: %s (%s)\n", store.CustomDomain, store.Security)
	}
	devices := workspace.ListDevicesPageOptions{SubType: workspace.DeviceSubTypeDevice} // no enrollments
	for device, err := range c.ListDevices(ctx, "acme", devices) {
		if err != nil {
			return err
		}
		fmt.Printf("device: %s (%s)\n", device.Type, device.State)
	}
	return nil
}

func ExampleClient_Teardown() {
	srv := workspacetest.NewServer() // in place of the real service
	srv.AddOrganization(workspacetest.Organization{
		ID: "65f0000000000000000000ac", Slug: "acme", Name: "Acme Ltd",
		Subscriptions: []workspacetest.Subscription{{ID: "65f0000000000000000000d1", Plan: "Enterprise", Status: "active"}},
		Apps:          []workspacetest.App{{Name: "Acme Bank"}, {Name: "Acme Shop"}},
		Stores:        []workspacetest.Store{{CustomDomain: "apps.acme.example"}},
	})
	ctx := context.Background()
	c, err := workspace.New(srv.Option()) // workspace.New(workspace.WithToken(token))
	if err != nil {
		fmt.Println(err)
		return
	}
	plan, err := c.Plan(ctx, "acme")
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := plan.WriteTree(os.Stdout); err != nil {
		fmt.Println(err)
		return
	}
	report, err := c.Teardown(ctx, plan, teardown.WithConfirm("Acme Ltd"))
	fmt.Println(report.Outcome, err)

	srv.CancelSubscriptions("65f0000000000000000000ac") // a user does, in the dashboard

	report, err = c.Teardown(ctx, plan, teardown.WithConfirm("Acme Ltd"))
	fmt.Println(report.Outcome, err)
	// Output:
	// workspace: Acme Ltd (65f0000000000000000000ac): 1 step, 1 manual
	// ├─ subscription
	// │  └─ Enterprise (subscription/65f0000000000000000000d1): manual: cancel the subscription in the dashboard, at Billing, Plan & Usage
	// └─ deleted along with it
	//    ├─ 2 apps: Acme Bank, Acme Shop
	//    ├─ 1 collaborator: olive.owner@example.com
	//    └─ 1 store: apps.acme.example
	// blocked workspace: CheckDeletion "65f0000000000000000000ac": active_subscriptions
	// deleted <nil>
}
