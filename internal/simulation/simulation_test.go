package simulation

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"text/tabwriter"
	"time"

	"github.com/offboard-dev/offboard-go/internal/backoff"
	"github.com/offboard-dev/offboard-go/internal/trace"
)

var (
	seed  = flag.Uint64("seed", 0, "the `seed` of a single run, which is logged request by request")
	first = flag.Uint64("first", 1, "the first `seed` of all runs")
	runs  = flag.Int("runs", 0, "the `number` of runs of each provider; 0 for 2,000, 500 with -short, 100 with -race")
)

// runCount returns the number of runs of each provider. The race detector makes a run ten
// times slower, and a run has one goroutine, so fewer runs are enough.
func runCount() int {
	switch {
	case raceDetector:
		return cmp.Or(*runs, 100)
	case testing.Short():
		return cmp.Or(*runs, 500)
	}
	return cmp.Or(*runs, 2_000)
}

// maxShown is the number of wrong results that are shown of each provider; all are counted.
const maxShown = 3

func TestSimulation(t *testing.T) {
	t.Parallel()
	table, on := &table{}, kindsOn(*kindsFlag)
	t.Cleanup(func() {
		table.write(t.Output())
		for _, k := range faultKinds { // a kind that applies to no request tests nothing
			if on[k.name] && *seed == 0 && runCount() >= 2_000 && table.withFault(k.name, "") == 0 {
				t.Errorf("no request had the fault %s", k.name)
			}
		}
	})
	for _, p := range providers {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			if *seed != 0 {
				r := play(t, p, *seed, on)
				t.Log(r.log())
				if len(r.wrong) > 0 {
					t.Error(strings.Join(r.wrong, "\n"))
				}
				return
			}
			deletions, teardowns, readings := table.add(p.name, deletionPart), table.add(p.name, teardownPart), table.add(p.name, readPart)
			for s := *first; s < *first+uint64(runCount()); s++ {
				start := time.Now()
				r, row := play(t, p, s, on), deletions
				switch {
				case r.scenario.counts != nil:
					row = teardowns
				case r.scenario.readOnly:
					row = readings
				}
				row.count(r, time.Since(start))
				if len(r.wrong) > 0 && row.wrong <= maxShown {
					t.Errorf("seed %d: %s\n%s\nto reproduce: go test ./internal/simulation -run 'TestSimulation$/%s' -kinds %q -seed %d -v",
						s, strings.Join(r.wrong, "; "), r.log(), p.name, *kindsFlag, s)
				}
			}
		})
	}
}

// Two runs with the same seed must be equal. Otherwise a seed does not reproduce a result.
func TestSimulation_Reproducible(t *testing.T) {
	t.Parallel()
	seeds, on := uint64(250), kindsOn("all")
	if raceDetector {
		seeds = 25
	}
	for _, p := range providers {
		for i := range seeds {
			s := i
			if i >= seeds*4/5 { // more teardowns, because more could differ in them
				s = i * teardownEvery
			}
			if one, two := play(t, p, s, on).log(), play(t, p, s, on).log(); one != two {
				t.Fatalf("%s, seed %d: two runs differ:\n%s\n%s", p.name, s, one, two)
			}
		}
	}
}

// run is the result of a seed.
type run struct {
	scenario *scenario
	record   record
	client   string
	result   string
	wrong    []string
}

// play runs a seed.
func play(t *testing.T, p provider, seed uint64, on map[string]bool) *run {
	t.Helper()
	result := &run{}
	synctest.Test(t, func(t *testing.T) {
		random := streams{p.name, seed}
		s := p.scenario(seed)(random.named("scenario"))
		ctx, cancel := context.WithCancel(trace.WithParallel(t.Context(), 1)) // one request at a time
		defer cancel()
		if r := random.named("context"); chance(r, 0.15) {
			var stop context.CancelFunc
			ctx, stop = context.WithTimeout(ctx, time.Duration(r.Int64N(int64(one(r, time.Second, time.Minute, time.Hour)))))
			defer stop()
		}
		n := &network{
			scenario: s, streams: random, kinds: on, cancel: cancel, started: time.Now(),
			counts: map[string]int{}, ignored: map[string]int{}, answers: map[string]*http.Response{},
		}
		r := random.named("weather")
		n.conditions = newConditions(r)
		if s.length > 0 {
			n.conditions.adapt(r, s.length)
		}
		n.conditions.addRunFaults(random.named("others"), n)
		if n.conditions.cancelAt == atOnce {
			cancel()
		}
		ctx, set, description := newSetting(ctx, random.named("client"), n)
		limited := set.rate > 0
		var ended time.Time
		over := context.AfterFunc(ctx, func() { ended = time.Now() })

		err := s.call(ctx, set)

		took := time.Since(n.started)
		overtime := time.Duration(0)
		synctest.Wait()
		over() // the context's end no longer counts while the oracle evaluates
		if !ended.IsZero() {
			overtime = time.Since(ended)
		}
		*result = run{scenario: s, client: description, record: record{
			exchanges: n.exchanges, err: err, ended: ctx.Err() != nil, overtime: overtime, open: int(n.open.Load()), processedLate: n.processedLate,
			limited: limited || s.limited || n.limited, delayed: n.delayed,
			throttled: limited && !s.limited && !n.limited, duration: took, kinds: on,
		}}
		result.result, result.wrong = s.evaluate(&result.record)
	})
	return result
}

// scenario returns the scenario of a seed: one in five is a teardown, one in ten only
// reads.
func (p provider) scenario(seed uint64) func(*rand.Rand) *scenario {
	switch seed % 10 {
	case 0, 5:
		return p.teardown
	case 7:
		return p.reading
	}
	return p.deletion
}

const teardownEvery = 5

// newSetting draws the configuration of a client: the maximum attempts and wait, and an
// http.Client with or without a timeout, which net/http implements in another way than the
// end of a context. The returned context has the jitter of the run, which depends on the
// seed only.
func newSetting(ctx context.Context, r *rand.Rand, n *network) (_ context.Context, set setting, description string) {
	set.client = &http.Client{Transport: n, Timeout: one(r, 0, 0, time.Second, time.Minute, time.Hour)}
	set.maxAttempts, set.maxWait = one(r, 0, 0, 1, 2, 3, 8), one(r, 0, 0, time.Second, time.Hour)
	jitter := rand.New(rand.NewPCG(r.Uint64(), 0))
	if chance(r, 0.1) {
		set.rate = 0.5
	}
	ctx = backoff.WithJitter(ctx, func(bound time.Duration) time.Duration { return time.Duration(jitter.Int64N(int64(bound))) })
	return ctx, set, fmt.Sprintf("attempts %d, longest wait %v, timeout %v, rate %v", set.maxAttempts, set.maxWait, set.client.Timeout, set.rate)
}

// log describes a run, request by request.
func (r *run) log() string {
	var b strings.Builder
	fmt.Fprintf(&b, "    organization: %s\n    client: %s\n", r.scenario.title, r.client)
	for _, x := range r.record.exchanges {
		fmt.Fprintf(&b, "    %v\n", x)
	}
	fmt.Fprintf(&b, "    result: %s: %s", r.result, timeout.ReplaceAllString(fmt.Sprint(r.record.err), ""))
	if r.record.ended {
		b.WriteString(" (context ended)")
	}
	return b.String()
}

// timeout matches a text that net/http adds to an error or not, depending on which of two
// goroutines a timeout wakes first.
var timeout = regexp.MustCompile(` \(Client\.Timeout [^)]*\)`)

// table counts the results of all providers: of deletions, teardowns and reads.
type table struct {
	mu   sync.Mutex
	rows []*row
}

// row holds the counts of one provider and one part.
type row struct {
	provider    string
	of          part
	runs, wrong int
	requests    int
	faults      int
	counts      map[string]int
	kinds       map[string]int // the number of requests with a fault of each optional kind
	duration    time.Duration
}

// writePart is a part of the table.
type part int

const (
	deletionPart part = iota
	teardownPart
	readPart
)

func (t *table) add(provider string, of part) *row {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := &row{provider: provider, of: of, counts: map[string]int{}, kinds: map[string]int{}}
	t.rows = append(t.rows, r)
	return r
}

func (r *row) count(of *run, took time.Duration) {
	r.runs++
	r.counts[of.result]++
	for action, n := range of.scenario.counts {
		r.counts[action] += n
	}
	r.requests += len(of.record.exchanges)
	for _, x := range of.record.exchanges {
		if x.fault != "" {
			r.faults++
		}
		kind, _, _ := strings.Cut(x.fault, ":")
		r.kinds[kind]++
	}
	if len(of.wrong) > 0 {
		r.wrong++
	}
	r.duration += took
}

// write writes the tables, in the order of the providers.
func (t *table) write(w io.Writer) {
	t.writePart(w, deletionPart, "deletions", results)
	t.writePart(w, teardownPart, "teardowns", outcomes)
	t.writePart(w, readPart, "lists, checks", readResults)
	t.writeKinds(w)
}

// withFault returns the number of a provider's requests with a fault of an optional kind;
// "" is all providers.
func (t *table) withFault(kind, provider string) int {
	n := 0
	for _, r := range t.rows {
		if provider == "" || r.provider == provider {
			n += r.kinds[kind]
		}
	}
	return n
}

// writeKinds writes the number of requests with a fault of each optional kind. Kinds that
// apply to no single request, such as changes by others, are not listed.
func (t *table) writeKinds(w io.Writer) {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(out, "requests with fault\t")
	for _, p := range providers {
		fmt.Fprintf(out, "%s\t", p.name)
	}
	fmt.Fprintln(out)
	for _, kind := range kindNames {
		if t.withFault(kind, "") == 0 {
			continue
		}
		fmt.Fprintf(out, "%s\t", kind)
		for _, p := range providers {
			fmt.Fprintf(out, "%d\t", t.withFault(kind, p.name))
		}
		fmt.Fprintln(out)
	}
	_ = out.Flush()
}

func (t *table) writePart(w io.Writer, of part, title string, columns []string) {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(out, "%s\truns\trequests\tfaults\t", title)
	for _, column := range columns {
		fmt.Fprintf(out, "%s\t", column)
	}
	fmt.Fprintln(out, "wrong results\ttime\t")
	for _, p := range providers {
		for _, r := range t.rows {
			if r.provider != p.name || r.of != of {
				continue
			}
			fmt.Fprintf(out, "%s\t%d\t%d\t%d\t", r.provider, r.runs, r.requests, r.faults)
			for _, column := range columns {
				fmt.Fprintf(out, "%d\t", r.counts[column])
			}
			fmt.Fprintf(out, "%d\t%v\t\n", r.wrong, r.duration.Round(time.Millisecond))
		}
	}
	_ = out.Flush()
}
