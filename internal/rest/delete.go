package rest

import (
	"context"
	"net/http"
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/trace"
)

// Existence is the result of a read after a deletion was sent.
type Existence int

// The results of a read after a deletion was sent.
const (
	Unknown  Existence = iota // Unknown: the read proves neither.
	Exists                    // Exists: the organization exists.
	NotFound                  // NotFound: the organization does not exist.
)

// Deletion is the deletion of an organization.
type Deletion struct {
	// Operation is the name of the deletion for the observer of the client.
	Operation string

	// Send sends the deletion once; the error is an [*errors.Error].
	Send func(context.Context) error

	// Verify reads whether the organization exists; nil if no read can prove it.
	Verify func(context.Context) (Existence, error)
}

// Delete sends a deletion. It reads the outcome if the answer does not show it: after a lost
// answer, a 5xx, and a 2xx or 3xx that is not the documented success. If the organization does
// not exist then, Delete returns nil; if it exists, the deletion is sent again; if no read can
// decide, the error is OutcomeUnknown. A "not found" is a success only after an attempt of this
// call with an unknown outcome. After the documented success, Delete reads nothing: the success
// proves that the provider accepted the deletion. A teardown reads after that, too.
func (c *Client) Delete(ctx context.Context, d Deletion) error {
	_, err := c.DeleteProved(ctx, d)
	return err
}

// DeleteProved does the same as [Client.Delete]. proved is true if a read, or the refusal of a
// repeated deletion, proved that the organization does not exist. It is false if only the answer
// to the deletion shows it.
func (c *Client) DeleteProved(ctx context.Context, d Deletion) (proved bool, err error) {
	if ctx == nil { // context.WithValue panics
		return false, d.Send(ctx)
	}
	if c.observer == nil || d.Operation == "" {
		return c.delete(ctx, d, nil)
	}
	// Without a copy of the name, the functions of each deletion would be allocated.
	ctx, observed := c.observe(ctx, strings.Clone(d.Operation), true)
	observed.deletion = true
	proved, err = c.delete(ctx, d, observed)
	e, _ := errors.AsType[*errors.Error](err)
	observed.done(outcomeOf(e), e, proved)
	return proved, err
}

// delete sends a deletion, and reads the outcome if the answer does not show it.
func (c *Client) delete(ctx context.Context, d Deletion, observed *observation) (proved bool, err error) {
	var sent int
	open := false
	// MaxElapsed does not bound the read, because the read decides.
	timed, started := c.config.Retry.start(ctx)
	sending := &deletionContext{Context: timed, observed: observed}
	for attempt := 1; ; attempt++ {
		err := d.Send(sending)
		attempt = max(attempt, sending.attempts)
		if err == nil {
			return false, nil
		}
		e, ok := errors.AsType[*errors.Error](err)
		if !ok {
			return false, err
		}
		sent += e.Attempts
		e.Attempts = sent
		refused := false // by an answer that proves neither
		switch {
		case open && e.Code == errors.OrganizationNotFound:
			return true, nil
		case open && e.Code == errors.Canceled:
			return false, unknown(e)
		case ambiguous(e):
			open = true
		case open && provesNothing(e):
			// The credential may have been deleted with the organization.
			refused = true
		default:
			return false, e
		}
		existence := Unknown
		if d.Verify != nil {
			if existence, err = d.Verify(ctx); err != nil {
				c.logVerify(ctx, e, attempt, err)
			}
		}
		switch {
		case existence == NotFound:
			return true, nil
		case existence == Unknown:
			return false, unknown(e)
		case refused:
			return false, e
		}
		wait := max(e.RetryAfter, jittered(ctx, attempt))
		if isSingle(ctx) || !c.config.Retry.permits(attempt, started, wait) || !c.waits(ctx, observed, e, attempt, wait) {
			return false, stillThere(e)
		}
	}
}

// ambiguous reports whether the organization may be deleted although the answer does not show
// it: the answer was lost, reports a failure of the server, or is a 2xx or 3xx that is not the
// documented success.
func ambiguous(e *errors.Error) bool {
	switch e.Code.Category() {
	case errors.OutcomeUnknown:
		return true
	case errors.Internal, errors.Unavailable:
		return e.Status != 0 && !refused(e.Status)
	case errors.UnexpectedResponse:
		// The code of a route that does not exist is a refusal with every status.
		return e.Status != 0 && !refused(e.Status) && (e.Code == errors.UnexpectedResponse || e.Status <= 399)
	}
	return false
}

// provesNothing reports whether the provider may answer with this refusal whether the
// organization exists or was deleted.
func provesNothing(e *errors.Error) bool {
	return errors.Is(e, errors.Unauthenticated) || errors.Is(e, errors.PermissionDenied) ||
		e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden
}

// unknown returns the error of a deletion whose outcome is unknown.
func unknown(e *errors.Error) *errors.Error {
	if e.Code == errors.OutcomeUnknown {
		return e
	}
	return &errors.Error{
		Provider: e.Provider, Operation: e.Operation, Target: e.Target,
		Code: errors.OutcomeUnknown, Status: e.Status, RequestID: e.RequestID,
		RetryAfter: e.RetryAfter, Attempts: e.Attempts, Err: e,
	}
}

// stillThere returns the error of a deletion after which the organization exists.
func stillThere(e *errors.Error) *errors.Error {
	if e.Code == errors.OutcomeUnknown {
		e.Code = errors.Unavailable
	}
	return e
}

// deletionContext is the context of the calls that send a deletion. It counts their attempts,
// because MaxAttempts bounds the attempts of the whole deletion.
type deletionContext struct {
	context.Context
	attempts int
	observed *observation // of the deletion; nil without an observer
}

// singleKey is the key of the contexts of [WithSingleAttempt].
type singleKey struct{}

// WithSingleAttempt returns a context in which the client sends a deletion at most once. A
// teardown needs it: before each attempt it reads what the deletion would delete.
func WithSingleAttempt(ctx context.Context) context.Context {
	return context.WithValue(ctx, singleKey{}, true)
}

func isSingle(ctx context.Context) bool { return ctx.Value(singleKey{}) != nil }

// deletionKey is the key of a [deletionContext] in the contexts that derive from it.
type deletionKey struct{}

// Value returns the context itself for deletionKey.
func (d *deletionContext) Value(key any) any {
	if key == (deletionKey{}) {
		return d
	}
	return d.Context.Value(key)
}

// deletionOf returns the context of the deletion that a call sends; nil if it sends none.
func deletionOf(ctx context.Context, call *Call) *deletionContext {
	if call.Repeat {
		return nil
	}
	d, _ := ctx.Value(deletionKey{}).(*deletionContext)
	return d
}

// attempts returns the counter of a call's attempts: that of the deletion for a call that sends
// one, and otherwise own.
func attempts(ctx context.Context, call *Call, own *int) *int {
	if d := deletionOf(ctx, call); d != nil {
		return &d.attempts
	}
	return own
}

// number returns the number of an attempt for log records and the observer. A teardown sends a
// write by several calls, and counts their attempts.
func number(ctx context.Context, call *Call, attempt int) int {
	if call.Repeat {
		return attempt
	}
	return trace.Attempt(ctx, call.Operation, call.Target, attempt)
}
