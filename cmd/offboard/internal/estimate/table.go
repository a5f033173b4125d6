package estimate

import "time"

// counting is what a rate limit counts.
type counting int

const (
	allRequests      counting = iota
	busiestOperation          // the requests of each operation, for each organization
	clusterDeletions          // the steps that delete a cluster
)

// costs are the facts about one provider. A plan is applied with this number of requests: those
// of the organization, and those of each step.
type costs struct {
	organization float64            // the reads before the first step and before the deletion, the deletion, and its proof
	step         float64            // of a step of any other kind
	steps        map[string]float64 // of a step, by kind

	// The rate limit: permitted requests per time, and as many as burst at once.
	permitted, burst int
	per              time.Duration
	window           bool // fixed windows of the clock, instead of a bucket
	counts           counting

	// removals is how long the provider takes for a removal, by kind. A kind that it lacks is
	// unknown; 0 is a removal that the response confirms at once.
	removals map[string]time.Duration

	limit   string   // the rate limit in words
	sources []string // of the numbers
}

// table has the facts of all providers, with their sources.
var table = map[string]costs{
	"katapult": {
		organization: 12, step: 4.1,
		permitted: 1000, burst: 1000, per: time.Minute, window: true,
		removals: map[string]time.Duration{"load_balancer": 0, "dns_zone": 0, "virtual_network": 0, "ip_address": 0},
		limit:    "1,000 requests per minute of the clock, if the response headers state no other rate",
		sources: []string{
			"BENCHMARKS.md, the engine: 4.1 requests per step; a thousand organizations: 37.5 requests for a plan of 5 steps, the plan included",
			"docs/providers/katapult.md: the rate limit is in the headers, per clock minute",
		},
	},
	"zitadel": {
		organization: 38, step: 1,
		limit: "unknown: the operator of the instance sets it",
		sources: []string{
			"BENCHMARKS.md, what the reads are for: 38 requests to apply a plan without steps",
			"docs/providers/zitadel.md: rate limits at the edge of Zitadel's cloud are unknown",
		},
	},
	"atlas": {
		organization: 15, step: 3.2, steps: map[string]float64{"project": 10},
		permitted: 5, burst: 10, per: time.Minute, counts: clusterDeletions,
		removals: map[string]time.Duration{"cluster": time.Minute, "online_archive": 0, "stream_workspace": 0, "stream_processor": 0},
		limit:    "5 deletions of clusters a minute after 10 at once, as simulated; the limits of other requests are unknown",
		sources: []string{
			"BENCHMARKS.md, the engine: 3.2 requests per cluster, 6.6 per step for projects of one cluster",
			"BENCHMARKS.md, a thousand organizations: the simulated limit of the deletion of clusters",
			"docs/providers/atlas.md: a cluster takes minutes, one is assumed; limits are token buckets that refill every minute",
		},
	},
	"workspace": {
		organization: 8, step: 2,
		permitted: 10_000, burst: 10_000, per: time.Hour,
		limit: "10,000 requests an hour",
		sources: []string{
			"BENCHMARKS.md, what the reads are for: 8 requests to apply a plan without steps",
			"docs/providers/workspace.md: 10,000 requests an hour",
		},
	},
	"volterra": {
		organization: 19, step: 3.2, steps: map[string]float64{"child_tenant": 4},
		permitted: 120, burst: 120, per: time.Minute, counts: busiestOperation,
		removals: map[string]time.Duration{"namespace": 20 * time.Second, "child_tenant": time.Minute, "child_tenant_manager": 0, "managed_tenant": 0},
		limit:    "120 requests a minute for each operation of each tenant, as simulated",
		sources: []string{
			"BENCHMARKS.md, F5: 31 requests for a tenant of one namespace, of which 9 are the plan; 3.5 per namespace and 4.2 per child tenant",
			"BENCHMARKS.md, a thousand organizations: the simulated limit",
			"docs/providers/volterra.md: a namespace takes 20 to 30 seconds or more, a child tenant minutes; one is assumed",
		},
	},
}
