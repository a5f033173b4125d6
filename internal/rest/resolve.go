package rest

import (
	"context"

	"github.com/offboard-dev/offboard-go/errors"
)

// Presence is what a read says of an organization that is being deleted.
type Presence int

const (
	Unknown Presence = iota // it cannot be told
	Present
	Gone
)

// Deletion is a deletion whose outcome can be found out.
type Deletion struct {
	// Send sends the deletion once; the error is an [*errors.Error].
	Send func(context.Context) error

	// Look reads whether the organization is still there; nil when no read tells.
	Look func(context.Context) (Presence, error)
}

// Delete deletes, and finds out what became of it when the answer does not say:
// after a 5xx or a lost answer a read decides. What is gone is a success; what
// is still there is tried again; what cannot be told is an OutcomeUnknown. A
// "not found" is a success only after an attempt of ours whose outcome was open.
func (c *Client) Delete(ctx context.Context, d Deletion) error {
	open := false
	sent := 0
	for attempt := 1; ; attempt++ {
		err := d.Send(ctx)
		if err == nil {
			return nil
		}
		e, ok := errors.AsType[*errors.Error](err)
		if !ok {
			return err
		}
		sent += e.Attempts
		e.Attempts = sent
		switch {
		case open && e.Code == errors.OrganizationNotFound:
			return nil
		case open && e.Code == errors.Canceled:
			return unknown(e)
		case open && (errors.Is(e, errors.Unauthenticated) || errors.Is(e, errors.PermissionDenied)):
			// The credential may have gone with the organization, or not.
			return unknown(e)
		case !ambiguous(e):
			return e
		}
		open = true
		presence := Unknown
		if d.Look != nil {
			if presence, err = d.Look(ctx); err != nil {
				c.logLook(ctx, e, err)
			}
		}
		switch presence {
		case Gone:
			return nil
		case Unknown:
			return unknown(e)
		}
		wait := max(e.RetryAfter, c.config.Retry.backoff(attempt))
		if attempt >= c.config.Retry.Attempts || wait > c.config.Retry.MaxWait || !c.waits(ctx, e, wait) {
			return stillThere(e)
		}
	}
}

// ambiguous reports whether the deletion may have taken place although it was
// not answered so: the answer was lost, or is a failure of the server, with
// whatever status it came.
func ambiguous(e *errors.Error) bool {
	failed := errors.Is(e, errors.Internal) || errors.Is(e, errors.Unavailable)
	return e.Code == errors.OutcomeUnknown || failed && e.Status != 0 && !refused(e.Status)
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
