package offboarding

import (
	"time"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// State is the state of a [Job].
type State string

// Values of [State].
const (
	Queued   State = "queued"   // an attempt runs, or starts at NotBefore
	Finished State = "finished" // the action is Deleted or Accepted
	Dead     State = "dead"     // no attempt starts before a person has acted
)

// Job is the offboarding of one organization. It is stored as JSON and contains no credential.
type Job struct {
	ID        string        `json:"id"`      // of the organization in this service
	Spec      offboard.Spec `json:"spec"`    // of the organization at its provider
	Confirm   string        `json:"confirm"` // the name that the user typed
	State     State         `json:"state"`
	Action    Action        `json:"action,omitempty"` // after the last attempt
	Attempts  int           `json:"attempts"`
	NotBefore time.Time     `json:"not_before"`
	UpdatedAt time.Time     `json:"updated_at"`

	// Plan is stored before it is applied. After a crash, the same plan is applied again,
	// because a new plan of a deleted organization cannot be made.
	Plan *teardown.Plan `json:"plan,omitempty"`

	// Outcome is the outcome of the last attempt; "" if the plan was not applied.
	Outcome teardown.Outcome `json:"outcome,omitempty"`

	// Errors are those of the last attempt, as [errors.All] yields them. Code, steps,
	// RetryAfter, request ID and the provider's message survive the JSON form; the cause
	// becomes a text.
	Errors []*errors.Error `json:"errors,omitempty"`
}

// MaxAttempts is the number of attempts after which a job is dead. With the waits of backoff,
// they take more than half a day.
const MaxAttempts = 20

// NewJob returns a job that starts at once.
func NewJob(id string, spec offboard.Spec, confirm string) *Job {
	return &Job{ID: id, Spec: spec, Confirm: confirm, State: Queued, NotBefore: time.Now(), UpdatedAt: time.Now()}
}

// Requeue lets a dead job start again at once. Its plan stays: the next attempt applies it, so
// that the journal decides about an organization that no longer exists.
func (j *Job) Requeue() {
	j.State, j.Action, j.Attempts, j.NotBefore, j.UpdatedAt = Queued, "", 0, time.Now(), time.Now()
}

// Err returns the errors of the last attempt, joined; nil for none.
func (j *Job) Err() error {
	all := make([]error, len(j.Errors))
	for i, e := range j.Errors {
		all[i] = e
	}
	return errors.Join(all...)
}

// Decision returns the decision after the last attempt. It is the same for a job that was read
// from a file.
func (j *Job) Decision() Decision { return Decide(j.Outcome, j.Err()) }

// finish records an attempt. An attempt that a stop of the service ended is not counted.
func (j *Job) finish(report *teardown.Report, err error, stopped bool) {
	j.Outcome, j.Errors, j.UpdatedAt = "", nil, time.Now()
	if report != nil {
		j.Outcome = report.Outcome
	}
	for e := range errors.All(err) {
		j.Errors = append(j.Errors, e)
	}
	if err != nil && j.Errors == nil { // an error of this service, such as a full disk
		j.Errors = []*errors.Error{{Operation: "offboarding", Target: j.ID, Err: err}}
	}
	d := j.Decision()
	j.Action = d.Action
	switch d.Action {
	case Deleted, Accepted:
		j.State = Finished
	case Retry, PlanAgain:
		if stopped {
			return
		}
		j.Attempts++
		j.NotBefore = time.Now().Add(max(d.After, backoff(j.Attempts)))
		if j.Attempts >= MaxAttempts {
			j.State, j.Action = Dead, AskOperator
		}
	default:
		j.State = Dead
	}
}

// backoff returns the wait after an attempt: one minute, then twice as long each time, at most
// an hour. The retries of the SDK come before that: see docs/service-guide.md.
func backoff(attempts int) time.Duration {
	return min(time.Minute<<min(attempts-1, 10), time.Hour)
}
