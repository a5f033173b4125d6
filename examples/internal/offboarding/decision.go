// Package offboarding contains the parts that the examples http-handler and queue share: the
// decision after an attempt, the stored job, and the attempt itself.
package offboarding

import (
	"slices"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Action is what a service does after an attempt. docs/service-guide.md has the same table.
type Action string

// Values of [Action], in the order of their precedence if errors are joined.
const (
	Deleted     Action = "deleted"      // the organization is deleted
	Accepted    Action = "accepted"     // the provider deletes the organization later
	Investigate Action = "investigate"  // an operator checks at the provider before another attempt
	AskOperator Action = "ask_operator" // an operator changes a credential, a setting or the program
	AskUser     Action = "ask_user"     // the user removes a blocker, pays, or types the name again
	PlanAgain   Action = "plan_again"   // another plan is made
	Retry       Action = "retry"        // the same job runs again later
)

// precedence is the order in which one of several errors decides: an error that a person must
// resolve comes before one that time resolves.
var precedence = []Action{Investigate, AskOperator, AskUser, PlanAgain, Retry}

// Decision is the result of an attempt for the service.
type Decision struct {
	Action Action

	// After is the time to wait before the next attempt, as the provider states it; 0 if the
	// provider states none.
	After time.Duration

	// Steps lists the blockers that all errors name, for the user.
	Steps []errors.Step
}

// Decide returns the decision after an attempt. The outcome is "" if the plan was not applied.
func Decide(outcome teardown.Outcome, err error) Decision {
	switch outcome {
	case teardown.Deleted:
		return Decision{Action: Deleted}
	case teardown.Pending:
		return Decision{Action: Accepted}
	}
	d := Decision{Action: Retry}
	found := false
	for e := range errors.All(err) {
		found = true
		if a := ActionOf(e.Code); slices.Index(precedence, a) < slices.Index(precedence, d.Action) {
			d.Action = a
		}
		d.After = max(d.After, e.RetryAfter)
		if errors.Is(e, errors.DeletionStepsNotSatisfied) {
			d.Steps = append(d.Steps, e.Steps...)
		}
	}
	switch {
	case outcome == teardown.Unknown:
		d.Action = Investigate
	case outcome == teardown.NotFound, !found:
		// Nothing shows a deletion by this service, or the error is one of the service itself.
		d.Action = AskOperator
	}
	if d.Action != Retry {
		d.After = 0
	}
	return d
}

// ActionOf returns the action after an error with a code.
func ActionOf(code errors.Code) Action {
	switch code {
	case errors.DefaultOrganization, errors.SystemOrganization:
		return AskOperator
	}
	switch code.Category() {
	case errors.OutcomeUnknown:
		return Investigate
	case errors.DeletionStepsNotSatisfied, errors.NotConfirmed:
		return AskUser
	case errors.PlanStale:
		return PlanAgain
	}
	if code.Retryable() {
		return Retry
	}
	return AskOperator
}

// Text returns the text for the user. It contains no text of the provider: the steps are shown
// separately.
func (a Action) Text() string {
	switch a {
	case Deleted:
		return "The organization was deleted."
	case Accepted:
		return "The provider accepted the deletion and completes it later."
	case Investigate:
		return "The deletion was requested, and its outcome is not known yet. We are checking it."
	case AskUser:
		return "The organization was not deleted. Remove the listed blockers, check the name, and request the deletion again."
	case Retry, PlanAgain:
		return "The deletion is in progress."
	}
	return "The deletion was not completed. Our support has the details."
}
