package atlas

import (
	"context"

	"github.com/offboard-dev/offboard-go/errors"
)

// WaitForDeletion waits until a project has no blockers of the given kinds, or of all kinds if
// none is given. Atlas deletes most resources within minutes after it has accepted the
// requests. WaitForDeletion does not request any deletion, and it also waits for resources whose
// deletion was never requested. After each read it calls progress, which may be nil, with the
// remaining blockers. One empty list ends the wait.
//
// If the context ends, the error is [errors.NotFinished], and Steps lists the remaining
// blockers. If a resource becomes FAILED while it is being deleted, the error is
// [errors.Conflict], and Steps lists the failed resources.
//
// The credential needs the roles that [Client.ListBlockers] needs.
func (c *Client) WaitForDeletion(ctx context.Context, projectID string, progress func([]Blocker), kinds ...BlockerKind) error {
	const operation = "WaitForDeletion"
	deleting := map[Blocker]bool{}
	return c.rest().Wait(ctx, operation, projectID, func(ctx context.Context) (steps []errors.Step, _ error) {
		all, err := gather(c.ListBlockers(ctx, projectID, kinds...))
		if err != nil {
			return nil, err
		}
		var failedSteps []errors.Step
		for _, blocker := range all {
			key := Blocker{Kind: blocker.Kind, ID: blocker.ID, Parent: blocker.Parent}
			switch {
			case blocker.isBeingDeleted():
				deleting[key] = true
			case blocker.State == stateFailed && deleting[key]:
				failedSteps = append(failedSteps, blocker.step())
			}
			steps = append(steps, blocker.step())
		}
		if progress != nil {
			progress(all)
		}
		if len(failedSteps) > 0 {
			return nil, &errors.Error{
				Provider: provider, Operation: operation, Target: projectID, Code: errors.Conflict,
				Steps: failedSteps, Err: errors.New("a deletion failed after it had started"),
			}
		}
		return steps, nil
	})
}
