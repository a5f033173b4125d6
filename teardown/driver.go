package teardown

import (
	"context"
	"time"
)

// Driver is what a teardown needs of a provider. The clients of this module have theirs;
// see their methods Plan and Teardown. A driver of another provider can be used with
// [Execute]; one that blocks while it waits becomes a Driver by [FromBlocking]. How a driver
// is written is in the documentation of the package.
//
// A driver acts and polls, and never waits: the engine does. Calls for one step never
// overlap. Calls for different steps, and polls of different groups, do.
type Driver interface {
	// Provider returns the values of [Plan.Provider] and [Plan.Instance] in the plans of
	// this driver.
	Provider() (name, instance string)

	// Inspect reads the organization, and changes nothing. before is the plan that is
	// applied, so that a resource which moved to a trash since then keeps the ID of its
	// step; nil when a plan is made. A plan that is applied is compared with an inspection
	// before the first step, and with another one right before the deletion of the
	// organization. The first one alone decides if the plan has no steps but manual ones,
	// and the inspection ended less than 10 seconds before the deletion.
	Inspect(ctx context.Context, organization Organization, before *Plan) (*Plan, error)

	// Act sends at most one request that removes the resource of a step, or prepares its
	// removal. After an error, one poll decides. [ProgressPollFirst] says that nothing was
	// sent, or that the next poll decides alone.
	Act(ctx context.Context, organization Organization, step Step) (Progress, error)

	// Poll reads the resources of steps and returns one Progress for each, in the same
	// order. The steps are all those of a group that wait for a poll, or for the group ""
	// a single step. It changes nothing.
	Poll(ctx context.Context, organization Organization, group string, steps []Step) ([]Progress, error)

	// Delete deletes the organization itself. Only [Deleted] and [Pending] come without an
	// error.
	Delete(ctx context.Context, organization Organization) (Deletion, error)
}

// Progress is how far the removal of a step's resource is.
type Progress struct {
	State ProgressState

	// Next says when to poll next, and with which other steps.
	Next Wait

	// Text is what is waited for, or the state that has ended the wait, in words. It is
	// reported when it changes.
	Text string

	// Err is why the attempt failed; only of [ProgressExists]. nil for a resource that
	// exists although its removal was accepted.
	Err error
}

// ProgressState is what an act or a poll shows of a resource.
type ProgressState int

// Values of [ProgressState].
const (
	ProgressExists   ProgressState = iota // it exists, and the attempt has failed
	ProgressDeleting                      // its removal was accepted, and it is waited for
	ProgressReady                         // call Act again
	ProgressNotFound                      // a read that was made after the last act shows that it does not exist

	// ProgressPollFirst is returned by Act only: a poll decides, and a poll that fails
	// fails the attempt.
	ProgressPollFirst
)

// Wait says when a step is polled next, and together with which others.
type Wait struct {
	// Group is the name of a read that answers for several steps, such as a list of
	// clusters; "" if the step is read by itself.
	Group string

	// Class is the name of what takes about the same time each, such as "purge of a
	// machine". Durations are learned for each class: see [Durations]. "" is a class of its
	// own, of which nothing is learned.
	Class string

	// Expect is how long it takes until something was learned; 0 for a second.
	Expect time.Duration

	// Now asks for a poll at once.
	Now bool
}

// Deletion is what became of a request to delete an organization.
type Deletion struct {
	Outcome Outcome

	// PendingOn says what a pending deletion depends on.
	PendingOn string
}
