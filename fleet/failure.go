package fleet

import (
	"context"
	"fmt"

	"go.temporal.io/sdk/temporal"

	"github.com/offboard-dev/offboard-go/errors"
)

// activityError returns the error of an activity as the engine understands it: its type is the
// code, it is not retried unless the code is retryable, and the next attempt is not sooner than
// the provider permits. Its text has no text of the provider, because the history keeps it.
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
		options.NextRetryDelay = e.RetryAfter
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
