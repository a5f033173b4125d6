// Package estimate estimates how many requests applying a plan sends, and how long it takes at
// least. The numbers are in one table, with their sources.
package estimate

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Factor is the accuracy of an estimated number of requests: for the demonstration and for the
// organizations of BENCHMARKS.md, the measured number is between the estimate divided by Factor
// and the estimate times Factor. Faults, and resources that take long, increase the number.
const Factor = 1.3

// Estimate is the estimated cost of applying a plan.
type Estimate struct {
	// Requests is the number of requests, without repeated ones.
	Requests int

	// Duration is the shortest time: the longer one of Limited and Removals. It lacks the time
	// of the responses, and the removals in Unknown.
	Duration time.Duration

	// Limited is the time that the provider's rate limit takes.
	Limited time.Duration

	// Removals is the time that the provider takes for the longest chain of steps.
	Removals time.Duration

	// Unknown lists the kinds of steps whose removal the table states no time for, sorted.
	Unknown []string

	counted int // requests that the rate limit counts
	costs   costs
}

// Of returns the estimate of a plan, which must not be nil.
func Of(p *teardown.Plan) Estimate {
	c := table[p.Provider]
	e := Estimate{costs: c}
	requests, kinds := c.organization, map[string]int{}
	ends := map[string]time.Duration{} // by step, of the chain that ends with it
	for _, s := range p.Steps {
		kinds[s.Kind]++
		requests += c.requestsOf(s)
		took, known := c.removals[s.Kind]
		if !known && !s.Manual && !slices.Contains(e.Unknown, s.Kind) {
			e.Unknown = append(e.Unknown, s.Kind)
		}
		start := time.Duration(0)
		for _, id := range s.After {
			start = max(start, ends[id])
		}
		ends[s.ID] = start + took
		e.Removals = max(e.Removals, ends[s.ID])
	}
	slices.Sort(e.Unknown)
	e.Requests = int(math.Ceil(requests))
	switch c.counts {
	case allRequests:
		e.counted = e.Requests
	case busiestOperation: // the read of one kind: right before the removal, and after it
		for _, n := range kinds {
			e.counted = max(e.counted, 2*n)
		}
	case clusterDeletions:
		e.counted = kinds["cluster"]
	}
	e.Limited = c.limited(e.counted)
	e.Duration = max(e.Limited, e.Removals)
	return e
}

// requestsOf returns the requests of a step.
func (c costs) requestsOf(s teardown.Step) float64 {
	if n, ok := c.steps[s.Kind]; ok {
		return n
	}
	return c.step
}

// limited returns the time that the rate limit takes for a number of requests.
func (c costs) limited(n int) time.Duration {
	if c.permitted == 0 || n <= c.burst {
		return 0
	}
	if c.window { // the limit permits the requests of a window at once
		return time.Duration((n-1)/c.permitted) * c.per
	}
	return time.Duration(n-c.burst) * c.per / time.Duration(c.permitted)
}

// Total is the estimate of all organizations of a plan file at one provider, which may share its
// rate limit.
type Total struct {
	Provider             string
	Organizations, Steps int
	Estimate

	// Limit states the rate limit, or that none is known.
	Limit string

	// Sources states where the numbers are from.
	Sources []string
}

// Totals returns the totals of a plan file, in the order of its providers.
func Totals(f *planfile.File) []Total {
	var totals []Total
	for _, o := range f.Organizations {
		if o.Plan == nil {
			continue
		}
		i := slices.IndexFunc(totals, func(t Total) bool { return t.Provider == o.Plan.Provider })
		if i < 0 {
			c := table[o.Plan.Provider]
			i = len(totals)
			totals = append(totals, Total{Provider: o.Plan.Provider, Limit: c.limit, Sources: c.sources, Estimate: Estimate{costs: c}})
		}
		t, e := &totals[i], Of(o.Plan)
		t.Organizations++
		t.Steps += len(o.Plan.Steps)
		t.Requests += e.Requests
		t.Removals = max(t.Removals, e.Removals)
		if t.costs.counts == busiestOperation { // each tenant has its own limit
			t.Limited = max(t.Limited, e.Limited)
		} else {
			t.counted += e.counted
			t.Limited = t.costs.limited(t.counted)
		}
		t.Unknown = slices.Compact(slices.Sorted(slices.Values(append(t.Unknown, e.Unknown...))))
		t.Duration = max(t.Limited, t.Removals)
	}
	return totals
}

// Basis describes what the duration consists of.
func (e Estimate) Basis() string {
	limit := "within the rate limit"
	switch {
	case e.costs.permitted == 0:
		limit = "the rate limit is unknown"
	case e.Limited > 0:
		limit = "rate limit: " + Text(e.Limited)
	}
	parts := []string{limit}
	if e.Removals > 0 {
		parts = append(parts, "removals at the provider: "+Text(e.Removals))
	}
	if len(e.Unknown) > 0 {
		parts = append(parts, "unknown time of removal: "+strings.Join(e.Unknown, ", "))
	}
	return strings.Join(parts, "; ")
}

// Text describes a duration, such as "at least 2 minutes".
func Text(d time.Duration) string {
	switch {
	case d <= 0:
		return "seconds or more"
	case d < 90*time.Second:
		return fmt.Sprintf("at least %d seconds", int(math.Ceil(d.Seconds())))
	case d < 90*time.Minute:
		return fmt.Sprintf("at least %d minutes", int(math.Ceil(d.Minutes())))
	}
	return fmt.Sprintf("at least %.1f hours", d.Hours())
}
