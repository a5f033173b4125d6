package demo

import (
	"testing"
	"testing/synctest"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/estimate"
	"github.com/offboard-dev/offboard-go/teardown"
)

// The fakes count the requests exactly.
func TestScenes_EstimatedRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, s := range NewScenes() {
			o, plan := planOf(t, s)
			before := len(s.server.Requests())
			if _, err := o.Teardown(t.Context(), plan, teardown.WithConfirm(s.entry.Confirm), teardown.WithOverrides(s.entry.Override...)); err != nil {
				t.Fatal(err)
			}
			estimated, sent := estimate.Of(plan).Requests, len(s.server.Requests())-before
			if ratio := float64(sent) / float64(estimated); ratio > estimate.Factor || ratio < 1/estimate.Factor {
				t.Errorf("%s: estimate of %d requests, %d were sent", s.entry.Provider, estimated, sent)
			}
		}
	})
}
