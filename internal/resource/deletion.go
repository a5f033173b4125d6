package resource

import (
	"context"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/internal/trace"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Deletion deletes an organization and reads it until it no longer exists, because an answer
// proves only that the deletion was accepted. If reads show that the organization still exists,
// the deletion is sent again, at most three times.
type Deletion struct {
	// Send sends the deletion at most once. proved is true if a read or a refusal has shown
	// already that the organization does not exist; then no read follows, because it might not
	// be answered. Run returns an error of the first call, unless the provider may delete the
	// organization later; after any other call the next read decides.
	Send func(context.Context) (proved bool, err error)

	// Undecided reports whether the provider may delete the organization later although Send
	// returned this error. Run needs no function for a 2xx or 3xx that is not the documented
	// success.
	Undecided func(error) bool

	Verification

	// Result is the result of Run if the deletion is proved. The zero value means
	// [teardown.Deleted].
	Result teardown.Deletion
}

// Verification reads an organization whose deletion was accepted.
type Verification struct {
	// Wait is [rest.Client.Wait].
	Wait func(ctx context.Context, operation, target string, check func(context.Context) ([]errors.Step, error)) error

	Provider, Operation, Organization string // for errors

	// Read reports whether the organization exists.
	Read func(context.Context) (rest.Existence, error)

	// CredentialEnded reports whether a refused credential ended with the organization. It is
	// called after MinRefusals consecutive reads with the same refusal, because a single
	// refusal may be temporary. It is not called after a read that showed the organization,
	// because the credential may have expired since then, nor after a repeated deletion that
	// was not accepted. Its error ends the reads. If it is nil, refused reads prove nothing.
	CredentialEnded func(ctx context.Context, refusal error) (bool, error)

	// MinRefusals is the number of refused reads before CredentialEnded is called.
	MinRefusals int

	// RepeatAfter is the time after which the deletion is sent again if reads still show the
	// organization, because reads may lag.
	RepeatAfter time.Duration

	// Timeout is the maximum time of the reads. Both times start at the end of the first read,
	// which may have waited for the rate limiter.
	Timeout time.Duration
}

var errUnproved = errors.New("no read shows that the organization is deleted")

// Run deletes the organization. The error is [errors.OutcomeUnknown] if the provider may have
// accepted the deletion and no read shows that the organization is deleted, and that of Send if
// the provider did not accept it.
func (d *Deletion) Run(ctx context.Context) (teardown.Deletion, error) {
	var last trace.Last
	result, err := d.run(trace.With(ctx, &last))
	if err == nil {
		result.RequestID = last.ID()
	}
	return result, err
}

func (d *Deletion) run(ctx context.Context) (teardown.Deletion, error) {
	result := d.Result
	if result.Outcome == "" {
		result.Outcome = teardown.Deleted
	}
	sending := rest.WithSingleAttempt(ctx)
	send := func() (bool, error) { return d.Send(sending) }
	proved, err := send()
	switch {
	case proved:
		return result, nil
	case err != nil && !isUndocumentedAnswer(err) && (d.Undecided == nil || !d.Undecided(err)):
		return teardown.Deletion{}, err
	}
	for repeats := 0; ; repeats++ {
		v := d.Verification
		if err != nil {
			// Refused reads prove a deletion only if the provider accepted the deletion right
			// before them.
			v.CredentialEnded = nil
		}
		if repeats == maxRepeats {
			v.RepeatAfter = v.Timeout
		}
		existence, failure := v.Run(ctx)
		switch {
		case existence == rest.NotFound:
			return result, nil
		case repeats == 0 && existence == rest.Exists && failure == nil && isRedirect(err):
			return teardown.Deletion{}, err // reads would show by now that the provider executed it
		case failure != nil, repeats == maxRepeats:
			return teardown.Deletion{}, d.unknown(err, failure)
		}
		if fresh := trace.FreshnessOf(sending); fresh != nil {
			if err = fresh.Renew(ctx); err != nil {
				repeats = maxRepeats - 1 // no further deletion; reads decide
				continue
			}
		}
		switch proved, err = send(); {
		case proved:
			return result, nil
		case errors.Is(err, errors.DeletionStepsNotSatisfied):
			// The provider did not start the deletion, and would refuse or charge again.
			return teardown.Deletion{}, err
		}
	}
}

// unknown returns the error of a deletion that the provider may have accepted.
func (d *Deletion) unknown(causes ...error) error {
	return &errors.Error{
		Provider: d.Provider, Operation: d.Operation, Target: d.Organization, Code: errors.OutcomeUnknown,
		Err: errors.Join(append([]error{errUnproved}, causes...)...),
	}
}

// isUndocumentedAnswer reports whether the provider answered a deletion with another 2xx than
// the documented one or with a 3xx, while the organization still existed.
func isUndocumentedAnswer(err error) bool {
	e, ok := errors.AsType[*errors.Error](err)
	return ok && e.Code == errors.UnexpectedResponse && e.Status >= 200 && e.Status <= 399
}

// isRedirect reports whether a server answered a deletion with a 3xx. It may have executed it, and
// has not accepted it for later.
func isRedirect(err error) bool {
	e, ok := errors.AsType[*errors.Error](err)
	return ok && e.Status >= 300 && e.Status <= 399
}

// Run reads the organization until it no longer exists, or reads still show it after
// RepeatAfter. A failed read proves nothing. Otherwise Run returns an error, and the result of
// the last read that did not fail.
func (v *Verification) Run(ctx context.Context) (existence rest.Existence, err error) {
	var first time.Time     // the end of the first read
	var last error          // of the last read
	var refusal errors.Code // of the last reads
	refused, over := 0, false
	remaining := []errors.Step{{Name: "organization"}}
	err = v.Wait(ctx, v.Operation, v.Organization, func(ctx context.Context) ([]errors.Step, error) {
		now, failure := v.Read(ctx)
		if last = failure; first.IsZero() {
			first = time.Now()
		}
		code := refusedCode(failure)
		if code != refusal {
			refusal, refused = code, 0
		}
		if refused++; code != "" && v.CredentialEnded != nil && existence == rest.Unknown && refused >= v.MinRefusals {
			ended, err := v.CredentialEnded(ctx, failure)
			if err != nil {
				return nil, err
			}
			if ended {
				now = rest.NotFound
			}
		}
		remaining[0].Description = "the deletion was accepted, and no read shows whether the organization exists"
		if now != rest.Unknown {
			existence, remaining[0].Description = now, "the deletion was accepted, and the organization exists"
		}
		over = now != rest.NotFound && time.Since(first) >= v.Timeout
		if over || now == rest.NotFound || now == rest.Exists && time.Since(first) >= v.RepeatAfter {
			return nil, nil
		}
		return remaining, nil
	})
	switch {
	case over:
		return existence, &errors.Error{
			Provider: v.Provider, Operation: v.Operation, Target: v.Organization, Code: errors.NotFinished, Steps: remaining, Err: last,
		}
	case err != nil:
		return existence, errors.Join(err, last)
	}
	return existence, nil
}

// refusedCode returns the code of a refused read: the provider refused the credential, or the
// credential lacks a permission. It is empty for other errors.
func refusedCode(err error) errors.Code {
	for _, code := range []errors.Code{errors.Unauthenticated, errors.PermissionDenied} {
		if errors.Is(err, code) {
			return code
		}
	}
	return ""
}
