package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/katapult"
	"github.com/offboard-dev/offboard-go/katapult/katapulttest"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/telemetry"
)

// IDs and the name of the organizations at the fakes.
const (
	atlasID, projectID = "5e2f00000000000000000001", "5e2f0000000000000000000a"
	katapultID         = "org_acme"
	name               = "Acme Ltd"
)

// teardowns deletes an organization at a fake of Atlas and one at a fake of Katapult, which fail
// some requests. The plan of a third one is not confirmed.
func teardowns(ctx context.Context, out io.Writer, t *telemetry.Telemetry) error {
	atAtlas, err := atlasClient(t)
	if err != nil {
		return err
	}
	atKatapult, err := katapultClient(t)
	if err != nil {
		return err
	}
	confirmed, unconfirmed := []teardown.Option{teardown.WithConfirm(name)}, []teardown.Option{teardown.WithConfirm("Another")}
	planAtlas := func(ctx context.Context) (*teardown.Plan, error) { return atAtlas.Plan(ctx, atlasID) }
	jobs := []teardown.Job{
		{Plan: planAtlas, Teardown: t.Teardown(atAtlas.Teardown), Options: unconfirmed},
		{Plan: planAtlas, Teardown: t.Teardown(atAtlas.Teardown), Options: confirmed},
		{
			Plan: func(ctx context.Context) (*teardown.Plan, error) {
				return atKatapult.Plan(ctx, katapult.ID(katapultID))
			},
			Teardown: t.Teardown(atKatapult.Teardown), Options: confirmed,
		},
	}
	for result := range teardown.RunJobs(ctx, jobs, len(jobs)) {
		switch {
		case result.Report != nil:
			fmt.Fprintf(out, "%s: %s\n", result.Report.Provider, result.Report.Outcome)
		case result.Index == 0: // as expected
			fmt.Fprintf(out, "not applied: %v\n", result.Err)
		default:
			return result.Err
		}
	}
	return ctx.Err()
}

func atlasClient(t *telemetry.Telemetry) (*atlas.Client, error) {
	srv := atlastest.NewServer()
	srv.SetDeletionTime(time.Second)
	srv.AddOrganization(atlastest.Organization{ID: atlasID, Name: name})
	srv.AddProject(atlasID, atlastest.Project{ID: projectID, Name: "shop"})
	srv.AddResource(projectID, atlastest.Resource{Kind: atlas.BlockerFlexCluster, ID: "main"})
	limited := offboardtest.Respond("DeleteFlexCluster", http.StatusTooManyRequests, "")
	limited.Header.Set("Retry-After", "1")
	srv.Fail(
		offboardtest.Fault{Operation: atlastest.TokenRequest, Delay: 100 * time.Millisecond},
		offboardtest.Fault{Operation: "GetOrganization", AddHeader: http.Header{"Ratelimit-Limit": {"100"}, "Ratelimit-Remaining": {"80"}}},
		limited,
		offboardtest.Respond("DeleteProject", http.StatusServiceUnavailable, "{}"),
		offboardtest.LoseResponse("DeleteOrganization"),
	)
	url, client := srv.Endpoint()
	return atlas.New(atlas.WithBaseURL(url), atlas.WithHTTPClient(client), atlas.WithObserver(t.Observer()),
		atlas.WithServiceAccount(atlastest.ClientID, atlastest.ClientSecret),
		atlas.WithRateLimit(atlas.RateLimit{PerSecond: 50, Burst: 5}))
}

func katapultClient(t *telemetry.Telemetry) (*katapult.Client, error) {
	srv := katapulttest.NewServer()
	srv.AddOrganization(katapulttest.Organization{ID: katapultID, Name: name, Subdomain: "acme"})
	return katapult.New(srv.Option(), katapult.WithObserver(t.Observer()))
}
