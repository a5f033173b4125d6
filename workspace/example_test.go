package workspace_test

import (
	"context"
	"fmt"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
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
		fmt.Println("to do first:", e.Steps)
	case errors.Is(err, errors.RateLimitReached):
		fmt.Println("again in", e.RetryAfter)
	default:
		fmt.Println(err)
	}
	// Output: to do first: [subscriptions]
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

// The answer to a deletion is lost after Applivery has done its work. The client
// reads the organization, finds it gone, and does not send a second deletion.
func ExampleClient_DeleteOrganization_lostAnswer() {
	srv := workspacetest.NewServer() // in place of the real service
	srv.AddOrganization(workspacetest.Organization{ID: "65f0000000000000000000ac", Slug: "acme"})
	srv.Fail(offboardtest.LoseResponse("DeleteOrganization"))

	err := workspace.DeleteOrganization(context.Background(), "acme", srv.Option())
	fmt.Println(err, srv.Count("DeleteOrganization"), srv.Deleted())
	// Output: <nil> 1 [65f0000000000000000000ac]
}

// A token that belongs to the workspace is gone with it. When the answer is lost
// nothing can be read any more, and the client does not guess.
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

// Nothing but subscriptions stands in the way of a deletion; all that an
// organization has goes with it. This is what to look at before.
func Example_whatIsLeft() {
	srv := workspacetest.NewServer() // in place of the real service
	srv.AddOrganization(workspacetest.Organization{
		Slug:          "acme",
		Subscriptions: []workspacetest.Subscription{{Plan: "Enterprise", Status: "active"}},
		Collaborators: []workspacetest.Collaborator{{User: workspacetest.User{FirstName: "Jane"}, Role: workspace.CollaboratorRoleEditor}},
		Apps:          []workspacetest.App{{Name: "Acme Bank"}, {Name: "Acme Shop"}},
		Stores:        []workspacetest.Store{{CustomDomain: "apps.acme.example"}},
		Devices:       []workspacetest.Device{{Type: workspace.DeviceTypeApple}, {SubType: workspace.DeviceSubTypeEnrollment}},
	})

	if err := whatIsLeft(context.Background(), srv.Option()); err != nil {
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

func whatIsLeft(ctx context.Context, options ...workspace.Option) error {
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
