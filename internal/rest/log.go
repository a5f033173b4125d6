package rest

import (
	"context"
	"log/slog"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
)

// now returns the time, at which an attempt starts; zero without a logger.
func (c *Client) now() (now time.Time) {
	if !c.silent {
		now = time.Now()
	}
	return now
}

// log records an attempt and its duration, if the client has a logger. The attempts of a
// deletion are counted over all its calls.
func (c *Client) log(ctx context.Context, call *Call, attempt int, start time.Time, e *errors.Error) {
	if !c.silent {
		c.logAttempt(ctx, call, attempt, time.Since(start), e)
	}
}

// logAttempt records an attempt. Headers and bodies are never logged.
func (c *Client) logAttempt(ctx context.Context, call *Call, n int, took time.Duration, e *errors.Error) {
	attrs := []slog.Attr{
		slog.String("provider", c.config.Provider),
		slog.String("operation", call.Operation),
		slog.String("target", call.Target),
		slog.Int("attempt", n),
		slog.Duration("took", took),
	}
	level := slog.LevelDebug
	if e != nil {
		attrs = append(attrs, slog.Any("error", e))
		if e.Status >= 500 {
			level = slog.LevelWarn
		}
	}
	c.config.Logger.LogAttrs(ctx, level, "request", attrs...)
}

// logWait records the start of a wait, its reason and its duration.
func (c *Client) logWait(ctx context.Context, operation, target, reason string, wait time.Duration) {
	c.config.Logger.LogAttrs(ctx, slog.LevelInfo, "waiting",
		slog.String("provider", c.config.Provider),
		slog.String("operation", operation),
		slog.String("target", target),
		slog.String("reason", reason),
		slog.Duration("wait", wait),
	)
}

// logVerify records that a read failed to decide the outcome of a deletion.
func (c *Client) logVerify(ctx context.Context, deletion *errors.Error, err error) {
	c.config.Logger.LogAttrs(ctx, slog.LevelWarn, "cannot read deletion outcome",
		slog.Any("deletion", deletion),
		slog.Any("error", err),
	)
}
