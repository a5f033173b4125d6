// Package problem describes errors: as JSON, as text, and with advice for people.
package problem

import (
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/safefile"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Problem is an error as JSON.
type Problem struct {
	Text         string        `json:"text"`
	Code         errors.Code   `json:"code,omitempty"`
	Status       int           `json:"status,omitempty"`
	ProviderCode string        `json:"provider_code,omitempty"`
	Message      string        `json:"message,omitempty"` // of the provider
	RequestID    string        `json:"request_id,omitempty"`
	RetryAfter   float64       `json:"retry_after_seconds,omitempty"`
	Retryable    bool          `json:"retryable,omitempty"`
	Steps        []errors.Step `json:"steps,omitempty"`
	Advice       string        `json:"advice,omitempty"`
}

// OfOutcome returns the error of an organization as a problem; nil for nil. For one that is deleted
// or pending, the error states that the last entry of the journal could not be written, and the
// advice warns against another deletion.
func OfOutcome(outcome teardown.Outcome, err error) *Problem {
	p := Of(err)
	if p != nil && (outcome == teardown.Deleted || outcome == teardown.Pending) {
		p.Retryable, p.Advice = false, "The outcome is certain: do not repeat the deletion. The journal lacks its last entry."
	}
	return p
}

// OfStep returns the error of a step as a problem, or the joined errors of several; nil for nil.
// The organization was not deleted, so the advice is about the resource.
func OfStep(err error) *Problem {
	p := Of(err)
	if e, ok := errors.AsType[*errors.Error](err); ok {
		p.Advice = stepAdvice(e)
	}
	return p
}

// Of returns an error as a problem; nil for nil. For joined errors, Text is that of
// all, and the other fields are those of the first.
func Of(err error) *Problem {
	if err == nil {
		return nil
	}
	p := &Problem{Text: err.Error(), Retryable: errors.Retryable(err)}
	if e, ok := errors.AsType[*errors.Error](err); ok {
		p.Code, p.Status, p.ProviderCode = e.Code, e.Status, e.ProviderCode
		p.Message, p.RequestID, p.RetryAfter = e.Message, e.RequestID, e.RetryAfter.Seconds()
		p.Steps, p.Advice = e.Steps, advice(err, e)
	} else if safefile.IsDiskFull(err) {
		p.Advice = adviceFull(err)
	}
	return p
}
