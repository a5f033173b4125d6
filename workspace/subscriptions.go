package workspace

import (
	"cmp"
	"encoding/json"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
)

// Time is a point in time. What the API writes there and is none, is the zero
// Time.
type Time struct{ time.Time }

// UnmarshalJSON reads a date-time. It never fails: an organization must not be
// out of reach because of a date.
func (t *Time) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		if at, err := time.Parse(time.RFC3339, text); err == nil {
			t.Time = at.UTC()
		}
	}
	return nil
}

// MarshalJSON writes a date-time; null for the zero time.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return t.Time.MarshalJSON()
}

// unfinished returns a step for each subscription that is not known to have
// ended. Its status is not asked: no value of it is documented.
func unfinished(subscriptions []Subscription, now time.Time) []errors.Step {
	var steps []errors.Step
	for _, s := range subscriptions {
		if s.EndedAt.IsZero() || s.EndedAt.After(now) {
			steps = append(steps, errors.Step{Name: "subscription", Description: s.describe()})
		}
	}
	return steps
}

// describe tells a person which subscription it is.
func (s *Subscription) describe() string {
	text := cmp.Or(s.Plan, s.PlanCode, s.ID, "without a name")
	if s.Status != "" {
		text += ", " + s.Status
	}
	for _, date := range []struct {
		is string
		at Time
	}{{"from", s.IniDate}, {"until", s.EndDate}, {"ends", s.EndedAt}} {
		if !date.at.IsZero() {
			text += ", " + date.is + " " + date.at.Format(time.DateOnly)
		}
	}
	return text
}
