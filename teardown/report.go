package teardown

import (
	"slices"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
)

// Report is what became of an organization and of each step.
type Report struct {
	Provider     string       `json:"provider"`
	Organization Organization `json:"organization"`
	Outcome      Outcome      `json:"outcome"`

	// PendingOn says what a pending deletion depends on.
	PendingOn string `json:"decides,omitempty"`

	StartedAt  time.Time    `json:"started"`
	FinishedAt time.Time    `json:"ended"`
	Steps      []StepReport `json:"steps"`

	// Err is why the organization is not deleted; nil for [Deleted] and [Pending]. It joins
	// an [*errors.Error] for each step that failed: [errors.All] yields them.
	Err error `json:"-"`

	// Error is the text of Err.
	Error string `json:"error,omitempty"`

	// UnmatchedAllow and UnmatchedDeny list the entries of [WithAllow] and [WithDeny] that match
	// no organization that the plan deletes. An entry may be misspelled, or be meant for
	// another plan.
	UnmatchedAllow []string `json:"unmatched_allow,omitempty"`
	UnmatchedDeny  []string `json:"unmatched_deny,omitempty"`
}

// StepReport is what became of a step.
type StepReport struct {
	Step
	State      State     `json:"state"`
	Attempts   int       `json:"attempts,omitempty"`
	RequestID  string    `json:"request_id,omitempty"` // of the last answer
	StartedAt  time.Time `json:"started,omitzero"`
	FinishedAt time.Time `json:"ended,omitzero"`
	Err        error     `json:"-"`
	Error      string    `json:"error,omitempty"`   // the text of Err
	Message    string    `json:"message,omitempty"` // the provider's own words

	found bool // by the read before the plan is applied
}

// State is how far a step has come.
type State string

// Values of [State].
const (
	NotStarted     State = "untouched"    // not begun
	Running        State = "running"      // begun
	Interrupted    State = "interrupted"  // entryStarted, and the context or [WithStop] ended it before a verdict
	StepDeleted    State = "done"         // removed, and read to be gone
	AlreadyDeleted State = "already_gone" // it was gone before anything was done
	Failed         State = "failed"
	ManualRequired State = "by_hand" // no API can do it, and it is still there
)

// deleted reports whether nothing is left to do for a step.
func (s State) deleted() bool { return s == StepDeleted || s == AlreadyDeleted }

// Remaining returns the steps that are not gone.
func (r *Report) Remaining() []StepReport {
	if r == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(r.Steps), func(s StepReport) bool { return s.State.deleted() })
}

// remaining lists the steps that are not gone as an error does.
func remaining(states []StepReport) []errors.Step {
	var left []errors.Step
	for _, s := range states {
		if !s.State.deleted() {
			left = append(left, errors.Step{Name: s.ID, Description: string(s.State)})
		}
	}
	return left
}

// Event is something that happens while a plan is carried out.
type Event struct {
	Time         time.Time    `json:"time"`
	Provider     string       `json:"provider"`
	Organization Organization `json:"organization"`

	// Step is the id of a step; "" for the organization itself.
	Step string `json:"step,omitempty"`

	Kind EventKind `json:"kind"`

	// Text is what is waited for, or what became of it, in words.
	Text string `json:"text,omitempty"`

	// Wait is how long nothing will be done; 0 when that is not known.
	Wait time.Duration `json:"wait,omitempty"`

	// Done and Total count the steps that are gone, and all.
	Done  int `json:"done"`
	Total int `json:"total"`

	Err error `json:"-"`
}

// EventKind is what kind of thing happens.
type EventKind string

// Values of [EventKind].
const (
	Started  EventKind = "begun"
	Waiting  EventKind = "waiting"  // for the provider
	Retrying EventKind = "retrying" // after Wait
	Finished EventKind = "ended"    // Text is a [State], or an [Outcome] for the organization

	// Unmatched: an entry of [WithAllow] or [WithDeny] matches no organization that the plan
	// deletes. Text contains the entry.
	Unmatched EventKind = "unmatched"
)
