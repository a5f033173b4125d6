package workspace

import (
	"cmp"
	"strconv"
	"time"

	"github.com/offboard-dev/offboard-go/teardown"
)

// kindSubscription is the kind of the only steps, and the name of their blockers.
const kindSubscription = "subscription"

// ended reports whether a subscription has ended by its date. The status decides nothing,
// because Applivery documents no value of it.
func (s *Subscription) ended(now time.Time) bool {
	return !s.EndedAt.IsZero() && !s.EndedAt.After(now)
}

// name returns a name for a subscription that a user can recognize.
func (s *Subscription) name() string {
	return cmp.Or(s.Plan, s.PlanCode, s.ID, "unnamed")
}

// describe returns the name of a subscription with its status and dates.
func (s *Subscription) describe() string {
	text := s.name()
	if s.Status != "" {
		text += ", " + s.Status
	}
	for _, date := range []struct {
		label string
		at    Time
	}{{"from", s.IniDate}, {"until", s.EndDate}, {"ends", s.EndedAt}} {
		if !date.at.IsZero() {
			text += ", " + date.label + " " + date.at.Format(time.DateOnly)
		}
	}
	return text
}

// steps returns a manual step for each subscription that has not ended. IDs and names of steps
// contain nothing that a cancellation changes.
func steps(subscriptions []Subscription, now time.Time) []teardown.Step {
	var steps []teardown.Step
	same := map[string]int{}
	for _, s := range subscriptions {
		id := kindSubscription + "/" + s.identity()
		same[id]++
		if n := same[id]; n > 1 {
			id += "#" + strconv.Itoa(n)
		}
		if s.ended(now) {
			continue
		}
		removal := "cancel the subscription in the dashboard, at Billing, Plan & Usage"
		if !s.EndedAt.IsZero() {
			removal = "wait until the subscription ends"
		}
		steps = append(steps, teardown.Step{
			ID: id, Kind: kindSubscription, Name: s.name(), Manual: true,
			Why: "the subscription has not ended: " + s.describe(), Removal: removal,
		})
	}
	return steps
}

// identity returns the ID of a subscription; without an ID, its plan and start.
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
