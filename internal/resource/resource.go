// Package resource removes the resources of an organization by tables: each kind of
// resource is described once, by a [Kind], and removing, verifying and waiting exist once,
// in [Driver].
//
// # Rules
//
// What is removed is the resource that a read has just found under the step's identity. A
// resource that was recreated under the same name is another one: [Kind.Read] reports it
// as [NotFound].
//
// Absence from a list is a hint, unless the list says that it is whole: one [Kind.Read] is
// the proof. A resource that a read fails to show is not absent.
//
// A request that was accepted is sent again if reads show the resource unchanged, at most
// three times: providers accept removals that never start. A task is a record and proves
// neither success nor failure: it is read while its resource stays as it is, and its
// failure counts only if the resource exists then.
package resource

import (
	"context"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
)

// Table describes the resources of a provider. R says where a resource is: its IDs or
// names, and those of what it is in.
type Table[R any] struct {
	Provider string
	Kinds    []Kind[R]

	// Task reads a task; nil if the provider has none.
	Task func(ctx context.Context, id string) (Task, error)

	// NothingToDo reports whether the refusal of a request says that there is nothing to
	// do. A read shows whether that is so.
	NothingToDo func(error) bool
}

// Kind describes the resources of one kind.
type Kind[R any] struct {
	Name string

	// Read reads one resource.
	Read func(ctx context.Context, r R) (Item, error)

	// List reads resources of one scope by one list, while their removal goes on; Scope
	// names it. An item is nil if the list lacks the resource and that proves nothing: then
	// Read proves what became of it. If List is nil, each resource is read by itself.
	Scope func(r R) string
	List  func(ctx context.Context, rs []R) ([]*Item, error)

	// Watch is a hint for resources of several scopes that are [Deleting]; nil for none.
	Watch *Watch[R]

	// ListFirst: steps of this kind start by the shared list, because what they come after
	// mostly deletes their resources, too.
	ListFirst bool

	// ListInterval is how long a list shows nothing new that is worth another request; 0 for as long as
	// the engine waits.
	ListInterval time.Duration

	// SkipFirstRead reports whether the first request needs no read before it, because what it names
	// can never be another resource. Prepare and Remove get the zero Item then. nil: no.
	SkipFirstRead func(r R) bool

	// ReusableName: the resource is known by a name that another one may have later. Each request is
	// sent right after a read of its own, which a shared list does not replace.
	ReusableName bool

	// MaxAge is how long what a read or a list has shown may be acted upon; 0 for [freshID], or
	// [freshName] if it is Named.
	MaxAge time.Duration

	// PollAtOnce: the removal is mostly done when it is answered.
	PollAtOnce bool

	// Prepare does what must be done before the removal, one request at a time; nil for
	// nothing.
	Prepare func(ctx context.Context, r R, i Item) (Preparation, error)

	// Remove requests the removal of the resource that was just read.
	Remove func(ctx context.Context, r R, i Item) (Response, error)

	// Purge removes from the trash what Remove has moved there; nil if resources of this
	// kind have no trash. trash is that of the last [Response].
	Purge func(ctx context.Context, r R, i Item, trash string) (Response, error)

	// RepeatAfterReads is how many reads of an unchanged resource a request is waited for before
	// it is sent again; 0 for [defaultPatience]. Settling is for how long at least; 0 for
	// [defaultSettling]. It is longer where no state shows that a removal has started.
	RepeatAfterReads int
	RepeatAfter      time.Duration

	// ListThreshold is for how many resources that wait a list is read instead of each of them;
	// 0 for [listWorth].
	ListThreshold int

	// Expect is how long a removal takes until something was learned; 0 for a second.
	Expect time.Duration
}

// Watch is a read that serves resources of many scopes, and shows less than a list of one
// scope. It proves nothing: a resource that may have changed is read, and so is one that no
// list and no read of its own has shown for [summaryAge].
type Watch[R any] struct {
	// Scope names what one read of the hint covers.
	Scope func(r R) string

	// Changed reports for each resource whether it may have changed since the last call.
	Changed func(ctx context.Context, rs []R) ([]bool, error)
}

// Item is a resource as a read shows it.
type Item struct {
	Phase Phase
	Text  string // its state, in words
	Err   error  // of [Failed] and [Broken]: why its removal cannot end
	Value any    // for the functions of its [Kind]

	// Unprepared: it must be prepared before its removal, as its state shows.
	Unprepared bool

	// Summary: a list shows that it exists, and not its state. What the last read of the
	// resource has shown stands for a while, and then it is read again.
	Summary bool
}

// Phase is how far a resource is on its way out.
type Phase int

// Values of [Phase].
const (
	Exists   Phase = iota // it exists, and its removal has not started
	Changing              // it exists, and will soon be in another state by itself
	Deleting              // its removal is under way
	InTrash               // it is in the trash
	Failed                // its removal has ended, and it exists
	Broken                // it exists, and could not be created or removed: [Failed] if it was not so when its removal was requested
	NotFound              // it does not exist, or has ended
)

// Preparation is what [Kind.Prepare] has found or done.
type Preparation struct {
	// Ready: nothing is left to prepare.
	Ready bool

	Task string // of the request that was sent; "" for none
	Text string // what is waited for

	// Done reads whether that has happened; nil if the resource itself shows it.
	Done func(ctx context.Context) (done bool, text string, err error)
}

// Response is the answer to a request that was accepted.
type Response struct {
	Task  string // of the work that follows; "" for none
	Trash string // ID of the object in the trash; "" if the answer has none

	// InTrash is the resource in the trash, if the answer shows that it is there. A purge
	// can follow at once, because it names nothing else.
	InTrash *Item
}

// Task is the record of work that goes on after the answer.
type Task struct {
	Finished bool
	Failed   bool
	Text     string
}

const (
	defaultPatience = 4
	taskPatience    = 5 // reads of a task that makes no progress

	// A task is read from the second poll of its resource on, when it is as old as that, and
	// with each third poll after that. A poll of many resources reads so many of their tasks.
	taskFirst, taskEvery = 2, 3
	taskAge              = 8 * time.Second
	tasksPerPoll         = 4
	maxRepeats           = 3

	// fresh is how long an item that a poll has read may be acted upon, if the resource is
	// known by a name that another one may have later, and if it is not.
	freshName = 10 * time.Second
	freshID   = 2 * time.Minute

	// defaultSettling is how long a resource is given before a request that changes nothing
	// is sent again.
	defaultSettling = 10 * time.Second

	// maxContradictions is how many lists in a row may contradict themselves.
	maxContradictions = 5

	// summaryAge is how long a resource whose removal is under way is not read, while a list
	// shows only that it exists, or a hint that nothing has changed: a removal that fails must be seen.
	summaryAge = 90 * time.Second

	// readsPerPoll is for how many resources one poll reads a list and then those that it
	// lacks. More are read by polls of their own, which can be in flight at the same time.
	readsPerPoll = 2

	// listWorth is for how many resources a list is read instead of each resource.
	listWorth = 3
)

// accepted reports whether an error is that of a 2xx or 3xx other than the documented
// success, such as one without the documented body: the next read decides. An answer that a
// table has refused is none.
func accepted(err error) bool {
	e, ok := errors.AsType[*errors.Error](err)
	return ok && e.Code == errors.UnexpectedResponse && e.Status >= 200 && e.Status <= 399 && e.Operation != operation
}

// operation is that of the errors of this package and of tables.
const operation = "Teardown"
