package teardown

import (
	"slices"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
)

// Report is the result of an application of a plan: the outcome of the organization and the
// state of each step. It can be stored as JSON and read again without loss, errors included.
type Report struct {
	Provider string `json:"provider"`

	// Instance is the address of the provider, as in [Plan.Instance].
	Instance string `json:"instance,omitempty"`

	Organization Organization `json:"organization"`
	Outcome      Outcome      `json:"outcome"`

	// PendingOn says what a [Pending] deletion depends on.
	PendingOn string `json:"pending_on,omitempty"`

	StartedAt  time.Time    `json:"started_at"`
	FinishedAt time.Time    `json:"finished_at"`
	Steps      []StepReport `json:"steps"`

	// Err is why the organization is not deleted; nil for [Deleted] and [Pending]. It joins
	// an [*errors.Error] for each step that failed: [errors.All] yields them. In JSON,
	// "error" is its text and "errors" are those that [errors.All] yields.
	Err error `json:"-"`

	// UnmatchedAllow and UnmatchedDeny list the entries of [WithAllow] and [WithDeny] that
	// match no organization that the plan deletes. An entry may be misspelled, or be meant
	// for another plan.
	UnmatchedAllow []string `json:"unmatched_allow,omitempty"`
	UnmatchedDeny  []string `json:"unmatched_deny,omitempty"`
}

// StepReport is the state of a step after an application of its plan.
type StepReport struct {
	Step
	State StepState `json:"state"`

	// Attempts is the number of attempts, at least 1 if the step was started.
	Attempts int `json:"attempts,omitempty"`

	// RequestID is the provider's ID of the last request about the step; "" if unknown.
	RequestID string `json:"request_id,omitempty"`

	// StartedAt and FinishedAt are zero for a step that was not started.
	StartedAt  time.Time `json:"started_at,omitzero"`
	FinishedAt time.Time `json:"finished_at,omitzero"`

	// Err is why the step is not deleted; nil if nothing failed. In JSON, "error" is its
	// text and "errors" are all [*errors.Error] in it, with the provider's own message.
	Err error `json:"-"`

	found bool // by the read before the plan is applied
}

// StepState is how far a step is.
type StepState string

// Values of [StepState].
const (
	StepNotStarted     StepState = "not_started"
	StepRunning        StepState = "running"
	StepInterrupted    StepState = "interrupted"     // started, and ended without a result by the context or by [WithStop]
	StepDeleted        StepState = "deleted"         // a read after the removal shows that the resource does not exist
	StepAlreadyDeleted StepState = "already_deleted" // the resource did not exist before the first step
	StepFailed         StepState = "failed"
	StepManual         StepState = "manual" // no API can remove the resource, and it exists
)

// deleted reports whether the resource of a step does not exist.
func (s StepState) deleted() bool { return s == StepDeleted || s == StepAlreadyDeleted }

// Remaining returns the steps whose resources exist, or may exist.
func (r *Report) Remaining() []StepReport {
	if r == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(r.Steps), func(s StepReport) bool { return s.State.deleted() })
}

// remaining lists the steps that are not deleted as an error does.
func remaining(states []StepReport) []errors.Step {
	var steps []errors.Step
	for _, s := range states {
		if !s.State.deleted() {
			steps = append(steps, errors.Step{Name: s.ID, Description: string(s.State)})
		}
	}
	return steps
}

// Event is a change while a plan is applied. It can be stored as JSON.
type Event struct {
	Time         time.Time    `json:"time"`
	Provider     string       `json:"provider"`
	Organization Organization `json:"organization"`

	// Step is the ID of a step; "" for the organization itself.
	Step string `json:"step,omitempty"`

	Kind EventKind `json:"kind"`

	// State is set for a step that is [EventFinished].
	State StepState `json:"state,omitempty"`

	// Outcome is set for an organization that is [EventFinished].
	Outcome Outcome `json:"outcome,omitempty"`

	// Text is for people: the removal that was started, or what is waited for.
	Text string `json:"text,omitempty"`

	// Wait is the time until the next attempt of [EventRetrying]; in JSON, "wait_seconds".
	Wait time.Duration `json:"-"`

	// Done and Total count the steps that are deleted, and all steps.
	Done  int `json:"done"`
	Total int `json:"total"`

	// Err is why a step or the organization is not deleted, or why an attempt failed. In
	// JSON it is as in [Report].
	Err error `json:"-"`
}

// EventKind is the kind of an [Event].
type EventKind string

// Values of [EventKind].
const (
	EventStarted  EventKind = "started"
	EventWaiting  EventKind = "waiting"  // for the provider; Text says on what
	EventRetrying EventKind = "retrying" // an attempt failed with Err; the next one starts after Wait
	EventFinished EventKind = "finished" // State or Outcome says how

	// Unmatched: an entry of [WithAllow] or [WithDeny] matches no organization that the plan
	// deletes. Text contains the entry.
	EventUnmatched EventKind = "unmatched"
)
