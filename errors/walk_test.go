// SPDX-License-Identifier: Apache-2.0

package errors_test

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"testing"

	"github.com/offboard-dev/offboard-go/errors"
)

// standIn is an error of another package that is also an *errors.Error.
type standIn struct{ e *errors.Error }

func (s standIn) Error() string { return "stand-in" }

func (s standIn) As(target any) bool {
	if e, ok := target.(**errors.Error); ok {
		*e = s.e
		return true
	}
	return false
}

// codeIn is an error of another package that is also a code.
type codeIn struct{ errors.Code }

func (c codeIn) Error() string { return "code-in" }

func (c codeIn) As(target any) bool {
	if code, ok := target.(*errors.Code); ok {
		*code = c.Code
		return true
	}
	return false
}

func TestAll(t *testing.T) {
	t.Parallel()
	a, b := &errors.Error{Code: errors.Conflict}, &errors.Error{Code: errors.NotFound}
	cause := &errors.Error{Code: errors.OutcomeUnknown, Err: errors.Join(a, b)}
	for name, test := range map[string]struct {
		err  error
		want []*errors.Error
	}{
		"nil":              {nil, nil},
		"nil pointer":      {(*errors.Error)(nil), nil},
		"other pointer":    {(*fs.PathError)(nil), nil},
		"other":            {fs.ErrNotExist, nil},
		"a code":           {errors.Conflict, nil},
		"one":              {a, []*errors.Error{a}},
		"wrapped":          {fmt.Errorf("x: %w", a), []*errors.Error{a}},
		"joined":           {errors.Join(a, fs.ErrNotExist, b), []*errors.Error{a, b}},
		"wrapped and more": {fmt.Errorf("x: %w and %w", errors.Join(b, a), errors.Join(fmt.Errorf("y: %w", b))), []*errors.Error{b, a, b}},
		"nil in joined":    {errors.Join((*errors.Error)(nil), a), []*errors.Error{a}},
		"causes":           {errors.Join(cause, b), []*errors.Error{cause, b}},
		"stand-in":         {errors.Join(standIn{a}, standIn{nil}), []*errors.Error{a}},
	} {
		if got := slices.Collect(errors.All(test.err)); !slices.Equal(got, test.want) {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
		if len(test.want) > 0 {
			for e := range errors.All(test.err) {
				if e != test.want[0] {
					t.Errorf("%s: got %v first", name, e)
				}
				break
			}
		}
	}
	if got := slices.Collect(errors.All(cause.Err)); !slices.Equal(got, []*errors.Error{a, b}) {
		t.Errorf("the causes are %v", got)
	}
}

func TestCodeOf(t *testing.T) {
	t.Parallel()
	conflict := &errors.Error{Code: errors.Conflict}
	for name, test := range map[string]struct {
		err  error
		want errors.Code
	}{
		"nil":                {nil, ""},
		"nil pointer":        {(*errors.Error)(nil), ""},
		"other":              {context.Canceled, ""},
		"a code":             {errors.OrganizationNotEmpty, errors.OrganizationNotEmpty},
		"a wrapped code":     {fmt.Errorf("x: %w", errors.NotFound), errors.NotFound},
		"an error":           {conflict, errors.Conflict},
		"no code":            {&errors.Error{}, ""},
		"the first of two":   {errors.Join(context.Canceled, conflict, errors.NotFound), errors.Conflict},
		"the first with one": {errors.Join(&errors.Error{}, errors.NotFound), errors.NotFound},
		"not the cause's":    {&errors.Error{Code: errors.OutcomeUnknown, Err: conflict}, errors.OutcomeUnknown},
		"the cause alone":    {&errors.Error{Err: conflict}, ""},
		"stand-in":           {standIn{conflict}, errors.Conflict},
		"a code in another":  {codeIn{errors.NotFound}, errors.NotFound},
	} {
		if got := errors.CodeOf(test.err); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

// An *Error that another error wraps or joins matches. An *Error in the cause of another
// *Error does not, also if the cause stands for it in another type.
func TestIs_WrappedAndCause(t *testing.T) {
	t.Parallel()
	inner := &errors.Error{Code: errors.PermissionDenied, Err: &fs.PathError{Op: "open", Err: context.Canceled}}
	for name, err := range map[string]error{
		"itself":  inner,
		"wrapped": fmt.Errorf("x: %w", inner),
		"joined":  errors.Join(fs.ErrNotExist, inner),
	} {
		path, _ := errors.AsType[*fs.PathError](err)
		e, _ := errors.AsType[*errors.Error](err)
		if !errors.Is(err, errors.PermissionDenied) || !errors.Is(err, inner) || e != inner || path == nil || !errors.Is(err, context.Canceled) {
			t.Errorf("%s: the error, its code or its cause does not match", name)
		}
	}
	for name, cause := range map[string]error{
		"itself":   inner,
		"wrapped":  fmt.Errorf("x: %w", inner),
		"joined":   errors.Join(fs.ErrNotExist, inner),
		"stand-in": errors.Join(standIn{inner}, &fs.PathError{Op: "open", Err: context.Canceled}),
		"code-in":  errors.Join(codeIn{errors.PermissionDenied}, &fs.PathError{Op: "open", Err: context.Canceled}),
	} {
		err := fmt.Errorf("x: %w", &errors.Error{Code: errors.OutcomeUnknown, Err: cause})
		path, _ := errors.AsType[*fs.PathError](err)
		e, _ := errors.AsType[*errors.Error](err)
		if errors.Is(err, errors.PermissionDenied) || errors.Is(err, inner) || e == inner {
			t.Errorf("%s: the cause matches", name)
		}
		if c, ok := errors.AsType[errors.Code](err); ok {
			t.Errorf("%s: the cause has the code %q", name, c)
		}
		if path == nil || !errors.Is(err, context.Canceled) {
			t.Errorf("%s: the error of another package does not match", name)
		}
	}
}

func TestCodes_Copies(t *testing.T) {
	t.Parallel()
	errors.Codes()[0], errors.Categories()[0], errors.CodesJSON()[0] = "x", "x", 'x'
	if errors.Codes()[0] == "x" || errors.Categories()[0] == "x" || errors.CodesJSON()[0] == 'x' {
		t.Error("a caller can change the list of codes")
	}
}
