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
	seed  = flag.Uint64("seed", 0, "the `seed` of a single run, which is told in full")
	first = flag.Uint64("first", 1, "the first `seed` of all runs")
	runs  = flag.Int("runs", 0, "how many runs each provider has; 0 for 2,000, 500 with -short, 100 with -race")
)

// howMany is how many runs each provider has. The race detector makes each of them
// ten times as slow, and they have one goroutine: it is for the other tests.
func howMany() int {
	switch {
	case raceDetector:
		return cmp.Or(*runs, 100)
	case testing.Short():
		return cmp.Or(*runs, 500)
	}
	return cmp.Or(*runs, 2_000)
}

// maxShown is how many lies are shown of a provider; all are counted.
const maxShown = 3

func TestSimulation(t *testing.T) {
	t.Parallel()
	table, on := &table{}, kindsOn(*kindsFlag)
	t.Cleanup(func() {
		table.write(t.Output())
		for _, k := range faultKinds { // a kind that befalls nothing tests nothing
			if on[k.name] && *seed == 0 && howMany() >= 2_000 && table.befell(k.name, "") == 0 {
				t.Errorf("no request was befallen by %s", k.name)
			}
		}
	})
	for _, p := range providers {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			if *seed != 0 {
				r := play(t, p, *seed, on)
				t.Log(r.story())
				if len(r.lies) > 0 {
					t.Error(strings.Join(r.lies, "\n"))
				}
				return
			}
			deletions, teardowns, readings := table.add(p.name, ofDeletions), table.add(p.name, ofTeardowns), table.add(p.name, ofReadings)
			for s := *first; s < *first+uint64(howMany()); s++ {
				began := time.Now()
				r, row := play(t, p, s, on), deletions
				switch {
				case r.scenario.counts != nil:
					row = teardowns
				case r.scenario.reads:
					row = readings
				}
				row.count(r, time.Since(began))
				if len(r.lies) > 0 && row.lies <= maxShown {
					t.Errorf("seed %d: %s\n%s\nagain: go test ./internal/simulation -run 'TestSimulation/%s' -kinds %q -seed %d -v",
						s, strings.Join(r.lies, "; "), r.story(), p.name, *kindsFlag, s)
				}
			}
		})
	}
}

// A run has to be the same whenever it is made, or else a seed is worth nothing.
func TestARunIsMadeOfItsSeed(t *testing.T) {
	t.Parallel()
	seeds, on := uint64(250), kindsOn("all")
	if raceDetector {
		seeds = 25
	}
	for _, p := range providers {
		for i := range seeds {
			s := i
			if i >= seeds*4/5 { // more teardowns, which have more that could differ
				s = i * teardownEvery
			}
			if one, two := play(t, p, s, on).story(), play(t, p, s, on).story(); one != two {
				t.Fatalf("%s, seed %d: two runs differ:\n%s\n%s", p.name, s, one, two)
			}
		}
	}
}

// run is what came of a seed.
type run struct {
	scenario *scenario
	trial    trial
	setting  string
	verdict  string
	lies     []string
}

// play makes the run of a seed.
func play(t *testing.T, p provider, seed uint64, on map[string]bool) *run {
	t.Helper()
	result := &run{}
	synctest.Test(t, func(t *testing.T) {
		random := streams{p.name, seed}
		s := p.scenario(seed)(random.of("scenario"))
		ctx, cancel := context.WithCancel(trace.WithParallel(t.Context(), 1)) // one request at a time
		defer cancel()
		if r := random.of("context"); chance(r, 0.15) {
			var stop context.CancelFunc
			ctx, stop = context.WithTimeout(ctx, time.Duration(r.Int64N(int64(one(r, time.Second, time.Minute, time.Hour)))))
			defer stop()
		}
		n := &network{
			scenario: s, streams: random, on: on, cancel: cancel, began: time.Now(),
			times: map[string]int{}, ignored: map[string]int{}, answers: map[string]*http.Response{},
		}
		r := random.of("weather")
		n.weather = newWeather(r)
		if s.length > 0 {
			n.weather.prolong(r, s.length)
		}
		n.weather.others(random.of("others"), n)
		if n.weather.cancelAt == atOnce {
			cancel()
		}
		ctx, set, told := newSetting(ctx, random.of("client"), n)
		limited := set.rate > 0
		var ended time.Time
		over := context.AfterFunc(ctx, func() { ended = time.Now() })

		err := s.do(ctx, set)

		took := time.Since(n.began)
		overtime := time.Duration(0)
		synctest.Wait()
		over() // the judge takes its time
		if !ended.IsZero() {
			overtime = time.Since(ended)
		}
		*result = run{scenario: s, setting: told, trial: trial{
			exchanges: n.exchanges, err: err, ended: ctx.Err() != nil, overtime: overtime, open: int(n.open.Load()), late: n.late,
			limited: limited || s.limited || n.limited, pending: n.pending,
			throttled: limited && !s.limited && !n.limited, took: took, on: on,
		}}
		result.verdict, result.lies = s.judge(&result.trial)
	})
	return result
}

// scenario picks what a run is about: one in five is a teardown, one in ten reads only.
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

// newSetting picks a client by chance: how often and how long it tries, and the caller's
// http.Client with a timeout, which net/http makes another way through, or without. The
// context has the jitter of the run, which is the same each time.
func newSetting(ctx context.Context, r *rand.Rand, n *network) (_ context.Context, set setting, told string) {
	set.client = &http.Client{Transport: n, Timeout: one(r, 0, 0, time.Second, time.Minute, time.Hour)}
	set.maxAttempts, set.maxWait = one(r, 0, 0, 1, 2, 3, 8), one(r, 0, 0, time.Second, time.Hour)
	jitter := rand.New(rand.NewPCG(r.Uint64(), 0))
	if chance(r, 0.1) {
		set.rate = 0.5
	}
	ctx = backoff.WithJitter(ctx, func(bound time.Duration) time.Duration { return time.Duration(jitter.Int64N(int64(bound))) })
	return ctx, set, fmt.Sprintf("attempts %d, longest wait %v, timeout %v, rate %v", set.maxAttempts, set.maxWait, set.client.Timeout, set.rate)
}

// story tells a run.
func (r *run) story() string {
	var b strings.Builder
	fmt.Fprintf(&b, "    organization: %s\n    client: %s\n", r.scenario.title, r.setting)
	for _, x := range r.trial.exchanges {
		fmt.Fprintf(&b, "    %v\n", x)
	}
	fmt.Fprintf(&b, "    verdict: %s: %s", r.verdict, timeout.ReplaceAllString(fmt.Sprint(r.trial.err), ""))
	if r.trial.ended {
		b.WriteString(" (the context has ended)")
	}
	return b.String()
}

// timeout is what net/http adds to an error, or does not: that is a matter of two
// goroutines that a time-out wakes at once.
var timeout = regexp.MustCompile(` \(Client\.Timeout [^)]*\)`)

// table counts the verdicts of all providers: of deletions, and of teardowns.
type table struct {
	mu   sync.Mutex
	rows []*row
}

// row is of one provider and one part.
type row struct {
	provider   string
	of         part
	runs, lies int
	requests   int
	faults     int
	counts     map[string]int
	kinds      map[string]int // of the new faults: how many requests each befell
	took       time.Duration
}

// part is a part of the table.
type part int

const (
	ofDeletions part = iota
	ofTeardowns
	ofReadings
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
	r.counts[of.verdict]++
	for what, n := range of.scenario.counts {
		r.counts[what] += n
	}
	r.requests += len(of.trial.exchanges)
	for _, x := range of.trial.exchanges {
		if x.fault != "" {
			r.faults++
		}
		kind, _, _ := strings.Cut(x.fault, ":")
		r.kinds[kind]++
	}
	if len(of.lies) > 0 {
		r.lies++
	}
	r.took += took
}

// write writes the tables, in the order of the providers.
func (t *table) write(w io.Writer) {
	t.part(w, ofDeletions, "deletions", verdicts)
	t.part(w, ofTeardowns, "teardowns", endings)
	t.part(w, ofReadings, "lists, checks", readings)
	t.kinds(w)
}

// befell returns how many requests of a provider a kind of the new faults befell.
func (t *table) befell(kind, provider string) int {
	n := 0
	for _, r := range t.rows {
		if provider == "" || r.provider == provider {
			n += r.kinds[kind]
		}
	}
	return n
}

// kinds writes how many requests each kind of the new faults befell. Those that befall
// no single request, such as changes by others, are left out.
func (t *table) kinds(w io.Writer) {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(out, "requests befallen\t")
	for _, p := range providers {
		fmt.Fprintf(out, "%s\t", p.name)
	}
	fmt.Fprintln(out)
	for _, kind := range kindNames {
		if t.befell(kind, "") == 0 {
			continue
		}
		fmt.Fprintf(out, "%s\t", kind)
		for _, p := range providers {
			fmt.Fprintf(out, "%d\t", t.befell(kind, p.name))
		}
		fmt.Fprintln(out)
	}
	_ = out.Flush()
}

func (t *table) part(w io.Writer, of part, title string, columns []string) {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(out, "%s\truns\trequests\tfaults\t", title)
	for _, column := range columns {
		fmt.Fprintf(out, "%s\t", column)
	}
	fmt.Fprintln(out, "lies\ttime\t")
	for _, p := range providers {
		for _, r := range t.rows {
			if r.provider != p.name || r.of != of {
				continue
			}
			fmt.Fprintf(out, "%s\t%d\t%d\t%d\t", r.provider, r.runs, r.requests, r.faults)
			for _, column := range columns {
				fmt.Fprintf(out, "%d\t", r.counts[column])
			}
			fmt.Fprintf(out, "%d\t%v\t\n", r.lies, r.took.Round(time.Millisecond))
		}
	}
	_ = out.Flush()
}
