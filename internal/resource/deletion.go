package resource

import (
	"context"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Deletion deletes an organization, and reads that it no longer exists: an answer proves only
// that the deletion was accepted. A deletion that reads show not to take place is sent again,
// at most three times.
type Deletion struct {
	// Send sends the deletion. proved reports that a read or a refusal has shown already that
	// the organization does not exist: another read might not be answered. An error of the
	// first call is that of Run; after any other call the next read decides.
	Send func(context.Context) (proved bool, err error)

	Verification

	// Result is what Run returns once the deletion is proved. The zero value means
	// [teardown.Deleted].
	Result teardown.Deletion
}

// Verification reads an organization whose deletion was accepted.
type Verification struct {
	// Wait is [rest.Client.Wait].
	Wait func(ctx context.Context, operation, target string, look func(context.Context) ([]errors.Step, error)) error

	Provider, Operation, Organization string // of errors

	// Read reads whether the organization exists.
	Read func(context.Context) (rest.Existence, error)

	// CredentialEnded reports whether a credential that is refused ended with the organization. It is
	// called if so many reads in a row as Refusals were refused in the same way, for one
	// refusal may pass. Its error ends the reads. Refused reads prove nothing if it is nil.
	CredentialEnded func(ctx context.Context, refusal error) (bool, error)
	MinRefusals     int

	// RepeatAfter is how long reads may show the organization: they may follow the deletion
	// after some time.
	RepeatAfter time.Duration

	// Timeout is how long reads go on. Both times begin at the end of the first read, which may
	// have waited for a rate limit.
	Timeout time.Duration
}

var errAccepted = errors.New("the deletion was accepted, and no read shows that the organization is deleted")

// Run deletes the organization. The error is [errors.OutcomeUnknown] if the deletion was
// accepted and no read shows that the organization is deleted, and that of Send if it was not
// accepted.
func (d *Deletion) Run(ctx context.Context) (teardown.Deletion, error) {
	result := d.Result
	if result.Outcome == "" {
		result.Outcome = teardown.Deleted
	}
	proved, err := d.Send(ctx)
	switch {
	case err != nil:
		return teardown.Deletion{}, err
	case proved:
		return result, nil
	}
	for repeats := 0; ; repeats++ {
		v := d.Verification
		if repeats == maxRepeats {
			v.RepeatAfter = v.Timeout
		}
		existence, err := v.Run(ctx)
		switch {
		case existence == rest.NotFound:
			return result, nil
		case err != nil, repeats == maxRepeats:
			return teardown.Deletion{}, &errors.Error{
				Provider: d.Provider, Operation: d.Operation, Target: d.Organization, Code: errors.OutcomeUnknown,
				Err: errors.Join(errAccepted, err),
			}
		}
		if proved, _ := d.Send(ctx); proved {
			return result, nil
		}
	}
}

// Run reads the organization until it no longer exists, or until reads go on to show it. A
// read that fails proves nothing. Any other end is an error, with what a read has shown last.
func (v *Verification) Run(ctx context.Context) (existence rest.Existence, err error) {
	var first time.Time     // the end of the first read
	var last error          // of the last read
	var refusal errors.Code // of the last reads
	refused, over := 0, false
	left := []errors.Step{{Name: "organization"}}
	err = v.Wait(ctx, v.Operation, v.Organization, func(ctx context.Context) ([]errors.Step, error) {
		now, failure := v.Read(ctx)
		if last = failure; first.IsZero() {
			first = time.Now()
		}
		why := refusalOf(failure)
		if why != refusal {
			refusal, refused = why, 0
		}
		if refused++; why != "" && v.CredentialEnded != nil && refused >= v.MinRefusals {
			ended, err := v.CredentialEnded(ctx, failure)
			if err != nil {
				return nil, err
			}
			if ended {
				now = rest.NotFound
			}
		}
		left[0].Description = "its deletion was accepted, and no read shows whether it exists"
		if now != rest.Unknown {
			existence, left[0].Description = now, "its deletion was accepted, and it exists"
		}
		over = now != rest.NotFound && time.Since(first) >= v.Timeout
		if over || now == rest.NotFound || now == rest.Exists && time.Since(first) >= v.RepeatAfter {
			return nil, nil
		}
		return left, nil
	})
	switch {
	case over:
		return existence, &errors.Error{
			Provider: v.Provider, Operation: v.Operation, Target: v.Organization, Code: errors.NotFinished, Steps: left, Err: last,
		}
	case err != nil:
		return existence, errors.Join(err, last)
	}
	return existence, nil
}

// refusalOf returns why a provider refused a read: it refuses the credential, or the
// credential has no permission. It is empty for other errors.
func refusalOf(err error) errors.Code {
	for _, code := range []errors.Code{errors.Unauthenticated, errors.PermissionDenied} {
		if errors.Is(err, code) {
			return code
		}
	}
	return ""
}
