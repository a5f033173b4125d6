package rest

import (
	"context"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/trace"
)

// How often a waiter looks: soon at first, since much is done in seconds, and
// then less often. Each wait is up to a quarter shorter, so that many waiters do
// not ask together.
const (
	firstPoll = time.Second
	maxPoll   = 15 * time.Second
)

// Wait looks again and again until nothing is left of what ends by itself. look
// returns what is still there. A failure that may pass does not end it; the
// context and a stop do, with an error of [errors.NotFinished] that lists what was left
// when it was last looked. After a stop it looks once, if it has not yet.
func (c *Client) Wait(ctx context.Context, operation, target string, look func(context.Context) ([]errors.Step, error)) error {
	if err := c.check(ctx); err != nil {
		return Invalid(c.config.Provider, operation, "", err)
	}
	var left []errors.Step
	for poll := firstPoll; ; poll = min(poll*3/2, maxPoll) {
		found, err := look(ctx)
		switch {
		case err == nil && len(found) == 0:
			return nil
		case err == nil:
			left = found
		case ctx.Err() == nil && !errors.Retryable(err):
			return err
		}
		var ended error
		trace.Pause(ctx, func() { ended = sleep(ctx, poll-c.config.Retry.Jitter(poll/4)) })
		if ended == nil {
			continue
		}
		cause := context.Cause(ctx)
		if cause == nil {
			cause = ended // by a stop
		}
		if left == nil { // it was never read
			cause = errors.Join(cause, err)
		}
		return &errors.Error{
			Provider: c.config.Provider, Operation: operation, Target: shown(target),
			Code: errors.NotFinished, Steps: left, Err: cause,
		}
	}
}
