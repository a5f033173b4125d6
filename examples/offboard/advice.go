package main

import (
	"fmt"
	"io"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/printable"
)

// advise prints an error and what can be done about it. What is not a provider's
// is one line.
func advise(out io.Writer, err error) {
	fmt.Fprintf(out, "offboard: %v\n", err)
	e, ok := errors.AsType[*errors.Error](err)
	if !ok || e.Code == errors.InvalidArgument {
		return
	}
	if e.Message != "" {
		fmt.Fprintf(out, "  the provider says: %s\n", printable.Text(e.Message))
	}
	for _, step := range e.Steps {
		fmt.Fprintf(out, "  - %s\n", describe(step))
	}
	if text := advice(e); text != "" {
		fmt.Fprintf(out, "  %s\n", text)
	}
	if e.RequestID != "" {
		fmt.Fprintf(out, "  for the provider's support: request %s\n", printable.Text(e.RequestID))
	}
}

// advice says what can be done about an error.
func advice(e *errors.Error) string {
	switch {
	case e.Code == errors.OutcomeUnknown:
		return "It may be deleted or not. Look at the provider before you try again."
	case e.Code == errors.NotConfirmed:
		return "Nothing was changed. Check that it is the organization that you mean."
	case e.Code == errors.Canceled:
		return "It was stopped before anything more was sent. To go on, run the same command."
	case e.Code == errors.PlanStale:
		return "Nothing was changed. Plan again, and review what differs."
	case e.Code == errors.ActiveSubscriptions:
		return "Cancel the subscriptions in the provider's console: no API does."
	case e.Code == errors.PaymentRequired:
		return "Settle this in the provider's billing: no API does."
	case e.Code == errors.DefaultOrganization:
		return "Make another organization the default one first."
	case e.Code == errors.SystemOrganization:
		return "It belongs to the instance itself and cannot be deleted."
	case errors.Is(e, errors.DeletionStepsNotSatisfied):
		return "Remove what stands in the way, then try again."
	case e.Code == errors.OrganizationNotFound:
		return "There is no such organization, or the credential cannot see it."
	case errors.Is(e, errors.RateLimitReached) && e.RetryAfter > 0:
		return fmt.Sprintf("Try again in %v.", e.RetryAfter)
	case e.Code == errors.UnauthorizedNetworkForAPIToken:
		return "Allow this machine's address for the credential, or use it from another one."
	case errors.Is(e, errors.Unauthenticated):
		return "Check the credential: it is missing, wrong, revoked or expired."
	case errors.Is(e, errors.PermissionDenied):
		return "Use a credential that may do this."
	case errors.Is(e, errors.UnexpectedResponse):
		return "Check the base URL: what answered does not look like the provider."
	case errors.Retryable(e):
		return "Try again later."
	}
	return ""
}

// describe is a step in one line.
func describe(step errors.Step) string {
	if step.Description == "" {
		return printable.Text(step.Name)
	}
	return printable.Text(step.Name) + ": " + printable.Text(step.Description)
}

// reason is an error in a few words.
func reason(e *errors.Error) string {
	switch {
	case e.Code == errors.OutcomeUnknown:
		return "the answer is lost, so it is read what became of it"
	case e.Status != 0:
		return fmt.Sprintf("%v (%d)", e.Code, e.Status)
	}
	return string(e.Code)
}
