package main

import (
	"context"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/zitadel"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

func zitadelAtFake(ctx context.Context) (*node, error) {
	const id = "312909075211944042"
	srv := zitadeltest.NewServer()
	srv.AddOrganization(zitadeltest.Organization{ID: id, Name: "Acme", PrimaryDomain: "acme.example"})
	srv.AddOrganization(zitadeltest.Organization{ID: "312909075211944043", Name: "Partner"})
	srv.SetDefault(id)
	jane := srv.AddUser(zitadeltest.User{Organization: id, UserName: "jane"})
	srv.AddUser(zitadeltest.User{Organization: id, UserName: "deployer", Machine: true})
	bank := srv.AddProject(zitadeltest.Project{Organization: id, Name: "Bank"})
	srv.AddApp(zitadeltest.App{Project: bank, Name: "API"})
	srv.AddProjectGrant(zitadeltest.ProjectGrant{Project: bank, Organization: "312909075211944043", Roles: []string{"teller"}})
	srv.AddUserGrant(zitadeltest.UserGrant{User: jane, Project: bank, Roles: []string{"teller"}})
	c, err := zitadel.New(srv.Option())
	if err != nil {
		return nil, err
	}
	return walkZitadel(ctx, c, id)
}

// walkZitadel reads an organization at Zitadel. Its resources do not block the deletion, and
// other organizations lose their grants.
func walkZitadel(ctx context.Context, c *zitadel.Client, id string) (*node, error) {
	found, err := c.Identify(ctx, id)
	if err != nil {
		return nil, err
	}
	n := &node{text: found.Name + " (" + id + ")"}
	blocked := addCheckResult(n, c.CheckDeletion(ctx, id), description)
	cascades := n.add("deleted along with the organization")
	users := addItems(cascades, "users", c.ListUsers(ctx, id), func(u zitadel.User) string {
		if u.Machine != nil {
			return u.UserName + ", a service account"
		}
		return u.UserName
	})
	projects := cascades.add("projects")
	failed := []error{blocked, users}
	for project, err := range c.ListProjects(ctx, id) {
		if err != nil {
			failed = append(failed, err)
			break
		}
		failed = append(failed, addItems(projects.add("%s", project.Name), "apps", c.ListApps(ctx, project.ID, id),
			func(a zitadel.App) string { return a.Name }))
	}
	return n, errors.Join(append(failed,
		addItems(cascades, "projects granted to other organizations", c.ListProjectGrants(ctx, id),
			func(g zitadel.ProjectGrant) string { return g.ProjectName + ", by " + g.GrantedOrgName }),
		addItems(cascades, "roles of users", c.ListUserGrants(ctx, id),
			func(g zitadel.UserGrant) string { return g.UserName + " in " + g.ProjectName }),
		addItems(cascades, "domains", c.ListDomains(ctx, id),
			func(d zitadel.Domain) string { return d.DomainName }),
	)...)
}
