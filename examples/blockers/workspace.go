package main

import (
	"context"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/workspace"
	"github.com/offboard-dev/offboard-go/workspace/workspacetest"
)

func workspaceAtFake(ctx context.Context) (*node, error) {
	srv := workspacetest.NewServer()
	srv.AddOrganization(workspacetest.Organization{
		ID: "65f0000000000000000000ac", Slug: "acme", Name: "Acme",
		Subscriptions: []workspacetest.Subscription{{Plan: "Enterprise", Status: "active"}},
		Collaborators: []workspacetest.Collaborator{
			{User: workspacetest.User{FirstName: "Jane"}, Role: workspace.CollaboratorRoleAdmin},
		},
		Apps:     []workspacetest.App{{Name: "Acme Bank"}, {Name: "Acme Shop", OSs: []string{"ios"}}},
		Stores:   []workspacetest.Store{{CustomDomain: "apps.acme.example"}},
		Segments: []workspacetest.Segment{{ID: 1, Name: "Europe", Children: []workspacetest.Segment{{ID: 2, Name: "Spain"}}}},
		Devices: []workspacetest.Device{
			{ID: "65f0000000000000000000d1", Type: workspace.DeviceTypeApple},
			{ID: "65f0000000000000000000d2", Type: workspace.DeviceTypeAOSP},
			{ID: "65f0000000000000000000d3", Type: workspace.DeviceTypeWindows, SubType: workspace.DeviceSubTypeEnrollment},
		},
	})
	srv.AddServiceAccount("65f0000000000000000000ac")
	c, err := workspace.New(srv.Option())
	if err != nil {
		return nil, err
	}
	return walkWorkspace(ctx, c, "acme")
}

// walkWorkspace reads an organization at Applivery. Subscriptions block its deletion, and
// Applivery deletes all other resources along with it.
func walkWorkspace(ctx context.Context, c *workspace.Client, idOrSlug string) (*node, error) {
	found, err := c.Identify(ctx, idOrSlug)
	if err != nil {
		return nil, err
	}
	n := &node{text: found.Name + " (" + found.ID + ")"}
	blocked := addCheckResult(n, c.CheckDeletion(ctx, found.ID), description)
	cascades := n.add("deleted along with the organization")
	segments, err := c.ListSegments(ctx, found.ID)
	if len(segments) > 0 {
		addSegments(cascades.add("segments"), segments)
	}
	return n, errors.Join(
		blocked, err,
		addItems(cascades, "collaborators", c.ListCollaborators(ctx, found.ID, workspace.ListCollaboratorsPageOptions{}),
			func(c workspace.Collaborator) string { return c.User.Email + ", " + string(c.Role) }),
		addItems(cascades, "apps", c.ListApps(ctx, found.ID, workspace.ListAppsPageOptions{}),
			func(a workspace.App) string { return a.Name }),
		addItems(cascades, "stores", c.ListStores(ctx, found.ID, workspace.ListStoresPageOptions{}),
			func(s workspace.Store) string { return s.CustomDomain + ", " + string(s.Security) }),
		addItems(cascades, "devices", c.ListDevices(ctx, found.ID, workspace.ListDevicesPageOptions{SubType: workspace.DeviceSubTypeDevice}),
			func(d workspace.Device) string { return d.ID + ", " + string(d.Type) + ", " + d.State }),
	)
}

// addSegments adds segments with those below them.
func addSegments(n *node, segments []workspace.Segment) {
	for _, s := range segments {
		addSegments(n.add("%s", s.Name), s.Children)
	}
}
