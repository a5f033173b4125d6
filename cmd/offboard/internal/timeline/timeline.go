// Package timeline records when the steps of a run worked and waited, and draws it as a chart.
package timeline

import (
	"slices"
	"sync"
	"time"

	"github.com/offboard-dev/offboard-go/observe"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Reason is the reason why time passed.
type Reason string

// Values of [Reason].
const (
	// Working: a request, or a wait whose reason no event states.
	Working Reason = "working"

	// Provider: the step waits for the provider, such as for a deletion in progress.
	Provider Reason = "provider"

	// Retry: a wait before another attempt.
	Retry Reason = "retry"

	// RateLimit: the client waits for the rate limit.
	RateLimit Reason = "limit"
)

// Reasons returns the reasons in the order of the legend.
func Reasons() []Reason { return []Reason{Working, Provider, Retry, RateLimit} }

// Text describes a reason.
func (r Reason) Text() string {
	switch r {
	case Working:
		return "requests, and waits without a stated reason"
	case Provider:
		return "waits for the provider"
	case Retry:
		return "waits before another attempt"
	case RateLimit:
		return "waits for the rate limit"
	}
	return "unknown"
}

// Span is a time with one reason.
type Span struct {
	Reason     Reason
	Start, End time.Time
}

// Recorder records the runs of the organizations of a plan file, by their index. A nil Recorder
// records nothing. It is safe for concurrent use.
type Recorder struct {
	mu   sync.Mutex
	runs map[int]*Run
}

// Run is the run of one organization.
type Run struct {
	Requests int               // number of requests that were sent, and logged
	Client   []Span            // waits of the client that belong to no step
	Steps    map[string][]Span // by the ID of the step, without overlaps

	waits map[string][]Span // of the client, by the ID of the step
}

// New returns a recorder.
func New() *Recorder { return &Recorder{runs: map[int]*Run{}} }

func (r *Recorder) run(i int) *Run {
	if r.runs[i] == nil {
		r.runs[i] = &Run{Steps: map[string][]Span{}, waits: map[string][]Span{}}
	}
	return r.runs[i]
}

// Event records an event of a teardown.
func (r *Recorder) Event(i int, e teardown.Event) {
	if r == nil || e.Step == "" && e.Kind != teardown.EventRetrying {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	run := r.run(i)
	if e.Step == "" {
		run.Client = append(run.Client, Span{Retry, e.Time, e.Time.Add(e.Wait)})
		return
	}
	spans := run.Steps[e.Step]
	if n := len(spans); n > 0 {
		last := &spans[n-1]
		if last.End.IsZero() || last.End.After(e.Time) { // an earlier end is that of a wait before an attempt
			last.End = e.Time
		} else if last.End.Before(e.Time) {
			spans = append(spans, Span{Working, last.End, e.Time})
		}
	}
	switch e.Kind {
	case teardown.EventStarted:
		spans = append(spans, Span{Reason: Working, Start: e.Time})
	case teardown.EventWaiting:
		spans = append(spans, Span{Reason: Provider, Start: e.Time})
	case teardown.EventRetrying:
		spans = append(spans, Span{Retry, e.Time, e.Time.Add(e.Wait)})
	}
	run.Steps[e.Step] = spans
}

// Request records a request that was sent.
func (r *Recorder) Request(i int) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.run(i).Requests++
}

// Wait records a wait of the client that starts. step is the ID of the step that waits; "" for
// the organization itself, or for several steps.
func (r *Recorder) Wait(i int, step, reason string, start time.Time, d time.Duration) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s := Span{Working, start, start.Add(d)} // without a known reason
	switch observe.Reason(reason) {
	case observe.ReasonRateLimit:
		s.Reason = RateLimit
	case observe.ReasonRetry:
		s.Reason = Retry
	}
	if run := r.run(i); step != "" {
		run.waits[step] = append(run.waits[step], s)
	} else {
		run.Client = append(run.Client, s)
	}
}

// divided returns the spans of a step, of which those outside of a wait before another attempt
// are divided by the waits of the client.
func divided(spans, waits []Span) []Span {
	for _, w := range waits {
		var all []Span
		for _, s := range spans {
			from, to := later(s.Start, w.Start), earlier(s.End, w.End)
			if s.Reason == Retry || !from.Before(to) {
				all = append(all, s)
				continue
			}
			all = append(all, Span{s.Reason, s.Start, from}, Span{w.Reason, from, to}, Span{s.Reason, to, s.End})
		}
		spans = slices.DeleteFunc(all, func(s Span) bool { return !s.End.After(s.Start) })
	}
	return spans
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// Of returns a copy of the run of an organization, which ended at a time. It is empty if nothing
// was recorded.
func (r *Recorder) Of(i int, ended time.Time) Run {
	run := Run{Steps: map[string][]Span{}}
	if r == nil {
		return run
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	of := r.runs[i]
	if of == nil {
		return run
	}
	clip := func(spans []Span) []Span {
		spans = slices.Clone(spans)
		for j := range spans {
			if s := &spans[j]; s.End.IsZero() || s.End.After(ended) {
				s.End = ended
			}
		}
		return slices.DeleteFunc(spans, func(s Span) bool { return !s.End.After(s.Start) })
	}
	run.Requests, run.Client = of.Requests, clip(of.Client)
	for id, spans := range of.Steps {
		run.Steps[id] = divided(clip(spans), of.waits[id])
	}
	return run
}
