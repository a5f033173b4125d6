package workspace

import (
	"cmp"
	"strconv"
	"time"

	"github.com/offboard-dev/offboard-go/teardown"
)

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

// steps returns a step for each subscription that is not known to have ended. Their
// names say nothing that changes while somebody cancels one.
func steps(subscriptions []Subscription, now time.Time) []teardown.Step {
	var steps []teardown.Step
	alike := map[string]int{}
	for _, s := range subscriptions {
		id := "subscription/" + s.identity()
		alike[id]++
		if n := alike[id]; n > 1 {
			id += "#" + strconv.Itoa(n)
		}
		if s.ended(now) {
			continue
		}
		removal := "cancel it in the dashboard, at Billing, Plan & Usage"
		if !s.EndedAt.IsZero() {
			removal = "wait until it ends"
		}
		steps = append(steps, teardown.Step{
			ID: id, Kind: "subscription", Name: s.name(), Manual: true,
			Why: "it is not known to have ended: " + s.describe(), Removal: removal,
		})
	}
	return steps
}

// identity tells a subscription from others, by its id where it has one.
func (s *Subscription) identity() string {
	if s.ID != "" {
		return s.ID
	}
	text := cmp.Or(s.PlanCode, s.Plan, "unnamed")
	if !s.IniDate.IsZero() {
		text += "," + s.IniDate.Format(time.DateOnly)
	}
	return text
}
