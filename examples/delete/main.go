// Command delete deletes an organization at MongoDB Atlas and prints the outcome:
//
//	delete ORGANIZATION
//
// The variables MONGODB_ATLAS_CLIENT_ID and MONGODB_ATLAS_CLIENT_SECRET contain the credential.
// Without an argument, the command deletes an organization at a fake, which loses the response
// of the deletion.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	id, option := "5e2f00000000000000000001", atlas.FromEnv()
	if len(os.Args) > 1 {
		id = os.Args[1]
	} else {
		option = fake(id)
	}
	err := atlas.DeleteOrganization(ctx, id, option)
	fmt.Println(describe(id, err))
	if err != nil {
		os.Exit(1)
	}
}

// describe returns the outcome of a deletion, for people.
func describe(id string, err error) string {
	e, _ := errors.AsType[*errors.Error](err)
	switch {
	case err == nil:
		return id + " was deleted"
	case errors.Is(err, errors.DeletionStepsNotSatisfied):
		return fmt.Sprintf("%s was not deleted; remove these first: %v", id, e.Steps)
	case errors.Is(err, errors.OutcomeUnknown):
		return fmt.Sprintf("%s may have been deleted; check at Atlas before you run this again: %v", id, err)
	case errors.Retryable(err):
		return fmt.Sprintf("%s was not deleted; run this again in %v: %v", id, e.RetryAfter, err)
	}
	return fmt.Sprintf("%s was not deleted: %v", id, err)
}

// fake returns the option for a fake with an organization.
func fake(id string) atlas.Option {
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: id, Name: "Acme"})
	srv.Fail(offboardtest.LoseResponse("DeleteOrganization")) // a read decides
	return srv.Option()
}
