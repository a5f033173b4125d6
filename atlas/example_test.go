package atlas_test

import (
	"context"
	"fmt"
	"os"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
)

func ExampleDeleteOrganization() {
	srv := atlastest.NewServer() // instead of the real service
	srv.AddOrganization(atlastest.Organization{ID: "5e2f00000000000000000001"})

	err := atlas.DeleteOrganization(context.Background(), "5e2f00000000000000000001", srv.Option())
	fmt.Println(err)
	// Output: <nil>
}

func ExampleClient_DeleteOrganization() {
	srv := atlastest.NewServer() // instead of the real service
	srv.AddOrganization(atlastest.Organization{ID: "5e2f00000000000000000001"})
	srv.AddProject("5e2f00000000000000000001", atlastest.Project{ID: "5e2f0000000000000000000a", Name: "shop"})

	c, err := atlas.New(srv.Option()) // atlas.New(atlas.WithServiceAccount(id, secret))
	if err != nil {
		fmt.Println(err)
		return
	}
	err = c.DeleteOrganization(context.Background(), "5e2f00000000000000000001")
	switch e, _ := errors.AsType[*errors.Error](err); {
	case err == nil:
		fmt.Println("deleted")
	case errors.Is(err, errors.DeletionStepsNotSatisfied):
		fmt.Println("blockers:", e.Steps)
	case errors.Is(err, errors.RateLimitReached):
		fmt.Println("again in", e.RetryAfter)
	default:
		fmt.Println(err)
	}
	// Output: blockers: [project]
}

func ExampleClient_CheckDeletion() {
	srv := atlastest.NewServer() // instead of the real service
	srv.AddOrganization(atlastest.Organization{ID: "5e2f00000000000000000001"})
	srv.AddProject("5e2f00000000000000000001", atlastest.Project{ID: "5e2f0000000000000000000a", Name: "shop", Clusters: 2})
	srv.AddProject("5e2f00000000000000000001", atlastest.Project{ID: "5e2f0000000000000000000b", Name: "blog"})

	c, err := atlas.New(srv.Option())
	if err != nil {
		fmt.Println(err)
		return
	}
	err = c.CheckDeletion(context.Background(), "5e2f00000000000000000001")
	fmt.Println(err)
	if e, ok := errors.AsType[*errors.Error](err); ok {
		for _, step := range e.Steps {
			fmt.Println(step.Name, step.Description)
		}
	}
	// Output:
	// atlas: CheckDeletion "5e2f00000000000000000001": organization_not_empty
	// project shop (5e2f0000000000000000000a), clusters: 2
	// project blog (5e2f0000000000000000000b), clusters: 0
}

func ExampleClient_ListBlockers() {
	srv := atlastest.NewServer() // instead of the real service
	srv.AddOrganization(atlastest.Organization{ID: "5e2f00000000000000000001"})
	srv.AddProject("5e2f00000000000000000001", atlastest.Project{ID: "5e2f0000000000000000000a", Name: "shop"})
	srv.AddResource("5e2f0000000000000000000a", atlastest.Resource{Kind: atlas.BlockerCluster, ID: "main", Protected: true})
	srv.AddResource("5e2f0000000000000000000a", atlastest.Resource{Kind: atlas.BlockerStreamWorkspace, ID: "events"})
	srv.AddResource("5e2f0000000000000000000a", atlastest.Resource{Kind: atlas.BlockerStreamProcessor, ID: "count", Parent: "events"})

	c, err := atlas.New(srv.Option())
	if err != nil {
		fmt.Println(err)
		return
	}
	for blocker, err := range c.ListBlockers(context.Background(), "5e2f0000000000000000000a") {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(blocker.Kind, blocker.ID, blocker.Parent, blocker.State, blocker.Protected)
	}
	// Output:
	// cluster main  IDLE true
	// stream_processor count events STARTED false
	// stream_workspace events   false
}

func ExampleClient_WaitForDeletion() {
	srv := atlastest.NewServer() // instead of the real service
	srv.SetDeletionTime(0)       // instead of minutes
	srv.AddOrganization(atlastest.Organization{ID: "5e2f00000000000000000001"})
	srv.AddProject("5e2f00000000000000000001", atlastest.Project{ID: "5e2f0000000000000000000a", Name: "shop"})
	srv.AddResource("5e2f0000000000000000000a", atlastest.Resource{Kind: atlas.BlockerCluster, ID: "main"})

	ctx := context.Background()
	c, err := atlas.New(srv.Option())
	if err != nil {
		fmt.Println(err)
		return
	}
	err = c.DeleteCluster(ctx, "5e2f0000000000000000000a", "main", atlas.DeleteClusterOptions{})
	if err != nil && !errors.Is(err, errors.AlreadyRequestedDeletion) {
		fmt.Println(err)
		return
	}
	err = c.WaitForDeletion(ctx, "5e2f0000000000000000000a", func(blocker []atlas.Blocker) { fmt.Println("remaining:", blocker) }, atlas.BlockerCluster)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.DeleteProject(ctx, "5e2f0000000000000000000a"))
	// Output:
	// remaining: []
	// <nil>
}

func ExampleClient_Teardown() {
	srv := atlastest.NewServer() // instead of the real service
	srv.SetDeletionTime(0)       // instead of minutes
	srv.AddOrganization(atlastest.Organization{ID: "5e2f00000000000000000001", Name: "Acme"})
	srv.AddServiceAccount(atlastest.Credential{ID: "mdb_sa_id_5e2f000000000000000000c1", Secret: "secret", Organization: "5e2f00000000000000000001"})
	srv.AddProject("5e2f00000000000000000001", atlastest.Project{ID: "5e2f0000000000000000000a", Name: "shop"})
	srv.AddResource("5e2f0000000000000000000a", atlastest.Resource{Kind: atlas.BlockerFlexCluster, ID: "main", Protected: true})
	srv.AddResource("5e2f0000000000000000000a", atlastest.Resource{Kind: atlas.BlockerNetworkPeering})

	ctx := context.Background()
	c, err := atlas.New(srv.Option())
	if err != nil {
		fmt.Println(err)
		return
	}
	plan, err := c.Plan(ctx, "5e2f00000000000000000001")
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := plan.WriteTree(os.Stdout); err != nil {
		fmt.Println(err)
		return
	}
	report, err := c.Teardown(ctx, plan, teardown.WithConfirm("Acme"), teardown.WithOverrides(teardown.TerminationProtection))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Outcome)
	// Output:
	// atlas: Acme (5e2f00000000000000000001): 3 steps; requires: termination_protection
	// ├─ flex_cluster
	// │  └─ main in shop (flex_cluster/5e2f0000000000000000000a/64a700000000000000000001): disable its termination protection and delete it with its data and snapshots [termination_protection]
	// ├─ network_peering
	// │  └─ 64a700000000000000000002 in shop (network_peering/5e2f0000000000000000000a/64a700000000000000000002): delete it
	// ├─ project
	// │  └─ shop (project/5e2f0000000000000000000a): delete it with the retained snapshots of its clusters
	// └─ deleted along with it
	//    └─ 1 service_account: mdb_sa_id_5e2f000000000000000000c1 (invalid after the deletion)
	// deleted
}

// The answer to a deletion is lost. The client reads the organization, finds that it does not exist,
// and sends no second deletion.
func ExampleClient_DeleteOrganization_lostAnswer() {
	srv := atlastest.NewServer() // instead of the real service
	srv.AddOrganization(atlastest.Organization{ID: "5e2f00000000000000000001"})
	srv.Fail(offboardtest.LoseResponse("DeleteOrganization"))

	err := atlas.DeleteOrganization(context.Background(), "5e2f00000000000000000001", srv.Option())
	fmt.Println(err, srv.Count("DeleteOrganization"), srv.Deleted())
	// Output: <nil> 1 [5e2f00000000000000000001]
}
