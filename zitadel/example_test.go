package zitadel_test

import (
	"context"
	"fmt"
	"os"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/zitadel"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

func ExampleDeleteOrganization() {
	srv := zitadeltest.NewServer() // replaces the real service
	srv.AddOrganization(zitadeltest.Organization{ID: "312909075211944042"})

	details, err := zitadel.DeleteOrganization(context.Background(), "312909075211944042", srv.Option())
	fmt.Println(details.Sequence, err)
	// Output: 5 <nil>
}

func ExampleClient_DeleteOrganization() {
	srv := zitadeltest.NewServer() // replaces the real service

	c, err := zitadel.New(srv.Option()) // zitadel.New(zitadel.WithBaseURL(url), zitadel.WithKeyFile(path))
	if err != nil {
		fmt.Println(err)
		return
	}
	details, err := c.DeleteOrganization(context.Background(), zitadeltest.DefaultOrganization)
	switch e, _ := errors.AsType[*errors.Error](err); {
	case err == nil:
		fmt.Println("deleted at", details.ChangeDate)
	case errors.Is(err, errors.DeletionStepsNotSatisfied):
		fmt.Println("to do first:", e.Steps)
	case errors.Is(err, errors.RateLimitReached):
		fmt.Println("again in", e.RetryAfter)
	default:
		fmt.Println(err)
	}
	// Output: to do first: [default_organization]
}

func ExampleClient_CheckDeletion() {
	srv := zitadeltest.NewServer() // replaces the real service
	srv.AddOrganization(zitadeltest.Organization{ID: "312909075211944042"})
	srv.SetPermissions("iam.read") // as the role IAM_OWNER_VIEWER

	c, err := zitadel.New(srv.Option())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.CheckDeletion(context.Background(), "312909075211944042"))
	// Output: zitadel: CheckDeletion "312909075211944042": permission_denied: the permission iam.write is missing
}

func ExampleClient_SearchOrganizations() {
	srv := zitadeltest.NewServer() // replaces the real service
	srv.AddOrganization(zitadeltest.Organization{ID: "312909075211944042", Name: "Trial Acme"})
	srv.AddOrganization(zitadeltest.Organization{ID: "312909075211944043", Name: "Trial Bolt"})

	c, err := zitadel.New(srv.Option())
	if err != nil {
		fmt.Println(err)
		return
	}
	trials := zitadel.OrganizationQuery{NameQuery: zitadel.NameQuery{
		Name: "trial ", Method: zitadel.TextQueryMethodStartsWithIgnoreCase,
	}}
	for organization, err := range c.SearchOrganizations(context.Background(), trials) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(organization.ID, organization.Name)
	}
	// Output:
	// 312909075211944042 Trial Acme
	// 312909075211944043 Trial Bolt
}

// List what Zitadel deletes along with an organization, and who loses access.
func ExampleClient_Preview() {
	srv := zitadeltest.NewServer() // replaces the real service
	srv.AddOrganization(zitadeltest.Organization{ID: "312909075211944042", Name: "Acme"})
	srv.AddOrganization(zitadeltest.Organization{ID: "312909075211944043", Name: "Bolt"})
	srv.AddUser(zitadeltest.User{Organization: "312909075211944042", UserName: "ada"})
	shop := srv.AddProject(zitadeltest.Project{Organization: "312909075211944042", Name: "Shop"})
	srv.AddProjectGrant(zitadeltest.ProjectGrant{Project: shop, Organization: "312909075211944043"})

	c, err := zitadel.New(srv.Option())
	if err != nil {
		fmt.Println(err)
		return
	}
	owned, err := c.Preview(context.Background(), "312909075211944042")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, o := range owned {
		fmt.Println(o.Kind, o.Count)
	}
	for grant, err := range c.ListProjectGrants(context.Background(), "312909075211944042") {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(grant.GrantedOrgName, "loses", grant.ProjectName)
	}
	// Output:
	// users 1
	// projects 1
	// project_grants 1
	// granted_projects 0
	// user_grants 0
	// members 0
	// domains 1
	// Bolt loses Shop
}

// Review a plan, then apply it.
func ExampleClient_Teardown() {
	srv := zitadeltest.NewServer() // replaces the real service
	srv.AddOrganization(zitadeltest.Organization{ID: "312909075211944042", Name: "Acme"})
	srv.AddOrganization(zitadeltest.Organization{ID: "312909075211944043", Name: "Bolt"})
	srv.AddUser(zitadeltest.User{Organization: "312909075211944042", UserName: "ada"})
	shop := srv.AddProject(zitadeltest.Project{Organization: "312909075211944042", Name: "Shop"})
	grant := srv.AddProjectGrant(zitadeltest.ProjectGrant{Project: shop, Organization: "312909075211944043"})
	bea := srv.AddUser(zitadeltest.User{Organization: "312909075211944043", UserName: "bea"})
	srv.AddUserGrant(zitadeltest.UserGrant{User: bea, Project: shop, ProjectGrant: grant})

	c, err := zitadel.New(srv.Option())
	if err != nil {
		fmt.Println(err)
		return
	}
	plan, err := c.Plan(context.Background(), "312909075211944042")
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := plan.WriteTree(os.Stdout); err != nil {
		fmt.Println(err)
		return
	}
	report, err := c.Teardown(context.Background(), plan, teardown.WithConfirm("Acme"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Organization.Name, "is", report.Outcome)
	// Output:
	// zitadel: Acme (312909075211944042): no blockers
	// └─ deleted along with it
	//    ├─ 1 user: ada (with their credentials, sessions and memberships)
	//    ├─ 1 project: Shop
	//    ├─ 1 project_grant: Shop to Bolt (given to other organizations)
	//    ├─ 1 user_grant: bea in Shop (roles of users in projects)
	//    ├─ 1 user_of_other_organizations: bea of Bolt (they lose roles in projects or in its management)
	//    └─ 1 domain: acme.fake.invalid (other organizations can use them at once)
	// Acme is deleted
}

// An IAM_ORG_MANAGER may delete organizations without the permission iam.write.
func ExampleClient_DeleteOrganizationV2() {
	srv := zitadeltest.NewServer() // replaces the real service
	srv.AddOrganization(zitadeltest.Organization{ID: "312909075211944042"})
	srv.SetPermissions("org.read", "org.write", "org.delete", "org.create") // as the role IAM_ORG_MANAGER

	c, err := zitadel.New(srv.Option())
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = c.DeleteOrganizationV2(context.Background(), "312909075211944042")
	fmt.Println(err)
	_, err = c.DeleteOrganizationV2(context.Background(), "312909075211944042")
	fmt.Println(errors.Is(err, errors.OrganizationNotFound))
	// Output:
	// <nil>
	// true
}

// The answer to a deletion is lost after Zitadel deleted the organization. The client reads
// that the organization no longer exists, and does not send a second deletion.
func ExampleClient_DeleteOrganization_lostAnswer() {
	srv := zitadeltest.NewServer() // replaces the real service
	srv.AddOrganization(zitadeltest.Organization{ID: "312909075211944042"})
	srv.Fail(offboardtest.LoseResponse("DeleteOrganization"))

	_, err := zitadel.DeleteOrganization(context.Background(), "312909075211944042", srv.Option())
	fmt.Println(err, srv.Count("DeleteOrganization"), srv.Deleted())
	// Output: <nil> 1 [312909075211944042]
}
