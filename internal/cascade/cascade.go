// Package cascade compares what a provider deletes along with an organization with
// what a plan names of it.
package cascade

import (
	"fmt"
	"slices"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Compare returns [errors.PlanStale] if there is more of a kind than in the plan before:
// what is new would be deleted along with the organization, and the plan does not name
// it. A kind that the plan has none of is compared with the rest of the plan. It returns
// nil without a plan.
func Compare(provider, organization, kind string, count int, before *teardown.Plan) error {
	if before == nil {
		return nil
	}
	i := slices.IndexFunc(before.Losses, func(l teardown.Loss) bool { return l.Kind == kind && l.Count > 0 })
	if i < 0 || count <= before.Losses[i].Count {
		return nil
	}
	text := fmt.Sprintf("%d, and the plan names %d", count, before.Losses[i].Count)
	return &errors.Error{
		Provider: provider, Operation: "Teardown", Target: organization, Code: errors.PlanStale,
		Steps: []errors.Step{{Name: kind, Description: text}}, Err: fmt.Errorf("there are more of %s: %s", kind, text),
	}
}
