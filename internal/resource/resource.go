// Package resource removes the resources of an organization by tables. A [Kind] describes one
// kind of resource. [Driver] removes, verifies and waits for the resources of all kinds.
//
// # Rules
//
// [Driver] removes the resource that a read has just found under the step's identity. A
// resource that was recreated under the same name is another one: [Kind.Read] returns
// [NotFound] for it.
//
// Absence from a list is a hint, unless the list is known to be complete: one [Kind.Read] is
// the proof. A failed read proves nothing.
//
// An accepted request is sent again, at most three times, if reads show the resource
// unchanged: providers accept removals that never start. A task proves neither success nor
// failure: [Driver] reads it while its resource is unchanged, and its failure counts only if
// the resource exists after that.
package resource

import (
	"context"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
)

// Table describes the resources of a provider. An R locates a resource: it contains the IDs or
// names of the resource and of its parents.
type Table[R any] struct {
	// Provider is the package of the provider, for errors.
	Provider string

	// Kinds contains each kind once, by its name.
	Kinds []Kind[R]

	// Task reads a task; nil if the provider has none.
	Task func(ctx context.Context, id string) (Task, error)

	// NothingToDo reports whether a provider refused a request because it would change
	// nothing. The next read decides. It may be nil.
	NothingToDo func(error) bool
}

// Kind describes the resources of one kind.
type Kind[R any] struct {
	// Name is the [teardown.Step.Kind] of the steps.
	Name string

	// Read reads one resource.
	Read func(ctx context.Context, r R) (Item, error)

	// Scope returns the name of the list that contains the resource. It is required with List.
	Scope func(r R) string

	// List reads resources of one scope by one list, during their removal. An item is nil if
	// the list lacks the resource and that proves nothing: then Read decides. If List is nil,
	// each resource is read by itself.
	List func(ctx context.Context, rs []R) ([]*Item, error)

	// Watch is a hint for resources of several scopes that are [Deleting]; nil for none.
	Watch *Watch[R]

	// ListFirst is true if steps of this kind start with the shared list, because the removals
	// before them usually delete their resources, too.
	ListFirst bool

	// ListInterval is the minimum time between two requests of the same list; 0 for the interval
	// of the engine.
	ListInterval time.Duration

	// SkipFirstRead reports whether the first request is sent without a read, because its name
	// can never belong to another resource. Prepare and Remove get the zero Item then. nil
	// means false.
	SkipFirstRead func(r R) bool

	// ReusableName is true if the resource has only a name, which another resource may have
	// later. Each request is sent right after a read of the resource, not of a list.
	ReusableName bool

	// MaxAge is the maximum age of a read or list by which a request is sent; 0 for [maxAgeID],
	// or [maxAgeName] if ReusableName is true.
	MaxAge time.Duration

	// PollAtOnce is true if the resource is usually deleted when the removal is answered.
	PollAtOnce bool

	// Prepare sends the requests that the removal requires before it, one in each call; nil for
	// none.
	Prepare func(ctx context.Context, r R, i Item) (Preparation, error)

	// Remove requests the removal of the resource that was just read.
	Remove func(ctx context.Context, r R, i Item) (Response, error)

	// Purge removes the resource from the trash to which Remove has moved it; nil if the kind
	// has no trash. trash is [Response.Trash] of the last response.
	Purge func(ctx context.Context, r R, i Item, trash string) (Response, error)

	// RepeatAfterReads is the number of reads of an unchanged resource after which a request is
	// sent again; 0 for [defaultRepeatAfterReads].
	RepeatAfterReads int

	// RepeatAfter is the minimum time after which a request is sent again; 0 for
	// [defaultRepeatAfter]. It must be longer if no state shows that a removal has started.
	RepeatAfter time.Duration

	// ListThreshold is the number of waiting resources from which a list is read instead of each
	// resource; 0 for [defaultListThreshold].
	ListThreshold int

	// Expect is [teardown.Wait.Expect] of the removal.
	Expect time.Duration
}

// Watch is a read that serves resources of many scopes, and shows less than a list of one
// scope. It proves nothing: a resource that may have changed is read, and so is a resource that
// no read and no list has shown for [summaryAge].
type Watch[R any] struct {
	// Scope returns the name of the read that covers the resource.
	Scope func(r R) string

	// Changed reports for each resource whether it may have changed since the last call.
	Changed func(ctx context.Context, rs []R) ([]bool, error)
}

// Item is the result of a read of a resource.
type Item struct {
	Phase Phase  // the phase of the removal
	Text  string // the state of the resource, for people
	Err   error  // the reason why the removal cannot end; only for [Failed] and [Broken]
	Value any    // a value for the functions of the [Kind]

	// Unprepared is true if the state shows that the resource must be prepared before its
	// removal.
	Unprepared bool

	// Summary is true if a list shows that the resource exists, and not its state. The state of
	// the last read is used for a limited time; then the resource is read again.
	Summary bool
}

// Phase is the phase of the removal of a resource.
type Phase int

// Values of [Phase].
const (
	Exists   Phase = iota // the resource exists, and its removal has not started
	Changing              // the resource exists, and its state will change without a request
	Deleting              // the removal is in progress
	InTrash               // the resource is in the trash
	Failed                // the removal has ended, and the resource exists
	Broken                // the creation or removal failed; [Failed] if it was not Broken when the removal was requested
	NotFound              // the resource does not exist, or has ended
)

// Preparation is the result of [Kind.Prepare].
type Preparation struct {
	// Ready is true if the resource can be removed: no request was sent.
	Ready bool

	Task string // the ID of the task of the request; "" for none
	Text string // the condition that the step waits for, for people

	// Done reads whether the preparation has ended; nil if the resource shows it.
	Done func(ctx context.Context) (done bool, text string, err error)
}

// Response is the answer to a request that was accepted.
type Response struct {
	Task  string // the ID of the task of the removal; "" for none
	Trash string // the ID of the object in the trash; "" if the answer has none

	// InTrash is the resource in the trash; nil unless the answer shows that it is there. A
	// purge can follow at once, because its request cannot name another resource.
	InTrash *Item
}

// Task is the provider's record of work that continues after the answer.
type Task struct {
	Finished bool   // the task has ended
	Failed   bool   // the task has ended with an error
	Text     string // the progress or the error of the task, for people
}

const (
	defaultRepeatAfterReads = 4
	taskStuckAfter          = 5 // reads of a task that makes no progress

	// A task is read first at poll taskFirst of its resource, if it is as old as taskAge, and
	// then at each taskEvery-th poll. One poll reads at most tasksPerPoll tasks.
	taskFirst, taskEvery = 2, 3
	taskAge              = 8 * time.Second
	tasksPerPoll         = 4
	maxRepeats           = 3

	// Defaults of [Kind.MaxAge]: for a resource with a reusable name, and for others.
	maxAgeName = 10 * time.Second
	maxAgeID   = 2 * time.Minute

	// defaultRepeatAfter is the default of [Kind.RepeatAfter].
	defaultRepeatAfter = 10 * time.Second

	// maxContradictions is the maximum number of consecutive contradictory lists.
	maxContradictions = 5

	// summaryAge is the maximum age of the last read of a resource in phase [Deleting] while a
	// list shows only that it exists, or a hint shows no change: a removal may fail.
	summaryAge = 90 * time.Second

	// readsPerPoll is the number of resources up to which one poll reads a list and then each
	// resource that the list lacks. Others are read by polls of their own, which can be in
	// flight at the same time.
	readsPerPoll = 2

	// defaultListThreshold is the default of [Kind.ListThreshold].
	defaultListThreshold = 3
)

// accepted reports whether an error is about a 2xx or 3xx answer that differs from the
// documented success, such as one without the documented body. Then the next read decides. It
// is false for an error of a table.
func accepted(err error) bool {
	e, ok := errors.AsType[*errors.Error](err)
	return ok && e.Code == errors.UnexpectedResponse && e.Status >= 200 && e.Status <= 399 && e.Operation != operation
}

// operation is the operation in errors of this package and of tables.
const operation = "Teardown"
