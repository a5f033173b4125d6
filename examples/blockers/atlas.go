package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/errors"
)

func atlasAtFake(ctx context.Context) (*node, error) {
	const id, project = "5e2f00000000000000000001", "5e2f000000000000000000a1"
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: id, Name: "Acme"})
	srv.AddProject(id, atlastest.Project{ID: project, Name: "Bank"})
	srv.AddProject(id, atlastest.Project{ID: "5e2f000000000000000000a2", Name: "Empty"})
	for _, resource := range []atlastest.Resource{
		{Kind: atlas.BlockerCluster, ID: "ledger", Protected: true},
		{Kind: atlas.BlockerFlexCluster, ID: "scratch"},
		{Kind: atlas.BlockerOnlineArchive, Parent: "ledger"},
		{Kind: atlas.BlockerStreamWorkspace, ID: "events"},
		{Kind: atlas.BlockerFederatedDatabase, ID: "reports"},
	} {
		srv.AddResource(project, resource)
	}
	c, err := atlas.New(srv.Option())
	if err != nil {
		return nil, err
	}
	return walkAtlas(ctx, c, id)
}

// walkAtlas reads an organization at Atlas. Projects block its deletion, and the resources of
// a project block that of the project.
func walkAtlas(ctx context.Context, c *atlas.Client, id string) (*node, error) {
	found, err := c.Identify(ctx, id)
	if err != nil {
		return nil, err
	}
	n := &node{text: found.Name + " (" + id + ")"}
	failed := []error{addCheckResult(n, c.CheckDeletion(ctx, id), description)}
	projects := n.add("projects")
	for project, err := range c.ListProjects(ctx, id, atlas.ListProjectsPageOptions{}) {
		if err != nil {
			failed = append(failed, err)
			break
		}
		failed = append(failed, walkProject(ctx, c, projects.add("%s", project.Name), project.ID))
	}
	return n, errors.Join(append(failed,
		addItems(n, "invoices, paid in the console only", all(c.ListPendingInvoices(ctx, id)),
			func(i atlas.Invoice) string {
				return fmt.Sprintf("%s, %s", i.ID, strings.ToLower(string(i.Status)))
			}),
	)...)
}

// walkProject reads the resources that block the deletion of a project, by kind, in the order
// of their removal.
func walkProject(ctx context.Context, c *atlas.Client, n *node, projectID string) error {
	var kind *node
	for blocker, err := range c.ListBlockers(ctx, projectID) {
		if err != nil {
			return err
		}
		if name := strings.ReplaceAll(string(blocker.Kind), "_", " "); kind == nil || kind.text != name {
			kind = n.add("%s", name)
		}
		text := blocker.ID
		if blocker.Parent != "" {
			text += " of " + blocker.Parent
		}
		if blocker.State != "" {
			text += ", " + blocker.State
		}
		if blocker.Protected {
			text += ", protected"
		}
		kind.add("%s", text)
	}
	return nil
}
