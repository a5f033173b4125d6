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

// deletionError is the error of a deletion that subscriptions stand in the way of; nil
// when all are known to have ended.
func deletionError(target string, subscriptions []Subscription, now time.Time) error {
	var steps []errors.Step
	for _, s := range subscriptions {
		if !s.ended(now) {
			steps = append(steps, errors.Step{Name: "subscription", Description: s.describe()})
		}
	}
	if len(steps) == 0 {
		return nil
	}
	return &errors.Error{
		Provider: provider, Operation: "CheckDeletion", Target: target,
		Code: errors.ActiveSubscriptions, Steps: steps,
	}
}

// ended reports whether a subscription is known to have ended. Its status is not
// asked: no value of it is documented.
func (s *Subscription) ended(now time.Time) bool {
	return !s.EndedAt.IsZero() && !s.EndedAt.After(now)
}

// name is what people call it.
func (s *Subscription) name() string {
	return cmp.Or(s.Plan, s.PlanCode, s.ID, "without a name")
}

// describe tells a person which subscription it is, and how it stands.
func (s *Subscription) describe() string {
	text := s.name()
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
