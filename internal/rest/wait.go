package rest

import (
	"context"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/wait"
)

// Wait calls look again and again until nothing is left of what ends by itself. look
// returns what still exists. A failure that may pass does not end the wait. The context
// and a stop do, with an error of [errors.NotFinished] that lists what the last read
// showed. After a stop it looks once, if it has not yet.
func (c *Client) Wait(ctx context.Context, operation, target string, look func(context.Context) ([]errors.Step, error)) error {
	if err := c.check(ctx); err != nil {
		return Invalid(c.config.Provider, operation, "", err)
	}
	var left []errors.Step
	var failure error // of the last look
	permanent := false
	ended := wait.Poll(ctx, func() (done bool) {
		var found []errors.Step
		if found, failure = look(ctx); failure != nil {
			permanent = ctx.Err() == nil && !errors.Retryable(failure)
			return permanent
		}
		left = found
		return len(left) == 0
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
	if left == nil { // it was never read
		cause = errors.Join(cause, failure)
	}
	return &errors.Error{
		Provider: c.config.Provider, Operation: operation, Target: shown(target),
		Code: errors.NotFinished, Steps: left, Err: cause,
	}
}
