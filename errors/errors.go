// SPDX-License-Identifier: Apache-2.0

// Package errors is a superset of the standard library's errors package. It adds the typed
// errors that every provider of this module returns.
//
// A [Code] is a constant and an error: compare it, switch on it, store it and match it.
// [Is] matches the code of an error and the category of the code:
//
//	errors.Is(err, errors.RateLimitReached)
//
// [CodeOf] returns the code of an error:
//
//	switch errors.CodeOf(err) {
//	case errors.OrganizationNotEmpty:
//		// delete its projects first
//	case errors.OutcomeUnknown:
//		// look at the provider before you try again
//	}
//
// An [*Error] contains the code and the data of the provider's answer:
//
//	if e, ok := errors.AsType[*errors.Error](err); ok {
//		log.Print(e.Code, e.Status, e.Steps)
//	}
//
// A call of several operations, such as a teardown, may return joined errors. [All] yields each
// of them.
//
// # Vendoring
//
// The package imports the standard library only, and its folder has its own LICENSE: other
// projects may vendor the package alone. The values of the codes, their categories, and the
// JSON form of an error are stable. Later versions may add codes. [CodesJSON] and README.md
// in this folder are for programs in other languages.
//
// # go vet
//
// The errorsas check of go vet reports a wrong second argument of As, but only for the As
// of the standard library. Prefer [AsType], which the compiler checks. If you keep As, call
// the standard library's: it finds the errors of this package, too.
package errors

import (
	"context"
	stderrors "errors"
	"iter"
	"reflect"
)

// ErrUnsupported is [stderrors.ErrUnsupported] of the standard library, the same value.
var ErrUnsupported = stderrors.ErrUnsupported

// New is [stderrors.New] of the standard library.
func New(text string) error { return stderrors.New(text) }

// Is is [stderrors.Is] of the standard library. A target that is a [Code] matches an error
// with that code, and an error whose code is in that category.
func Is(err, target error) bool { return stderrors.Is(err, target) }

// As is [stderrors.As] of the standard library. Prefer [AsType]: go vet does not check the
// arguments of this function.
func As(err error, target any) bool { return stderrors.As(err, target) }

// AsType is [stderrors.AsType] of the standard library.
func AsType[E error](err error) (E, bool) { return stderrors.AsType[E](err) }

// Join is [stderrors.Join] of the standard library.
func Join(errs ...error) error { return stderrors.Join(errs...) }

// Unwrap is [stderrors.Unwrap] of the standard library.
func Unwrap(err error) error { return stderrors.Unwrap(err) }

// All yields every *Error that err is, wraps or joins, in the order of a depth-first walk.
// It yields nothing if err has none.
//
// All does not yield the *Error in the cause of another *Error: a cause explains an error
// and is not a failure of its own. To get these, call All with [Error.Err].
func All(err error) iter.Seq[*Error] {
	return func(yield func(*Error) bool) {
		walk(err, func(_ Code, e *Error) bool { return e == nil || yield(e) })
	}
}

// CodeOf returns the code of the first *Error or [Code] that err is, wraps or joins; "" if
// err is nil or has none. For the codes of all joined errors use [All].
func CodeOf(err error) Code {
	var found Code
	walk(err, func(c Code, _ *Error) bool {
		found = c
		return c == ""
	})
	return found
}

// walk visits the codes and errors of this package that err is, wraps or joins, until visit
// returns false. The second argument of visit is nil for a Code without an Error. walk
// reports whether all visits returned true.
func walk(err error, visit func(Code, *Error) bool) bool {
	if isNil(err) {
		return true
	}
	switch e := err.(type) {
	case Code:
		return visit(e, nil)
	case *Error:
		return visit(e.Code, e)
	}
	if as, ok := err.(interface{ As(any) bool }); ok {
		var e *Error
		if as.As(&e) && e != nil {
			return visit(e.Code, e)
		}
		var c Code
		if as.As(&c) {
			return visit(c, nil)
		}
	}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		return walk(e.Unwrap(), visit)
	case interface{ Unwrap() []error }:
		for _, err := range e.Unwrap() {
			if !walk(err, visit) {
				return false
			}
		}
	}
	return true
}

// isNil reports whether err is nil or a nil pointer, whose methods may panic.
func isNil(err error) bool {
	if err == nil {
		return true
	}
	v := reflect.ValueOf(err)
	return v.Kind() == reflect.Pointer && v.IsNil()
}

// Retryable reports whether the same call may succeed later although only time has passed:
// the provider was busy, limited the rate or failed, or the caller's context ended. Queues
// and workflow engines can use it to decide whether to run a job again. [Code.Retryable]
// decides for an error of this package.
//
// Retryable is false for nil and for an error of another package, except
// [context.Canceled] and [context.DeadlineExceeded]. Joined errors are retryable if all of
// them are.
func Retryable(err error) bool {
	if isNil(err) {
		return false
	}
	switch e := err.(type) {
	case Code:
		return e.Retryable()
	case *Error:
		return e.Code.Retryable()
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
