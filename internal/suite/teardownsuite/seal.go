package teardownsuite

import (
	"context"

	"github.com/offboard-dev/offboard-go/teardown"
)

// Seal gives a plan that a test has edited, or made by itself, the times and the fingerprint of
// a plan that was just made.
func Seal(p *teardown.Plan) *teardown.Plan {
	sealed, err := teardown.NewPlan(context.Background(), planner{p: p}, p.Organization)
	if err != nil {
		panic(err)
	}
	return sealed
}

// planner is a driver that has only a plan.
type planner struct {
	teardown.Driver
	p *teardown.Plan
}

func (d planner) Provider() (name, instance string) { return d.p.Provider, d.p.Instance }

func (d planner) Inspect(context.Context, teardown.Organization, *teardown.Plan) (*teardown.Plan, error) {
	return d.p, nil
}
