package teardown

import (
	"context"
	"fmt"
	"time"
)

// Driver connects [NewPlan] and [Execute] to a provider. The clients of this module contain
// their own drivers; see their methods Plan and Teardown. [FromBlocking] converts a driver
// that waits. The documentation of the package states the rules for a driver.
//
// A driver acts and polls, and never waits; the engine waits. Calls for the same step never
// overlap. Calls for different steps, and polls of different groups, may. The engine calls Act and
// Poll in goroutines of its own, and recovers no panic: a panic in a driver ends the process.
type Driver interface {
	// Provider returns the values of [Plan.Provider] and [Plan.Instance] in the plans of
	// this driver.
	Provider() (name, instance string)

	// Inspect reads the organization and changes nothing. before is the plan that is applied,
	// so that a resource which was moved to a trash keeps the ID of its step; nil if a plan is
	// made. All texts of the returned plan must be valid UTF-8. Applying compares the plan with
	// an inspection before the first step, and with another one right before the deletion of
	// the organization. The second one is omitted if all steps of the plan are manual and the
	// first one ended less than 10 seconds before the deletion. If 10 seconds pass between an
	// inspection and the deletion, for example in a slow journal, another inspection follows.
	Inspect(ctx context.Context, organization Organization, before *Plan) (*Plan, error)

	// Act sends at most one request that removes the resource of a step, or prepares its
	// removal. After an error, one poll decides. [ProgressPollFirst] means that nothing was
	// sent, or that the outcome is open.
	Act(ctx context.Context, organization Organization, step Step) (Progress, error)

	// Poll reads the resources of steps and returns one Progress for each, in the same order.
	// The steps are those of the group that wait for a poll, or a single step if group is "".
	// Poll changes nothing.
	Poll(ctx context.Context, organization Organization, group string, steps []Step) ([]Progress, error)

	// Delete deletes the organization itself. Without an error, the outcome is [Deleted] or
	// [Pending].
	Delete(ctx context.Context, organization Organization) (Deletion, error)
}

// Progress is the state of the removal of a step's resource.
type Progress struct {
	// State selects the engine's next action. It must be set.
	State ProgressState

	// Next sets when the step is polled next, and with which other steps.
	Next Wait

	// Text describes, for people, the state of the resource or the condition that the step
	// waits for. The engine reports each change in an event.
	Text string

	// Err is the error of the attempt. Only for [ProgressExists]; nil if the resource exists
	// although its removal was accepted.
	Err error

	// RequestID is the provider's ID of the last answered request, for the journal and the
	// report; "" if the provider has none. An error of a driver has its own.
	RequestID string
}

// ProgressState is the state of a resource after an act or a poll. The zero value and unknown
// values are not states: a driver that returns one has made a mistake, which proves nothing about
// the resource. The error is [errors.DriverFailed]. After such an act, one poll decides, as after
// an error; after such a poll, the attempt has failed and is not retried.
type ProgressState int

// Values of [ProgressState].
const (
	// ProgressExists: the resource exists, and the attempt has failed.
	ProgressExists ProgressState = iota + 1

	// ProgressDeleting: the removal was accepted, and the resource may exist until it ends.
	ProgressDeleting

	// ProgressReady: the next request of the step can be sent.
	ProgressReady

	// ProgressNotFound: a read that was made after the last act shows that the resource does
	// not exist.
	ProgressNotFound

	// ProgressPollFirst is returned by Act only: the next poll decides the attempt, and if
	// that poll fails, the attempt fails.
	ProgressPollFirst
)

// ofPoll reports whether a poll can return the state.
func (s ProgressState) ofPoll() bool { return s >= ProgressExists && s <= ProgressNotFound }

// ofAct reports whether an act can return the state.
func (s ProgressState) ofAct() bool { return s.ofPoll() || s == ProgressPollFirst }

// String returns the name of the state, such as "deleting".
func (s ProgressState) String() string {
	switch s {
	case ProgressExists:
		return "exists"
	case ProgressDeleting:
		return "deleting"
	case ProgressReady:
		return "ready"
	case ProgressNotFound:
		return "not_found"
	case ProgressPollFirst:
		return "poll_first"
	}
	return fmt.Sprintf("ProgressState(%d)", int(s))
}

// Wait sets when a step is polled next, and with which other steps.
type Wait struct {
	// Group is the name of a read that serves several steps, such as a list of clusters; ""
	// if the step is read by itself.
	Group string

	// Class is the name of removals that take about the same time, such as "purge of a
	// machine". The engine learns the duration of each class; see [Durations]. It learns
	// nothing for "".
	Class string

	// Expect is the expected duration until the engine has learned one; 0 means one second.
	Expect time.Duration

	// Now is true if the step must be polled at once.
	Now bool
}

// Deletion is the result of a request to delete an organization.
type Deletion struct {
	// Outcome is [Deleted] or [Pending].
	Outcome Outcome

	// PendingOn states, for people, what a [Pending] deletion depends on.
	PendingOn string

	// RequestID is the provider's ID of the last answered request, for the journal; "" if the
	// provider has none.
	RequestID string
}
