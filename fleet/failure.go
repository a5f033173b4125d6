package fleet

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/offboard-dev/offboard-go/errors"
)

// activityError returns the error of an activity as the engine understands it: its type is the
// code, it is not retried unless the code is retryable, and the next attempt is not sooner than
// the provider permits, within limits: see [nextDelay]. Its text has no text of the provider, because
// the history keeps it.
func activityError(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		if cause == errLost {
			return temporal.NewApplicationError(errLost.Error(), "LeaseLost")
		}
		return ctx.Err() // a CanceledError
	}
	code := errors.CodeOf(err)
	text, options := string(code), temporal.ApplicationErrorOptions{NonRetryable: !errors.Retryable(err)}
	if e, ok := errors.AsType[*errors.Error](err); ok {
		options.NextRetryDelay = nextDelay(ctx, retryAfter(err))
		text = fmt.Sprintf("%s: %s: %s", e.Provider, e.Operation, code)
		if e.Status > 0 {
			text += fmt.Sprintf(" (%d)", e.Status)
		}
	}
	if code == "" { // of a store or a journal, which may be available again
		text, options.NonRetryable = "the worker's own error: see its log", false
	}
	return temporal.NewApplicationErrorWithOptions(text, string(code), options)
}

// maxRetryAfter is the longest wait before another attempt of an activity, even if the provider states a
// longer one: a wrong header of one answer must not stop an organization for days. The daily limits
// of providers are reset after hours: an attempt each hour costs few requests.
const maxRetryAfter = time.Hour

// lastDelay is the longest wait that may make the activity end.
const lastDelay = time.Minute

// nextDelay returns the wait before another attempt after an answer that states the wait after. The
// engine ends an activity whose next attempt would start after its last time, the deadline of ctx: then
// half of the remaining time is the wait.
func nextDelay(ctx context.Context, after time.Duration) time.Duration {
	after = min(after, maxRetryAfter)
	if end, ok := ctx.Deadline(); ok {
		after = min(after, max(time.Until(end)/2, lastDelay))
	}
	return after
}

// retryAfter returns the longest wait that the errors of err state.
func retryAfter(err error) time.Duration {
	var after time.Duration
	for e := range errors.All(err) {
		after = max(after, e.RetryAfter)
	}
	return after
}
