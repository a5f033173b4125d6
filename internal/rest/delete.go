package rest

import (
	"context"
	"net/http"

	"github.com/offboard-dev/offboard-go/errors"
)

// Existence is whether a read finds an organization that is being deleted.
type Existence int

const (
	Unknown Existence = iota // the read proves neither
	Exists
	NotFound
)

// Deletion is a deletion whose outcome can be found out.
type Deletion struct {
	// Send sends the deletion once; the error is an [*errors.Error].
	Send func(context.Context) error

	// Verify reads whether the organization exists; nil if no read can show it.
	Verify func(context.Context) (Existence, error)
}

// Delete deletes, and reads what the outcome is when the answer does not show it: after
// a lost answer, a 5xx, and any 2xx or 3xx that is not the documented success. If the
// organization does not exist, that is a success; if it exists, the deletion is sent
// again; if no read can decide, the error is OutcomeUnknown. A "not found" is a success
// only after an attempt of ours whose outcome was open. After the documented success
// nothing is read: it proves that the provider has accepted the deletion and says that it
// is done. A teardown reads after that, too.
func (c *Client) Delete(ctx context.Context, d Deletion) error {
	_, err := c.DeleteProved(ctx, d)
	return err
}

// DeleteProved is [Client.Delete]. proved is true if a read, or the refusal of a repeated
// deletion, has shown that the organization does not exist, and not the answer to the
// deletion alone.
func (c *Client) DeleteProved(ctx context.Context, d Deletion) (proved bool, err error) {
	if ctx == nil { // it is about to get a value
		return false, d.Send(ctx)
	}
	var sent int
	open := false
	// A read has a time of its own: it decides, and is worth more than an attempt.
	sending, started := c.config.Retry.start(ctx)
	for attempt := 1; ; attempt++ {
		err := d.Send(withAttempts(sending, sent))
		if err == nil {
			return false, nil
		}
		e, ok := errors.AsType[*errors.Error](err)
		if !ok {
			return false, err
		}
		sent += e.Attempts
		e.Attempts = sent
		refused := false // by an answer that proves neither existence nor deletion
		switch {
		case open && e.Code == errors.OrganizationNotFound:
			return true, nil
		case open && e.Code == errors.Canceled:
			return false, unknown(e)
		case ambiguous(e):
			open = true
		case open && provesNothing(e):
			// The credential may have ended with the organization, or not.
			refused = true
		default:
			return false, e
		}
		existence := Unknown
		if d.Verify != nil {
			if existence, err = d.Verify(ctx); err != nil {
				c.logVerify(ctx, e, err)
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
		if !c.config.Retry.permits(attempt, started, wait) || !c.waits(ctx, e, wait) {
			return false, stillThere(e)
		}
	}
}

// ambiguous reports whether the deletion may have taken place although it was not
// answered so: the answer was lost, is a failure of the server with whatever status and
// code, or is a 2xx or 3xx that is not the documented success.
func ambiguous(e *errors.Error) bool {
	switch e.Code.Category() {
	case errors.OutcomeUnknown:
		return true
	case errors.Internal, errors.Unavailable:
		return e.Status != 0 && !refused(e.Status)
	case errors.UnexpectedResponse:
		// A route that does not exist is a refusal, whatever its status.
		return e.Status != 0 && !refused(e.Status) && (e.Code == errors.UnexpectedResponse || e.Status <= 399)
	}
	return false
}

// provesNothing reports whether a refusal can be given for an organization that exists
// as for one that was deleted.
func provesNothing(e *errors.Error) bool {
	return errors.Is(e, errors.Unauthenticated) || errors.Is(e, errors.PermissionDenied) ||
		e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden
}

// unknown is the error of a deletion that may have taken place.
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

// stillThere is the error of a deletion that is known not to have taken place.
func stillThere(e *errors.Error) *errors.Error {
	if e.Code == errors.OutcomeUnknown {
		e.Code = errors.Unavailable
	}
	return e
}

// attemptsKey is the key of the number of attempts that were made before a call.
type attemptsKey struct{}

// withAttempts has a call count its attempts from those that were made before, which
// its log records show.
func withAttempts(ctx context.Context, sent int) context.Context {
	if sent == 0 {
		return ctx
	}
	return context.WithValue(ctx, attemptsKey{}, sent)
}

func attemptsBefore(ctx context.Context) int {
	sent, _ := ctx.Value(attemptsKey{}).(int)
	return sent
}
