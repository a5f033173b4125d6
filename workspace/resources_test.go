package workspace_test

import (
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/teardown"
)

func TestPlan_Subscriptions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // the clock starts at 2000-01-01
		srv := full()
		c := newClient(t, srv.Option())
		plan := func(subscriptions string) *teardown.Plan {
			srv.Fail(answer("GetWorkspace", `{"status":true,"data":{"organization":{"id":"`+acme+`","slug":"acme","subscriptions":[`+subscriptions+`]}}}`))
			return planned(t, c)
		}
		const cancel = "cancel the subscription in the dashboard, at Billing, Plan & Usage"
		step := func(id, name, why, removal string) teardown.Step {
			return teardown.Step{
				ID: "subscription/" + id, Kind: "subscription", Name: name, Manual: true,
				Why: "the subscription has not ended: " + why, Removal: removal,
			}
		}
		p := plan(`
			{"id":"sub_1","plan":"Enterprise","status":"active"},
			{"id":"sub_2","planCode":"mdm-20","endedAt":"2000-03-01T00:00:00Z"},
			{"plan":"Odd","planCode":"odd","iniDate":"1999-06-01T00:00:00Z"},
			{"plan":"Odd","planCode":"odd","iniDate":"1999-06-01T00:00:00Z"},
			{"id":"sub_3","plan":"Past","endedAt":"1999-12-31T23:59:59Z"},
			{}`)
		want := []teardown.Step{
			step("sub_1", "Enterprise", "Enterprise, active", cancel),
			step("sub_2", "mdm-20", "mdm-20, ends 2000-03-01", "wait until the subscription ends"),
			step("odd,1999-06-01", "Odd", "Odd, from 1999-06-01", cancel),
			step("odd,1999-06-01#2", "Odd", "Odd, from 1999-06-01", cancel),
			step("unnamed", "unnamed", "unnamed", cancel),
		}
		if diff := cmp.Diff(want, p.Steps); diff != "" {
			t.Errorf("steps (-want +got):\n%s", diff)
		}
		if p.Organization.Name != "acme" {
			t.Errorf("got the name %q, want the slug", p.Organization.Name)
		}
		// A cancellation changes no ID and no name of a step.
		later := plan(`
			{"id":"sub_1","plan":"Enterprise","status":"canceled","endedAt":"2000-02-01T00:00:00Z"},
			{"plan":"Odd","planCode":"odd","iniDate":"1999-06-01T00:00:00Z","endedAt":"1999-12-31T00:00:00Z"},
			{"plan":"Odd","planCode":"odd","iniDate":"1999-06-01T00:00:00Z"}`)
		var remaining []string
		for _, s := range later.Steps {
			remaining = append(remaining, s.ID+" "+s.Name)
		}
		if diff := cmp.Diff([]string{"subscription/sub_1 Enterprise", "subscription/odd,1999-06-01#2 Odd"}, remaining); diff != "" {
			t.Errorf("steps later (-want +got):\n%s", diff)
		}
	})
}
