package offboardtest_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/katapult"
	"github.com/offboard-dev/offboard-go/offboardtest"
)

// A call is recorded once, and then tested without the provider.
func ExampleRecorder() {
	srv := atlastest.NewServer() // stands for the real service
	srv.AddOrganization(atlastest.Organization{ID: "5e2f00000000000000000001", Name: "Acme"})
	srv.AddProject("5e2f00000000000000000001", atlastest.Project{ID: "5e2f0000000000000000000a"})

	var file bytes.Buffer // a file of the test data
	recorder := offboardtest.NewRecorder(&file, srv)
	err := atlas.DeleteOrganization(context.Background(), "5e2f00000000000000000001",
		atlas.WithServiceAccount(atlastest.ClientID, atlastest.ClientSecret),
		atlas.WithBaseURL(offboardtest.InMemory), atlas.WithHTTPClient(recorder.Client()))
	fmt.Println("recorded:", errors.CodeOf(err))
	fmt.Println("contains the secret:", strings.Contains(file.String(), atlastest.ClientSecret))

	exchanges, err := offboardtest.ReadRecording(&file)
	if err != nil {
		fmt.Println(err)
		return
	}
	replay := offboardtest.NewReplay(exchanges)
	err = atlas.DeleteOrganization(context.Background(), "5e2f00000000000000000001",
		atlas.WithServiceAccount("mdb_sa_id_other", "mdb_sa_sk_other"), atlas.WithHTTPClient(replay.Client()))
	fmt.Println("replayed:", errors.CodeOf(err))
	fmt.Println("unused:", len(replay.Unused()))

	// Output:
	// recorded: organization_not_empty
	// contains the secret: false
	// replayed: organization_not_empty
	// unused: 0
}

// A response that a provider sent once becomes a test.
func ExampleReplay() {
	exchanges, err := offboardtest.ReadRecording(strings.NewReader(`
{"method":"DELETE","url":"https://api.katapult.io/core/v1/managed_organizations/organization","request_body":"{\"organization\":{\"id\":\"org_acme\"}}","status":202,"body":"{}"}
{"method":"GET","url":"https://api.katapult.io/core/v1/organizations/organization?organization[id]=org_acme","status":503,"body":"<html>"}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	replay := offboardtest.NewReplay(exchanges)
	err = katapult.DeleteOrganization(context.Background(), katapult.ID("org_acme"),
		katapult.WithToken("token-of-the-test"), katapult.WithHTTPClient(replay.Client()), katapult.WithRetry(katapult.Retry{MaxAttempts: 1}))
	fmt.Println(errors.CodeOf(err))
	fmt.Println("unused:", len(replay.Unused()))

	// Output:
	// outcome_unknown
	// unused: 0
}
