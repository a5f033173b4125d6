// Package observe defines the hook of all provider clients. An [Observer] is called when an
// operation starts, after each request and each wait, and when the operation ends. The option
// WithObserver of a provider sets it:
//
//	client, err := atlas.New(atlas.FromEnv(), atlas.WithObserver(observer))
//
// An operation is one call of a client's method that sends requests, such as GetOrganization,
// or one page of a list. The deletion of an organization is one operation with all its attempts;
// each read that decides its outcome is an operation of its own, in the context of the deletion.
// A method that only combines others, such as Plan, is no operation.
//
// No value contains a credential. Names contain no ID: [Call] has the provider and the name of
// the operation only, so that it can name a span or label a metric. Only [Result.Err] contains
// IDs and texts of the provider.
//
// A transport learns the operation of a request from its context; see [FromContext].
//
// The module telemetry of this repository turns the calls into spans and metrics of
// OpenTelemetry.
package observe

import (
	"context"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
)

// Keys of the attributes in log records of all clients. Spans and metrics of the module
// telemetry have the same names, with the prefix "offboard.".
const (
	ProviderKey  = "provider"  // name of the provider's package, such as "atlas"
	OperationKey = "operation" // name of the operation, such as "DeleteOrganization"
	AttemptKey   = "attempt"   // number of the attempt, from 1 on
	AttemptsKey  = "attempts"  // number of requests that were sent
	StatusKey    = "status"    // HTTP status; only if a response was received
	CodeKey      = "code"      // code of the error; only if an error occurred
	OutcomeKey   = "outcome"   // an Outcome
	ReasonKey    = "reason"    // a Reason
	WaitKey      = "wait"      // duration of a wait
	DurationKey  = "duration"  // duration of an attempt or an operation
)

// Observer receives the progress of operations. Its functions are called by the goroutine of the
// operation, which waits for them; they must be safe for concurrent use, and must not call the
// client. A nil function is not called. The zero Observer observes nothing, and costs nothing.
//
// Later versions may add fields: use the names of the fields in literals.
type Observer struct {
	// Start is called when an operation starts, before its first request. The operation
	// uses the returned context, also for its requests, and the other functions receive it. A
	// nil result means ctx. The returned context must derive from ctx.
	Start func(ctx context.Context, call Call) context.Context

	// Attempt is called after each request that was sent, when its response was read or its
	// connection has failed.
	Attempt func(ctx context.Context, call Call, attempt Attempt)

	// Wait is called after each wait of the operation.
	Wait func(ctx context.Context, call Call, wait Wait)

	// Done is called once when the operation ends, also if it was refused before a request
	// was sent. After it, no function is called for the operation.
	Done func(ctx context.Context, call Call, result Result)
}

// Call is one operation.
type Call struct {
	// Provider is the name of the provider's package, such as "atlas".
	Provider string

	// Operation is the name of the operation, such as "DeleteOrganization".
	Operation string

	// Write is true if the operation may change something.
	Write bool
}

// Attempt is a request that was sent.
type Attempt struct {
	// Number is the number of the attempt, from 1 on. A request that is sent again with a
	// renewed credential, after a 401, has the number of the first one. In a teardown, the
	// attempts of a write are counted over all calls of its step.
	Number int

	// Method is the HTTP method.
	Method string

	// Status is the HTTP status of the response; 0 if no response was received.
	Status int

	// Code is the code of the error that the attempt would return; "" for a success.
	Code errors.Code

	// Duration is the time from sending the request to the end of the response.
	Duration time.Duration

	// RateLimit is the rate limit that the response states; nil if it states none.
	RateLimit *RateLimit
}

// RateLimit is the state of the provider's rate limit after a request.
type RateLimit struct {
	Limit     int // number of requests that the current window permits
	Remaining int // number of requests that the current window still permits
}

// Wait is a wait of an operation.
type Wait struct {
	// Attempt is the number of the attempt that the wait precedes, or follows for
	// [ReasonRetry].
	Attempt int

	// Reason is the reason of the wait.
	Reason Reason

	// Duration is the time that the operation waited. It is shorter than intended if the
	// context or a stop ended the wait.
	Duration time.Duration
}

// Reason is the reason of a [Wait].
type Reason string

// Values of [Reason].
const (
	// ReasonRetry: the operation waited after a failed attempt.
	ReasonRetry Reason = "retry"

	// ReasonRateLimit: the operation waited for the rate limiter of the client, for at least
	// one millisecond.
	ReasonRateLimit Reason = "rate_limit"

	// ReasonToken: the operation waited for its credential, for at least one millisecond,
	// such as for a token that was fetched.
	ReasonToken Reason = "token"
)

// Result is the end of an operation.
type Result struct {
	// Outcome is what became of the operation.
	Outcome Outcome

	// Code is the code of the error; "" for a success.
	Code errors.Code

	// Status is the HTTP status of the error; 0 for a success, or if the error is not that of
	// a response.
	Status int

	// Attempts is the number of requests that were sent, as in [errors.Error].
	Attempts int

	// Duration is the time since the start, waits included.
	Duration time.Duration

	// Verified is true if a read showed the success, and not the response to the request.
	Verified bool

	// Err is the error of the operation; nil for a success. Unlike all other fields, it
	// contains IDs and texts of the provider: use it as data, and not in a name or a label.
	Err error
}

// Outcome is what became of an operation.
type Outcome string

// Values of [Outcome].
const (
	// Succeeded: the response, or a read after it, shows the success.
	Succeeded Outcome = "succeeded"

	// Refused: the client or the provider refused the operation, which changed nothing.
	Refused Outcome = "refused"

	// Failed: the operation had no result, and changed nothing: the provider was not
	// reached, failed, limited the rate, or sent an unexpected response to a read.
	Failed Outcome = "failed"

	// Unknown: a write may have had its effect, and no read decided.
	Unknown Outcome = "unknown"

	// Canceled: the context, or a stop, ended the operation.
	Canceled Outcome = "canceled"
)

// Outcomes returns all outcomes.
func Outcomes() []Outcome { return []Outcome{Succeeded, Refused, Failed, Unknown, Canceled} }

// Reasons returns all reasons of waits.
func Reasons() []Reason { return []Reason{ReasonRetry, ReasonRateLimit, ReasonToken} }

// IsZero reports whether the observer has no function.
func (o Observer) IsZero() bool {
	return o.Start == nil && o.Attempt == nil && o.Wait == nil && o.Done == nil
}

// Join returns an observer that calls the functions of all observers in their order. Each Start
// receives the context of the one before.
func Join(observers ...Observer) Observer {
	var joined Observer
	for _, o := range observers {
		joined = joined.and(o)
	}
	return joined
}

// and returns an observer that calls the functions of o and then those of next.
func (o Observer) and(next Observer) Observer {
	both := Observer{
		Attempt: inTurn(o.Attempt, next.Attempt),
		Wait:    inTurn(o.Wait, next.Wait),
		Done:    inTurn(o.Done, next.Done),
	}
	switch {
	case o.Start == nil:
		both.Start = next.Start
	case next.Start == nil:
		both.Start = o.Start
	default:
		both.Start = func(ctx context.Context, call Call) context.Context {
			if started := o.Start(ctx, call); started != nil {
				ctx = started
			}
			if started := next.Start(ctx, call); started != nil {
				ctx = started
			}
			return ctx
		}
	}
	return both
}

// inTurn returns a function that calls two functions in turn. Each may be nil.
func inTurn[T any](first, second func(context.Context, Call, T)) func(context.Context, Call, T) {
	switch {
	case first == nil:
		return second
	case second == nil:
		return first
	}
	return func(ctx context.Context, call Call, value T) {
		first(ctx, call, value)
		second(ctx, call, value)
	}
}
