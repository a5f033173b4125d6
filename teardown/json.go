package teardown

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/nilness"
)

// failure is the form of an error in JSON.
type failure struct {
	// Error is the text of the error, which may be empty; nil without an error.
	Error *string `json:"error,omitempty"`

	// Errors are all errors of package errors in the error, in the order of errors.All. A
	// bare [errors.Code] in the error is in the form of an error that has only a code.
	Errors []*errors.Error `json:"errors,omitempty"`
}

func failureOf(err error) failure {
	if err == nil {
		return failure{}
	}
	text := text(err)
	return failure{Error: &text, Errors: coded(err)}
}

// coded returns the errors and the codes of package errors that err is, wraps or joins, in the
// order of a depth-first walk.
func coded(err error) []*errors.Error {
	if nilness.IsNil(err) {
		return nil
	}
	_, code := err.(errors.Code)
	_, typed := err.(*errors.Error)
	if _, as := err.(interface{ As(any) bool }); !code && !typed && !as {
		switch e := err.(type) {
		case interface{ Unwrap() error }:
			return coded(e.Unwrap())
		case interface{ Unwrap() []error }:
			var all []*errors.Error
			for _, err := range e.Unwrap() {
				all = append(all, coded(err)...)
			}
			return all
		}
		return nil
	}
	all := slices.Collect(errors.All(err))
	if c := errors.CodeOf(err); len(all) == 0 && c != "" {
		all = []*errors.Error{{Code: c}}
	}
	return all
}

// err returns an error with the same text that contains the same errors.
func (f failure) err() error {
	errs := slices.DeleteFunc(f.Errors, func(e *errors.Error) bool { return e == nil })
	switch {
	case f.Error == nil && len(errs) == 0:
		return nil
	case len(errs) == 1 && (f.Error == nil || errs[0].Error() == *f.Error):
		return errs[0]
	}
	stored := new(storedError)
	for _, e := range errs {
		stored.errs = append(stored.errs, e)
	}
	if f.Error == nil {
		return errors.Join(stored.errs...)
	}
	stored.text = *f.Error
	return stored
}

// storedError is an error that was read from JSON.
type storedError struct {
	text string
	errs []error
}

func (e *storedError) Error() string   { return e.text }
func (e *storedError) Unwrap() []error { return e.errs }

type plainPlan Plan

// MarshalJSON writes the plan. The error is that of a plan with text that is not valid UTF-8:
// JSON cannot keep the text, and other plans would have the same form.
func (p Plan) MarshalJSON() ([]byte, error) {
	if text := p.invalidText(); text != "" {
		return nil, fmt.Errorf("teardown: the plan contains text that is not valid UTF-8: %q", text)
	}
	return json.Marshal(plainPlan(p))
}

// invalidText returns the first text of the plan that is not valid UTF-8; "" if all are.
func (p *Plan) invalidText() string {
	for text := range p.texts() {
		if !utf8.ValidString(text) {
			return text
		}
	}
	return ""
}

// texts yields all texts of the plan that JSON contains, except [Step.Ref], whose bytes JSON
// keeps.
func (p *Plan) texts() iter.Seq[string] {
	return func(yield func(string) bool) {
		if !eachText(reflect.ValueOf(p).Elem(), yield) || p.DeletionError == nil {
			return
		}
		eachText(reflect.ValueOf(text(p.DeletionError.Err)), yield)
	}
}

// eachText calls yield for all texts in the exported fields of a value of a plan, until yield
// returns false, and reports whether all calls returned true.
func eachText(v reflect.Value, yield func(string) bool) bool {
	switch v.Kind() {
	case reflect.String:
		return yield(v.String())
	case reflect.Pointer:
		return v.IsNil() || eachText(v.Elem(), yield)
	case reflect.Slice:
		if v.Type() == reflect.TypeFor[json.RawMessage]() {
			return true
		}
		for i := range v.Len() {
			if !eachText(v.Index(i), yield) {
				return false
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() && !eachText(v.Field(i), yield) {
				return false
			}
		}
	}
	return true
}

// UnmarshalJSON reads the JSON form of a plan. An unknown member is an error, also of a step,
// of a cascade and of the deletion error: a member of a later version may change the meaning
// of the plan. All fields of p are replaced. JSON null changes nothing.
func (p *Plan) UnmarshalJSON(data []byte) error {
	if p == nil {
		return &json.InvalidUnmarshalError{Type: reflect.TypeOf(p)}
	}
	if string(bytes.TrimSpace(data)) == "null" {
		return nil
	}
	var in struct {
		plainPlan
		DeletionError *strictError `json:"deletion_error"`
	}
	if err := strictly(data, &in); err != nil {
		// The offset of an error of package json is in the plan, not in the file that contains it.
		return errors.New(err.Error())
	}
	*p = Plan(in.plainPlan)
	p.DeletionError = (*errors.Error)(in.DeletionError)
	return nil
}

// strictly reads a value whose members are all known.
func strictly(data []byte, v any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	return decoder.Decode(v)
}

// strictError is an [errors.Error] that is read without unknown members. The method
// UnmarshalJSON of an [errors.Error] ignores them.
type strictError errors.Error

// UnmarshalJSON reads the JSON form of an [errors.Error].
func (e *strictError) UnmarshalJSON(data []byte) error {
	if err := strictly(data, new(errorMembers)); err != nil {
		return err
	}
	return (*errors.Error)(e).UnmarshalJSON(data)
}

// errorMembers has the members of the JSON form of an [errors.Error].
type errorMembers struct {
	Provider     json.RawMessage `json:"provider"`
	Operation    json.RawMessage `json:"operation"`
	Target       json.RawMessage `json:"target"`
	Code         json.RawMessage `json:"code"`
	Status       json.RawMessage `json:"status"`
	ProviderCode json.RawMessage `json:"provider_code"`
	Message      json.RawMessage `json:"message"`
	RequestID    json.RawMessage `json:"request_id"`
	RetryAfter   json.RawMessage `json:"retry_after_seconds"`
	Attempts     json.RawMessage `json:"attempts"`
	Steps        []errors.Step   `json:"steps"`
	Detail       json.RawMessage `json:"detail"`
	Cause        json.RawMessage `json:"cause"`
}

type plainReport Report

// MarshalJSON writes the report with its error.
func (r Report) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		plainReport
		failure
	}{plainReport(r), failureOf(r.Err)})
}

// UnmarshalJSON reads the form that [Report.MarshalJSON] writes.
func (r *Report) UnmarshalJSON(data []byte) error {
	if r == nil {
		return &json.InvalidUnmarshalError{Type: reflect.TypeOf(r)}
	}
	var in struct {
		plainReport
		failure
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*r = Report(in.plainReport)
	r.Err = in.failure.err()
	return nil
}

type plainStepReport StepReport

// MarshalJSON writes the report of a step with its error.
func (r StepReport) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		plainStepReport
		failure
	}{plainStepReport(r), failureOf(r.Err)})
}

// UnmarshalJSON reads the form that [StepReport.MarshalJSON] writes.
func (r *StepReport) UnmarshalJSON(data []byte) error {
	if r == nil {
		return &json.InvalidUnmarshalError{Type: reflect.TypeOf(r)}
	}
	var in struct {
		plainStepReport
		failure
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*r = StepReport(in.plainStepReport)
	r.Err = in.failure.err()
	return nil
}

type plainEvent Event

// waitSeconds is the form of [Event.Wait] in JSON.
type waitSeconds struct {
	// WaitSeconds is the time until the next attempt, in seconds; absent for 0.
	WaitSeconds seconds `json:"wait_seconds,omitempty"`
}

// seconds is a duration whose JSON form is a decimal number of seconds, as that of
// [errors.Error.RetryAfter]. A float64 would lose nanoseconds. Package errors has a copy of its
// own, because it imports no package of this module.
type seconds time.Duration

// MarshalJSON returns the exact number.
func (s seconds) MarshalJSON() ([]byte, error) {
	text := big.NewRat(int64(s), int64(time.Second)).FloatString(9)
	return []byte(strings.TrimRight(strings.TrimRight(text, "0"), ".")), nil
}

// UnmarshalJSON reads any JSON number that is a duration. It drops fractions of a nanosecond.
func (s *seconds) UnmarshalJSON(data []byte) error {
	var number *float64
	if err := json.Unmarshal(data, &number); err != nil || number == nil {
		return err
	}
	text := string(data)
	if strings.ContainsAny(text, "eE") {
		text = strconv.FormatFloat(*number, 'f', -1, 64)
	}
	d, err := time.ParseDuration(text + "s")
	if err != nil {
		return fmt.Errorf("%s is not a duration in seconds", data)
	}
	*s = seconds(d)
	return nil
}

// MarshalJSON writes the event with its error.
func (e Event) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		plainEvent
		waitSeconds
		failure
	}{plainEvent(e), waitSeconds{seconds(e.Wait)}, failureOf(e.Err)})
}

// UnmarshalJSON reads the form that [Event.MarshalJSON] writes.
func (e *Event) UnmarshalJSON(data []byte) error {
	if e == nil {
		return &json.InvalidUnmarshalError{Type: reflect.TypeOf(e)}
	}
	var in struct {
		plainEvent
		waitSeconds
		failure
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*e = Event(in.plainEvent)
	e.Wait = time.Duration(in.WaitSeconds)
	e.Err = in.failure.err()
	return nil
}
