package teardown_test

import (
	"testing"

	"github.com/offboard-dev/offboard-go/teardown"
)

func TestLoss_NumberAgrees(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		loss teardown.Loss
		want string
	}{
		{teardown.Loss{Kind: "projects", Count: 1, Names: []string{"Shop"}}, "1 project: Shop"},
		{teardown.Loss{Kind: "projects", Count: 2}, "2 projects"},
		{teardown.Loss{Kind: "policies", Count: 1}, "1 policy"},
		{teardown.Loss{Kind: "users_of_other_organizations", Count: 1}, "1 user_of_other_organizations"},
		{teardown.Loss{Kind: "memberships_elsewhere", Count: 1}, "1 membership_elsewhere"},
		{teardown.Loss{Kind: "metadata", Count: 1}, "1 metadata"},
		{teardown.Loss{Kind: "http_loadbalancer", Count: 2}, "2 http_loadbalancers"},
		{teardown.Loss{Kind: "invoice", Count: 1, Note: "still to be paid"}, "1 invoice (still to be paid)"},
		{teardown.Loss{Kind: "devices", Note: "not counted"}, "devices (not counted)"},
	} {
		if got := test.loss.String(); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}
