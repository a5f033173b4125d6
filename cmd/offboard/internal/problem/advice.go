package problem

import (
	"fmt"
	"io"
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/internal/providers"
	"github.com/offboard-dev/offboard-go/internal/safefile"
)

// Print prints an error, the provider's message, the blockers and the advice. An error
// that is not a provider's is printed in one line.
func Print(out io.Writer, err error) { show(out, err, true) }

// PrintWithoutBlockers prints what [Print] prints, without the blockers, which the result of the command
// lists.
func PrintWithoutBlockers(out io.Writer, err error) { show(out, err, false) }

func show(out io.Writer, err error, blockers bool) {
	fmt.Fprintf(out, "offboard: %s\n", printable.Lines(strings.TrimPrefix(err.Error(), "offboard: ")))
	e, ok := errors.AsType[*errors.Error](err)
	if !ok || e.Code == errors.InvalidArgument {
		if safefile.IsDiskFull(err) {
			fmt.Fprintf(out, "  %s\n", adviceFull(err))
		}
		return
	}
	if e.Message != "" {
		fmt.Fprintf(out, "  provider message: %s\n", printable.Text(e.Message))
	}
	if blockers {
		PrintBlockers(out, e.Steps)
	}
	if text := advice(err, e); text != "" {
		fmt.Fprintf(out, "  %s\n", text)
	}
	if e.RequestID != "" {
		fmt.Fprintf(out, "  request ID for the provider's support: %s\n", printable.Text(e.RequestID))
	}
}

// PrintBlockers prints the steps of an error, one in each line.
func PrintBlockers(out io.Writer, steps []errors.Step) {
	for _, step := range steps {
		fmt.Fprintf(out, "  - %s\n", Describe(step))
	}
}

// PrintIncomplete prints that the output of a command could not be written. result states what the
// command did; "" for a command that changes nothing, which can be run again. A deletion must not be
// repeated for its output.
func PrintIncomplete(out io.Writer, fault error, result string) {
	err := fmt.Errorf("the output is incomplete: %w", fault)
	if result == "" {
		Print(out, err)
		return
	}
	fmt.Fprintf(out, "offboard: %s\n", printable.Lines(err.Error()))
	if safefile.IsDiskFull(fault) {
		text, _, _ := strings.Cut(adviceFull(fault), ". ")
		fmt.Fprintf(out, "  %s.\n", text)
	}
	fmt.Fprintf(out, "  The result does not change: %s\n", result)
}

// AdviceStopped is the advice after a stop.
const AdviceStopped = "Stopped: no further request was sent. To resume, run the same command."

// adviceDiskFull is the advice after a write that failed because the disk is full.
const adviceDiskFull = "The disk is full. Free space, then run the same command."

// adviceTooLarge is the advice after a write that failed because the file cannot grow.
const adviceTooLarge = "The limit of file sizes is reached. Raise the limit (ulimit -f) or free space, then run the same command."

// adviceFull returns the advice after a write that failed because the disk or the file is full.
func adviceFull(err error) string {
	if safefile.IsTooLarge(err) {
		return adviceTooLarge
	}
	return adviceDiskFull
}

// AdviceUnwritten returns the advice after a run that ended because its journal could not be written.
func AdviceUnwritten(err error) string {
	if safefile.IsDiskFull(err) {
		return adviceFull(err)
	}
	return "The journal could not be written. Remove the cause, then run the same command."
}

// advised is an error with an advice of its own.
type advised struct {
	error
	advice string
}

func (a *advised) Unwrap() error { return a.error }

// Advise returns an error whose advice is not that of its code.
func Advise(err error, advice string) error { return &advised{err, advice} }

// advice returns what a person can do about err, which wraps e; "" if nothing is known.
func advice(err error, e *errors.Error) string {
	own, hasOwn := errors.AsType[*advised](err)
	switch {
	case safefile.IsDiskFull(e) && e.Code != errors.OutcomeUnknown:
		return adviceFull(e)
	case hasOwn:
		return own.advice
	case e.Code == errors.OutcomeUnknown:
		return "The organization is possibly deleted. Check at the provider before you retry."
	case e.Code == errors.NotConfirmed && len(e.Steps) > 0 && strings.HasPrefix(e.Steps[0].Description, "requires the override"):
		return "Nothing was changed. Permit the override in the manifest, and plan again."
	case e.Code == errors.NotConfirmed:
		return "Nothing was changed. Check the organization and its name."
	case e.Provider == providers.F5 && e.Code == errors.AlreadyRequestedDeletion:
		return "F5 accepted an earlier request to delete the tenant, and removes the tenant after an approval; no API reports when or revokes the request. " +
			"Nothing must be done to delete the tenant. To keep it, contact F5's support."
	case e.Code == errors.Canceled:
		return AdviceStopped
	case e.Code == errors.PlanStale:
		return "Nothing was changed. Plan again, and review the differences."
	case e.Code == errors.ActiveSubscriptions:
		return "Cancel the subscriptions in the provider's console; no API can."
	case e.Code == errors.PaymentRequired:
		return "Settle this in the provider's billing console; no API can."
	case e.Code == errors.DefaultOrganization:
		return "Make another organization the default one first."
	case e.Code == errors.SystemOrganization:
		return "The organization belongs to the instance and cannot be deleted."
	case errors.Is(e, errors.DeletionStepsNotSatisfied):
		return "Remove the blockers, then retry."
	case e.Code == errors.OrganizationNotFound:
		return "The organization does not exist, or the credential cannot see it."
	case errors.Is(e, errors.RateLimitReached) && e.RetryAfter > 0:
		return fmt.Sprintf("Retry in %v.", e.RetryAfter)
	case e.Code == errors.UnauthorizedNetworkForAPIToken:
		return "Allow the address of this machine for the credential, or use the credential on another machine."
	case errors.Is(e, errors.Unauthenticated):
		return "Check the credential: it is missing, wrong, revoked or expired."
	case errors.Is(e, errors.PermissionDenied):
		return "Use a credential that has the permission."
	case errors.Is(e, errors.UnexpectedResponse):
		return "Check the base URL: the answer does not look like one of the provider."
	case errors.Retryable(e):
		return "Retry later."
	}
	return ""
}

// stepAdvice returns what a person can do about the error of a step; "" if nothing is known.
func stepAdvice(e *errors.Error) string {
	switch e.Code {
	case errors.OutcomeUnknown:
		return "A resource is possibly deleted. The organization is not. Run the same command: it reads the resource before it removes it."
	case errors.NotConfirmed:
		return "A resource is not the planned one, and was not removed. Check it at the provider."
	case errors.PlanStale:
		return "A resource is not the planned one, and was not removed. Plan again, and review the differences."
	}
	return advice(e, e)
}

// Describe returns a step in one line.
func Describe(step errors.Step) string {
	if step.Description == "" {
		return printable.Text(step.Name)
	}
	return printable.Text(step.Name) + ": " + printable.Text(step.Description)
}

// Reason returns an error in a few words.
func Reason(e *errors.Error) string {
	switch {
	case e.Code == errors.OutcomeUnknown:
		return "response lost; reading the outcome"
	case e.Status != 0:
		return fmt.Sprintf("%v (%d)", e.Code, e.Status)
	}
	return string(e.Code)
}

// Short returns an error in a few words.
func Short(err error) string {
	e, ok := errors.AsType[*errors.Error](err)
	switch {
	case err == nil:
		return ""
	case !ok:
		return printable.Text(err.Error())
	case e.Status == 0 && e.Err != nil:
		return printable.Text(fmt.Sprintf("%v: %v", e.Code, e.Err))
	}
	return printable.Text(Reason(e))
}
