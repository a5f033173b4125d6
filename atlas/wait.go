package atlas

import (
	"context"

	"github.com/offboard-dev/offboard-go/errors"
)

// WaitForDeletion waits until nothing is left in a project of the given kinds, or of
// all: after the requests to delete it, most of it goes by itself within minutes.
// progress is told what is left each time that it was looked; it may be nil.
//
// When the context ends the error is [errors.NotFinished], and Steps are what was
// left. A deletion that Atlas gives up, so that a thing is FAILED after it was being
// deleted, ends the wait with [errors.Conflict], and Steps are what has failed. What
// nobody has asked to delete is waited for, too. One empty list ends the wait.
//
// It needs what [Client.ListBlockers] needs.
func (c *Client) WaitForDeletion(ctx context.Context, projectID string, progress func([]Blocker), kinds ...BlockerKind) error {
	const operation = "WaitUntilGone"
	deleting := map[Blocker]bool{}
	return c.rest().Wait(ctx, operation, projectID, func(ctx context.Context) (steps []errors.Step, _ error) {
		all, err := gather(c.ListBlockers(ctx, projectID, kinds...))
		if err != nil {
			return nil, err
		}
		var broken []errors.Step
		for _, blocker := range all {
			key := Blocker{Kind: blocker.Kind, ID: blocker.ID, Parent: blocker.Parent}
			switch {
			case blocker.isBeingDeleted():
				deleting[key] = true
			case blocker.State == stateFailed && deleting[key]:
				broken = append(broken, blocker.step())
			}
			steps = append(steps, blocker.step())
		}
		if progress != nil {
			progress(all)
		}
		if len(broken) > 0 {
			return nil, &errors.Error{
				Provider: provider, Operation: operation, Target: projectID, Code: errors.Conflict,
				Steps: broken, Err: errors.New("a deletion that had begun failed"),
			}
		}
		return steps, nil
	})
}
