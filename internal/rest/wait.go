package rest

import (
	"context"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/wait"
)

// Wait calls list repeatedly until it returns no remaining resources. A retryable failure of list
// does not end the wait. If the context or a stop ends the wait, the error is
// [errors.NotFinished] with the resources of the last successful call. After a stop, Wait calls
// list once, unless it called list before.
func (c *Client) Wait(ctx context.Context, operation, target string, list func(context.Context) ([]errors.Step, error)) error {
	if err := c.check(ctx); err != nil {
		return Invalid(c.config.Provider, operation, "", err)
	}
	var remaining []errors.Step
	var failure error // of the last call of list
	permanent := false
	ended := wait.Poll(ctx, func() (done bool) {
		var found []errors.Step
		if found, failure = list(ctx); failure != nil {
			permanent = ctx.Err() == nil && !errors.Retryable(failure)
			return permanent
		}
		remaining = found
		return len(remaining) == 0
	})
	switch {
	case permanent:
		return failure
	case ended == nil:
		return nil
	}
	cause := context.Cause(ctx)
	if cause == nil {
		cause = ended // by a stop
	}
	if remaining == nil { // list never succeeded
		cause = errors.Join(cause, failure)
	}
	return &errors.Error{
		Provider: c.config.Provider, Operation: operation, Target: shown(target),
		Code: errors.NotFinished, Steps: remaining, Err: cause,
	}
}
