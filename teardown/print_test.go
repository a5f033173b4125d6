package teardown_test

import (
	"testing"

	"github.com/offboard-dev/offboard-go/teardown"
)

func TestCascade_String(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		cascade teardown.Cascade
		want    string
	}{
		{teardown.Cascade{Kind: "projects", Count: 1, Names: []string{"Shop"}}, "1 project: Shop"},
		{teardown.Cascade{Kind: "projects", Count: 2}, "2 projects"},
		{teardown.Cascade{Kind: "policies", Count: 1}, "1 policy"},
		{teardown.Cascade{Kind: "users_of_other_organizations", Count: 1}, "1 user_of_other_organizations"},
		{teardown.Cascade{Kind: "memberships_elsewhere", Count: 1}, "1 membership_elsewhere"},
		{teardown.Cascade{Kind: "metadata", Count: 1}, "1 metadata"},
		{teardown.Cascade{Kind: "http_loadbalancer", Count: 2}, "2 http_loadbalancers"},
		{teardown.Cascade{Kind: "invoice", Count: 1, Note: "still to be paid"}, "1 invoice (still to be paid)"},
		{teardown.Cascade{Kind: "devices", Note: "not counted"}, "devices (not counted)"},
	} {
		if got := test.cascade.String(); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}
