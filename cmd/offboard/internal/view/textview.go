package view

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/format"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/problem"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/report"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/schema"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/teardown"
)

// textView shows the progress in lines of text, each with the time since the start: a line
// for each organization that has ended, and more if the settings select them.
type textView struct {
	steps, requests bool

	mu      sync.Mutex
	out     io.Writer
	plans   []planfile.Planned
	started time.Time
}

func (l *textView) print(i int, text string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.plans[i]
	fmt.Fprintf(l.out, "%6s  %-9s  %s: %s\n", format.Clock(time.Since(l.started)), p.Entry.Provider, p.Title(), fmt.Sprintf(text, args...))
}

func (l *textView) Event(i int, e teardown.Event) {
	if !l.steps {
		return
	}
	if e.Step == "" {
		switch e.Kind {
		case teardown.EventStarted:
			l.print(i, "started, %s", format.Count(e.Total, "step"))
		case teardown.EventWaiting:
			l.print(i, "waiting: %s", printable.Text(e.Text))
		case teardown.EventRetrying:
			l.print(i, "retry in %s: %s", format.Clock(e.Wait), reasonOf(e))
		}
		return // end prints the result
	}
	step := printable.Text(e.Step)
	switch e.Kind {
	case teardown.EventStarted:
		l.print(i, "%s: %s", step, printable.Text(e.Text))
	case teardown.EventWaiting:
		l.print(i, "%s: waiting: %s", step, printable.Text(e.Text))
	case teardown.EventRetrying:
		l.print(i, "%s: retry in %s: %s", step, format.Clock(e.Wait), reasonOf(e))
	case teardown.EventFinished:
		text := format.State(e.State)
		if e.Err != nil {
			text += ": " + problem.Short(e.Err)
		}
		l.print(i, "%s: %s (%d/%d)", step, text, e.Done, e.Total)
	}
}

func (l *textView) Note(i int, text string, wait time.Duration) {
	if !l.requests {
		return
	}
	if wait > 0 {
		text = fmt.Sprintf("waiting %s: %s", format.Clock(wait), text)
	}
	l.print(i, "%s", printable.Text(text))
}

func (l *textView) End(i int, r report.Result) { l.print(i, "%s", r.Text()) }

func (l *textView) Stopping(limit string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.out, "%6s  %s\n", format.Clock(time.Since(l.started)), stoppingHint(limit))
}

func (*textView) Close() {}

// jsonLines writes one JSON document per line. Each has a type.
type jsonLines struct {
	mu  sync.Mutex
	out io.Writer
}

func (j *jsonLines) write(document any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	_ = json.NewEncoder(printable.JSONWriter(j.out)).Encode(document) // fails only if the reader has closed the stream
}

// eventLine is a [teardown.Event] as a line of JSON.
type eventLine struct {
	Type         string                `json:"type"`
	Version      int                   `json:"version"`
	Time         time.Time             `json:"time"`
	Provider     string                `json:"provider"`
	Organization teardown.Organization `json:"organization"`
	Step         string                `json:"step,omitempty"`
	Kind         teardown.EventKind    `json:"kind"`
	State        teardown.StepState    `json:"state,omitempty"`
	Outcome      teardown.Outcome      `json:"outcome,omitempty"`
	Text         string                `json:"text,omitempty"`
	Wait         float64               `json:"wait_seconds,omitempty"`
	Done         int                   `json:"done"`
	Total        int                   `json:"total"`
	Problem      *problem.Problem      `json:"problem,omitempty"`
}

func (j *jsonLines) Event(_ int, e teardown.Event) {
	j.write(eventLine{
		"event", schema.Version, e.Time.UTC(), e.Provider, e.Organization, e.Step, e.Kind, e.State, e.Outcome, e.Text, e.Wait.Seconds(), e.Done, e.Total, problem.OfOutcome(e.Outcome, e.Err),
	})
}

func (j *jsonLines) End(_ int, r report.Result) {
	j.write(struct {
		Type    string `json:"type"`
		Version int    `json:"version"`
		report.Result
		Report *teardown.Report `json:"report,omitempty"`
	}{"result", schema.Version, r, inUTC(r.Report)})
}

// inUTC returns a report with all times in UTC.
func inUTC(r *teardown.Report) *teardown.Report {
	if r == nil {
		return nil
	}
	u := *r
	u.StartedAt, u.FinishedAt, u.Steps = r.StartedAt.UTC(), r.FinishedAt.UTC(), slices.Clone(r.Steps)
	for i := range u.Steps {
		u.Steps[i].StartedAt, u.Steps[i].FinishedAt = u.Steps[i].StartedAt.UTC(), u.Steps[i].FinishedAt.UTC()
	}
	return &u
}

func (*jsonLines) Note(int, string, time.Duration) {}

func (*jsonLines) Stopping(string) {}

func (*jsonLines) Close() {}
