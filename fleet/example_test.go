package fleet_test

import (
	"context"
	"log"
	"os"

	"go.temporal.io/sdk/client"

	"github.com/offboard-dev/offboard-go/fleet"
	"github.com/offboard-dev/offboard-go/fleet/folder"
)

// Approve each plan of a provider that requires no override and no manual step. People review the
// others.
func ExampleApprove() {
	ctx := context.Background()
	c, err := client.DialContext(ctx, client.Options{HostPort: os.Getenv("TEMPORAL_ADDRESS")})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	storage, err := folder.Open("state") // that of the workers
	if err != nil {
		log.Fatal(err)
	}
	defer storage.Close()

	waiting := fleet.Filter{Provider: "katapult", WaitingFor: fleet.WaitingForApproval, Running: true}
	for listed, err := range fleet.List(ctx, c, waiting) {
		if err != nil {
			log.Fatal(err)
		}
		state, err := fleet.Status(ctx, c, listed.ID)
		if err != nil {
			log.Fatal(err)
		}
		if state.WaitingFor != fleet.WaitingForApproval { // the list may lack the last seconds
			continue
		}
		plan, err := fleet.ReadPlan(ctx, storage.Store(), *state.Plan)
		if err != nil {
			log.Fatal(err)
		}
		if len(plan.Overrides()) > 0 || len(plan.Manual()) > 0 || state.Differences != nil {
			log.Print("review ", listed.ID)
			continue
		}
		// The digest is that of the plan which was read: a plan that was made since then is refused.
		approval := fleet.Approval{By: "operator@example.com", Digest: plan.Digest(), Reason: "ticket 4711"}
		if _, err := fleet.Approve(ctx, c, listed.ID, approval); err != nil {
			log.Print(listed.ID, ": ", err) // such as a workflow that has ended since then
		}
	}
}
