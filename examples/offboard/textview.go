package main

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/teardown"
)

// textView shows what goes on in plain lines, each with the time since the beginning.
type textView struct {
	mu      sync.Mutex
	out     io.Writer
	plans   []planned
	started time.Time
}

func (l *textView) print(i int, format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.plans[i]
	fmt.Fprintf(l.out, "%6s  %-9s  %s: %s\n", clock(time.Since(l.started)), p.Entry.Provider, p.title(), fmt.Sprintf(format, args...))
}

func (l *textView) event(i int, e teardown.Event) {
	if e.Step == "" {
		switch e.Kind {
		case teardown.EventStarted:
			l.print(i, "begun, %s", count(e.Total, "step"))
		case teardown.EventWaiting:
			l.print(i, "waits: %s", printable.Text(e.Text))
		case teardown.EventRetrying:
			l.print(i, "again in %s: %s", clock(e.Wait), reasonOf(e))
		}
		return // its end is the verdict's
	}
	step := printable.Text(e.Step)
	switch e.Kind {
	case teardown.EventStarted:
		l.print(i, "%s: %s", step, printable.Text(e.Text))
	case teardown.EventWaiting:
		l.print(i, "%s: waits: %s", step, printable.Text(e.Text))
	case teardown.EventRetrying:
		l.print(i, "%s: again in %s: %s", step, clock(e.Wait), reasonOf(e))
	case teardown.EventFinished:
		text := stateText(e.State)
		if e.Err != nil {
			text += ": " + short(e.Err)
		}
		l.print(i, "%s: %s (%d/%d)", step, text, e.Done, e.Total)
	}
}

func (l *textView) note(i int, text string, wait time.Duration) {
	if wait > 0 {
		text = fmt.Sprintf("waits %s: %s", clock(wait), text)
	}
	l.print(i, "%s", printable.Text(text))
}

func (l *textView) end(i int, v result) { l.print(i, "%s", v.text()) }

func (l *textView) stopping() {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.out, "%6s  %s\n", clock(time.Since(l.started)), hintStopping)
}

func (*textView) close() {}

// stateText is a state in words.
func stateText(s teardown.StepState) string {
	switch s {
	case teardown.StepDeleted:
		return "gone"
	case teardown.StepAlreadyDeleted:
		return "was gone already"
	case teardown.StepManual:
		return "has to be done by hand"
	}
	return printable.Text(string(s))
}

// jsonLines writes a document a line. Each has a type.
type jsonLines struct {
	mu  sync.Mutex
	out io.Writer
}

func (j *jsonLines) write(document any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	_ = json.NewEncoder(j.out).Encode(document) // who reads it has gone: there is nobody to tell
}

// eventLine is a [teardown.Event] for machines.
type eventLine struct {
	Type         string                `json:"type"`
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
	Problem      *problem              `json:"problem,omitempty"`
}

func (j *jsonLines) event(_ int, e teardown.Event) {
	j.write(eventLine{
		"event", e.Time, e.Provider, e.Organization, e.Step, e.Kind, e.State, e.Outcome, e.Text, e.Wait.Seconds(), e.Done, e.Total, problemOf(e.Err),
	})
}

func (j *jsonLines) end(_ int, v result) {
	j.write(struct {
		Type string `json:"type"`
		result
		Report *teardown.Report `json:"report,omitempty"`
	}{"verdict", v, v.report})
}

func (*jsonLines) note(int, string, time.Duration) {}
func (*jsonLines) stopping()                       {}
func (*jsonLines) close()                          {}
