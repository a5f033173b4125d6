package teardown

import (
	"slices"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
)

// Report is the result of applying a plan: the outcome of the organization and the state of
// each step. It can be stored as JSON and read again; [Report.Err] states what JSON keeps of an
// error. [Schema] returns the JSON Schema.
type Report struct {
	// Provider is the package of the provider, such as "katapult".
	Provider string `json:"provider"`

	// Instance is the provider's base URL, as in [Plan.Instance].
	Instance string `json:"instance,omitempty"`

	// Organization is the organization of the plan.
	Organization Organization `json:"organization"`

	// Outcome is the result for the organization.
	Outcome Outcome `json:"outcome"`

	// PendingOn states, for people, what a [Pending] deletion depends on.
	PendingOn string `json:"pending_on,omitempty"`

	// StartedAt is the time at which applying started.
	StartedAt time.Time `json:"started_at"`

	// FinishedAt is the time at which applying ended.
	FinishedAt time.Time `json:"finished_at"`

	// Steps contains all steps of the plan, in its order.
	Steps []StepReport `json:"steps"`

	// Err is the reason why the organization is not deleted. For [Deleted] and [Pending] it is
	// nil, or states that the last entry of the journal could not be written. It joins an [*errors.Error] for each step that failed; [errors.All] yields them. In
	// JSON, "error" is its text, also if the text is empty, and "errors" contains the errors
	// that [errors.All] yields. A bare [errors.Code] in Err is read again as an
	// [*errors.Error] that has only a code. Errors of other packages keep only their text.
	Err error `json:"-"`

	// UnmatchedAllow lists the entries of [WithAllow] that match no organization of the plan.
	// An entry may be misspelled, or belong to another plan.
	UnmatchedAllow []string `json:"unmatched_allow,omitempty"`

	// UnmatchedDeny lists the entries of [WithDeny] that match no organization of the plan. An
	// entry may be misspelled, or belong to another plan.
	UnmatchedDeny []string `json:"unmatched_deny,omitempty"`
}

// StepReport is the state of a step after its plan was applied.
type StepReport struct {
	Step

	// State is the state of the step.
	State StepState `json:"state"`

	// Attempts is the number of attempts, at least 1 if the step was started.
	Attempts int `json:"attempts,omitempty"`

	// RequestID is the provider's ID of the last request about the step; "" if unknown.
	RequestID string `json:"request_id,omitempty"`

	// StartedAt is the time at which the step started; zero if it did not start.
	StartedAt time.Time `json:"started_at,omitzero"`

	// FinishedAt is the time at which the step ended; zero if it did not start.
	FinishedAt time.Time `json:"finished_at,omitzero"`

	// Err is the reason why the step is not deleted; nil if no attempt failed.
	// Its JSON form is that of [Report.Err].
	Err error `json:"-"`

	found bool // by the read before the plan is applied
}

// StepState is the state of a step.
type StepState string

// Values of [StepState].
const (
	// StepNotStarted: the step did not start.
	StepNotStarted StepState = "not_started"

	// StepRunning: the step started and has not ended. No finished report contains it.
	StepRunning StepState = "running"

	// StepInterrupted: the step started, and the context or [WithStop] ended it without a
	// result.
	StepInterrupted StepState = "interrupted"

	// StepDeleted: a read after the removal shows that the resource does not exist.
	StepDeleted StepState = "deleted"

	// StepAlreadyDeleted: the resource did not exist before the first step.
	StepAlreadyDeleted StepState = "already_deleted"

	// StepFailed: the last attempt failed; the error of the step is the reason.
	StepFailed StepState = "failed"

	// StepManual: no API can remove the resource, and it exists.
	StepManual StepState = "manual"
)

// deleted reports whether the resource of a step does not exist.
func (s StepState) deleted() bool { return s == StepDeleted || s == StepAlreadyDeleted }

// Remaining returns the steps whose resources exist or may exist.
func (r *Report) Remaining() []StepReport {
	if r == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(r.Steps), func(s StepReport) bool { return s.State.deleted() })
}

// describe returns the state for people.
func (s StepState) describe() string {
	if s == StepManual {
		return "manual step required"
	}
	return strings.ReplaceAll(string(s), "_", " ")
}

// remaining returns the steps that are not deleted in the form of [errors.Error.Steps].
func remaining(states []StepReport) []errors.Step {
	var steps []errors.Step
	for _, s := range states {
		if !s.State.deleted() {
			steps = append(steps, errors.Step{Name: s.ID, Description: strings.TrimPrefix(s.Removal+": "+s.State.describe(), ": ")})
		}
	}
	return steps
}

// Event is a change while a plan is applied. It can be stored as JSON and read again;
// [Report.Err] states what JSON keeps of an error. [Schema] returns the JSON Schema.
type Event struct {
	// Time is the time of the event.
	Time time.Time `json:"time"`

	// Provider is the package of the provider, such as "katapult".
	Provider string `json:"provider"`

	// Organization is the organization of the plan.
	Organization Organization `json:"organization"`

	// Step is the ID of a step; "" for the organization itself.
	Step string `json:"step,omitempty"`

	// Kind is the kind of the event.
	Kind EventKind `json:"kind"`

	// State is set for a step that is [EventFinished].
	State StepState `json:"state,omitempty"`

	// Outcome is set for an organization that is [EventFinished].
	Outcome Outcome `json:"outcome,omitempty"`

	// Text is for people: the removal that started, the condition that the step waits for,
	// the error of a failed attempt, or the entry that matches nothing.
	Text string `json:"text,omitempty"`

	// Wait is the time until the next attempt of [EventRetrying]; in JSON, "wait_seconds" is
	// the exact number of seconds, with up to 9 decimals.
	Wait time.Duration `json:"-"`

	// Done is the number of steps that are deleted.
	Done int `json:"done"`

	// Total is the number of all steps.
	Total int `json:"total"`

	// Err is the reason why a step or the organization is not deleted, or the error of a
	// failed attempt. Its JSON form is that of [Report.Err].
	Err error `json:"-"`
}

// EventKind is the kind of an [Event].
type EventKind string

// Values of [EventKind].
const (
	// EventStarted: the step, or applying the plan, started.
	EventStarted EventKind = "started"

	// EventWaiting: the step waits for the provider. Text states the condition.
	EventWaiting EventKind = "waiting"

	// EventRetrying: an attempt failed with Err. The next one starts after Wait.
	EventRetrying EventKind = "retrying"

	// EventFinished: the step is in State, or the outcome of the organization is Outcome.
	EventFinished EventKind = "finished"

	// EventUnmatched: an entry of [WithAllow] or [WithDeny] matches no organization of the
	// plan. Text contains the entry.
	EventUnmatched EventKind = "unmatched"
)
