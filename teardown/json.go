package teardown

import (
	"encoding/json"
	stderrors "errors"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
)

// failure is an error in JSON: its text, and all [*errors.Error] in it.
type failure struct {
	Error  string          `json:"error,omitempty"`
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

// err returns the error with the same text and the same errors in it.
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

// UnmarshalJSON reads what [Report.MarshalJSON] writes.
func (r *Report) UnmarshalJSON(data []byte) error {
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

// UnmarshalJSON reads what [StepReport.MarshalJSON] writes.
func (r *StepReport) UnmarshalJSON(data []byte) error {
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

// MarshalJSON writes the event with its error.
func (e Event) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		plainEvent
		WaitSeconds float64 `json:"wait_seconds,omitempty"`
		failure
	}{plainEvent(e), e.Wait.Seconds(), failureOf(e.Err)})
}

// UnmarshalJSON reads what [Event.MarshalJSON] writes.
func (e *Event) UnmarshalJSON(data []byte) error {
	var in struct {
		plainEvent
		WaitSeconds float64 `json:"wait_seconds"`
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
