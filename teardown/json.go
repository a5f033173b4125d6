package teardown

import (
	"encoding/json"
	stderrors "errors"
	"reflect"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
)

// failure is the form of an error in JSON.
type failure struct {
	// Error is the text of the error; absent without an error.
	Error string `json:"error,omitempty"`

	// Errors are all errors of package errors in the error, in the order of errors.All.
	Errors []*errors.Error `json:"errors,omitempty"`
}

func failureOf(err error) failure {
	if err == nil {
		return failure{}
	}
	f := failure{Error: err.Error()}
	for e := range errors.All(err) {
		f.Errors = append(f.Errors, e)
	}
	return f
}

// err returns an error with the same text that contains the same errors.
func (f failure) err() error {
	switch {
	case f.Error == "" && len(f.Errors) == 0:
		return nil
	case len(f.Errors) == 1 && f.Errors[0] != nil && f.Errors[0].Error() == f.Error:
		return f.Errors[0]
	}
	stored := &storedError{text: f.Error}
	for _, e := range f.Errors {
		if e != nil {
			stored.errs = append(stored.errs, e)
		}
	}
	if stored.text == "" {
		return stderrors.Join(stored.errs...)
	}
	return stored
}

// storedError is an error that was read from JSON.
type storedError struct {
	text string
	errs []error
}

func (e *storedError) Error() string   { return e.text }
func (e *storedError) Unwrap() []error { return e.errs }

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
	WaitSeconds float64 `json:"wait_seconds,omitempty"`
}

// MarshalJSON writes the event with its error.
func (e Event) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		plainEvent
		waitSeconds
		failure
	}{plainEvent(e), waitSeconds{e.Wait.Seconds()}, failureOf(e.Err)})
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
	e.Wait = time.Duration(in.WaitSeconds * float64(time.Second))
	e.Err = in.failure.err()
	return nil
}
