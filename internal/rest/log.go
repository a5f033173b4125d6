package rest

import (
	"context"
	"log/slog"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/observe"
)

// now returns the time, at which an attempt starts; zero without a logger.
func (c *Client) now() (now time.Time) {
	if !c.silent {
		now = time.Now()
	}
	return now
}

// log records an attempt and its duration, if the client has a logger. The attempts of a
// deletion are counted over all its calls, and so are those of a step of a teardown.
func (c *Client) log(ctx context.Context, call *Call, start time.Time, e *errors.Error) {
	if !c.silent {
		c.logAttempt(ctx, call, time.Since(start), e)
	}
}

// logAttempt records an attempt. Headers and bodies are never logged.
func (c *Client) logAttempt(ctx context.Context, call *Call, took time.Duration, e *errors.Error) {
	attrs := append(make([]slog.Attr, 0, 8), c.named(call.Operation, call.Target, call.attempt)...)
	level, status := slog.LevelDebug, call.answer.Status
	if e != nil {
		status = e.Status
	}
	if status != 0 {
		attrs = append(attrs, slog.Int(observe.StatusKey, status))
	}
	if e != nil {
		attrs = append(attrs, slog.String(observe.CodeKey, string(e.Code)))
		if e.Status >= 500 {
			level = slog.LevelWarn
		}
	}
	attrs = append(attrs, slog.Duration(observe.DurationKey, took))
	if e != nil {
		attrs = append(attrs, slog.Any("error", e))
	}
	c.config.Logger.LogAttrs(ctx, level, "request", attrs...)
}

// logWait records the start of a wait, its reason and its duration. It records the code of a failure, and
// whether the failure is that of the token endpoint; failure is nil if no attempt failed.
func (c *Client) logWait(ctx context.Context, operation, target string, attempt int, reason observe.Reason, wait time.Duration, failure *errors.Error) {
	if c.silent {
		return
	}
	attrs := append(c.named(operation, target, attempt),
		slog.String(observe.ReasonKey, string(reason)),
		slog.Duration(observe.WaitKey, wait),
	)
	if failure != nil {
		attrs = append(attrs, slog.String(observe.CodeKey, string(failure.Code)))
		if cause, ok := errors.AsType[*errors.Error](failure.Err); ok && cause.Operation == TokenRequest {
			attrs = append(attrs, slog.String("request", TokenRequest))
		}
	}
	c.config.Logger.LogAttrs(ctx, slog.LevelInfo, "waiting", attrs...)
}

// named returns the attributes of all records of an attempt. They have the names of package
// observe, and the target, which is an ID.
func (c *Client) named(operation, target string, attempt int) []slog.Attr {
	return []slog.Attr{
		slog.String(observe.ProviderKey, c.config.Provider),
		slog.String(observe.OperationKey, operation),
		slog.String("target", target),
		slog.Int(observe.AttemptKey, attempt),
	}
}

// logVerify records that a read failed to decide the outcome of a deletion.
func (c *Client) logVerify(ctx context.Context, deletion *errors.Error, attempt int, err error) {
	if c.silent {
		return
	}
	c.config.Logger.LogAttrs(ctx, slog.LevelWarn, "cannot read deletion outcome",
		append(c.named(deletion.Operation, deletion.Target, attempt), slog.Any("deletion", deletion), slog.Any("error", err))...)
}
