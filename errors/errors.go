// Package errors is a superset of the standard library's errors package: it
// re-exports all of it and adds the typed errors that every provider of this
// module returns.
//
// A [Code] is a constant that is also an error, so that it can be compared,
// switched on, stored and matched:
//
//	errors.Is(err, errors.RateLimitReached)
//
// An [*Error] is what a provider's answer becomes. It carries the code beside
// everything else that is known about the answer:
//
//	if e, ok := errors.AsType[*errors.Error](err); ok {
//		log.Print(e.Code, e.Status, e.Steps)
//	}
//
// The package imports the standard library only, and the values of its codes
// are stable: other projects may vendor it and store what it defines.
package errors

import (
	"context"
	stderrors "errors"
)

// ErrUnsupported is the standard library's [stderrors.ErrUnsupported], the same value.
var ErrUnsupported = stderrors.ErrUnsupported

// New is the standard library's [stderrors.New].
func New(text string) error { return stderrors.New(text) }

// Is is the standard library's [stderrors.Is]. A target that is a [Code]
// matches an error of that code and every error of whose code it is the
// category.
func Is(err, target error) bool { return stderrors.Is(err, target) }

// As is the standard library's [stderrors.As]. Prefer [AsType].
func As(err error, target any) bool { return stderrors.As(err, target) }

// AsType is the standard library's [stderrors.AsType].
func AsType[E error](err error) (E, bool) { return stderrors.AsType[E](err) }

// Join is the standard library's [stderrors.Join].
func Join(errs ...error) error { return stderrors.Join(errs...) }

// Unwrap is the standard library's [stderrors.Unwrap].
func Unwrap(err error) error { return stderrors.Unwrap(err) }

// Retryable reports whether the very same call may succeed later although
// nothing but time has passed: the provider was busy, limited or failing, or
// the caller's context ended before anything was sent. Queues and workflow
// engines can decide by it whether to put a job back.
//
// It is false for [OutcomeUnknown], which asks for a look at the provider
// before anything is repeated, for [QuotaExhausted], [InstanceBlocked] and
// [TaskFailed], and for all that somebody has to change first. Of several joined errors each one
// has to be retryable.
func Retryable(err error) bool {
	if isNil(err) {
		return false
	}
	switch e := err.(type) {
	case nil:
		return false
	case Code:
		return e.retryable()
	case *Error:
		return e != nil && e.Code.retryable()
	case interface{ Unwrap() error }:
		return Retryable(e.Unwrap())
	case interface{ Unwrap() []error }:
		errs := e.Unwrap()
		for _, err := range errs {
			if !Retryable(err) {
				return false
			}
		}
		return len(errs) > 0
	}
	return err == context.Canceled || err == context.DeadlineExceeded
}
