package teardown

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/offboard-dev/offboard-go/errors"
)

// Summary is a form of a [Report] whose size does not grow with the number of steps, for logs,
// messages and payloads of workflow engines. [Report.Summary] returns it.
type Summary struct {
	// Provider is the package of the provider, such as "katapult".
	Provider string `json:"provider"`

	// Instance is the provider's base URL, as in [Plan.Instance].
	Instance string `json:"instance,omitempty"`

	// Organization is the organization of the plan.
	Organization Organization `json:"organization"`

	// Outcome is the result for the organization.
	Outcome Outcome `json:"outcome"`

	// PendingOn states, for people, what a [Pending] deletion depends on, at most 500 bytes.
	PendingOn string `json:"pending_on,omitempty"`

	// StartedAt is the time at which applying started.
	StartedAt time.Time `json:"started_at"`

	// FinishedAt is the time at which applying ended.
	FinishedAt time.Time `json:"finished_at"`

	// Total is the number of all steps.
	Total int `json:"total"`

	// States contains the number of steps in each state.
	States map[StepState]int `json:"states,omitempty"`

	// Codes contains the number of steps that failed with each of the 10 most frequent codes.
	Codes map[errors.Code]int `json:"codes,omitempty"`

	// Code is the code of the report's error, as [errors.CodeOf] returns it; "" for none.
	Code errors.Code `json:"code,omitempty"`

	// Error is the text of the report's error, at most 500 bytes; "" for none.
	Error string `json:"error,omitempty"`

	// Steps lists steps that are not deleted, first those with an error, in the order of the
	// plan.
	Steps []StepSummary `json:"steps,omitempty"`

	// Omitted is the number of steps that are not deleted and that Steps does not list.
	Omitted int `json:"omitted,omitempty"`
}

// StepSummary is the state of a step in a [Summary].
type StepSummary struct {
	// ID is the ID of the step, at most 200 bytes.
	ID string `json:"id"`

	// State is the state of the step.
	State StepState `json:"state"`

	// Code is the code of the step's error; "" for none.
	Code errors.Code `json:"code,omitempty"`

	// Error is the text of the step's error, at most 200 bytes; "" for none.
	Error string `json:"error,omitempty"`
}

// Limits of a summary: of its texts, in bytes of JSON, and of its codes.
const (
	maxSummaryText = 500
	maxStepText    = 200
	maxCodes       = 10
)

// Summary returns a summary that lists at most limit of the steps that are not deleted. Its JSON
// form has at most 2 KB in addition to the names of the provider and the organization, and 1 KB for
// each listed step. A nil report has an empty summary.
func (r *Report) Summary(limit int) Summary {
	if r == nil {
		return Summary{}
	}
	s := Summary{
		Provider: r.Provider, Instance: r.Instance, Organization: r.Organization,
		Outcome: r.Outcome, PendingOn: shortened(r.PendingOn, maxSummaryText), StartedAt: r.StartedAt, FinishedAt: r.FinishedAt,
		Total: len(r.Steps), States: map[StepState]int{}, Codes: map[errors.Code]int{},
		Code: errors.CodeOf(r.Err), Error: shortened(text(r.Err), maxSummaryText),
	}
	for _, withError := range []bool{true, false} {
		for _, step := range r.Steps {
			if (step.Err != nil) != withError {
				continue
			}
			s.States[step.State]++
			if withError {
				s.Codes[errors.CodeOf(step.Err)]++
			}
			switch {
			case step.State.deleted():
			case len(s.Steps) >= limit:
				s.Omitted++
			default:
				s.Steps = append(s.Steps, StepSummary{
					ID: shortened(step.ID, maxStepText), State: step.State,
					Code: errors.CodeOf(step.Err), Error: shortened(text(step.Err), maxStepText),
				})
			}
		}
	}
	frequent := slices.SortedFunc(maps.Keys(s.Codes), func(a, b errors.Code) int {
		return cmp.Or(cmp.Compare(s.Codes[b], s.Codes[a]), cmp.Compare(a, b))
	})
	for _, code := range frequent[min(len(frequent), maxCodes):] {
		delete(s.Codes, code)
	}
	return s
}

// shortened returns a text that has at most n bytes in JSON, where some characters have up to 6. A
// text that is cut ends with an ellipsis.
func shortened(s string, n int) string {
	const ellipsis = "…"
	size, cut := 0, 0
	for i, r := range s {
		if size+len(ellipsis) <= n {
			cut = i
		}
		if size += sizeInJSON(r); size > n {
			return s[:cut] + ellipsis
		}
	}
	return s
}

// sizeInJSON returns the number of bytes that a character has in JSON.
func sizeInJSON(r rune) int {
	switch {
	case r == utf8.RuneError, r < ' ', strings.ContainsRune("<>&\u2028\u2029", r):
		return len(`\u0000`)
	case r == '"', r == '\\':
		return 2
	}
	return utf8.RuneLen(r)
}
