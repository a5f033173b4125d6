// Package exitcode defines the exit codes of the program. The help of the program and the
// documentation of the command describe their meanings.
package exitcode

import (
	"cmp"
	"slices"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/safefile"
)

// Exit codes. Failed is that of a refusal or failure of the provider, a full disk, or a file
// that another apply uses.
const (
	OK           = 0
	Failed       = 1
	Usage        = 2
	Blocked      = 3
	Unknown      = 4
	NotConfirmed = 5
	Stale        = 6
	Stopped      = 7
	NotFound     = 8
)

// codeError is an error with an exit code of its own.
type codeError struct {
	code int
	error
}

func (c *codeError) Unwrap() error { return c.error }

// With returns an error with an exit code of its own.
func With(code int, err error) error { return &codeError{code, err} }

// Of returns the exit code of an error.
func Of(err error) int {
	if e, ok := errors.AsType[*codeError](err); ok {
		return e.code
	}
	_, provider := errors.AsType[*errors.Error](err)
	switch {
	case err == nil:
		return OK
	case !provider && (safefile.IsDiskFull(err) || errors.Is(err, safefile.ErrInUse)):
		return Failed
	case !provider, errors.Is(err, errors.InvalidArgument):
		return Usage
	case errors.Is(err, errors.OutcomeUnknown):
		return Unknown
	case errors.Is(err, errors.NotConfirmed):
		return NotConfirmed
	case errors.Is(err, errors.PlanStale):
		return Stale
	case errors.Is(err, errors.DeletionStepsNotSatisfied):
		return Blocked
	case errors.Is(err, errors.OrganizationNotFound):
		return NotFound
	case errors.Is(err, errors.Canceled), errors.Is(err, errors.NotFinished):
		return Stopped
	}
	return Failed
}

// Resumable reports whether applying the same plan file again can help.
func Resumable(code int) bool {
	return slices.Contains([]int{Stopped, Blocked, Failed, Unknown}, code)
}

// severity orders exit codes. The exit code of several organizations is the most severe
// one.
var severity = []int{OK, Stopped, Blocked, NotConfirmed, Stale, Usage, NotFound, Failed, Unknown}

// Known reports whether the program has an exit code.
func Known(code int) bool { return slices.Contains(severity, code) }

// Compare compares the severity of exit codes.
func Compare(a, b int) int { return cmp.Compare(slices.Index(severity, a), slices.Index(severity, b)) }

// Worst returns the most severe of several exit codes.
func Worst(codes []int) int {
	return slices.MaxFunc(append([]int{OK}, codes...), Compare)
}
