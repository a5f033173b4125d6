// Package view shows the progress while plans are applied: a live view on a terminal, lines of
// text, or lines of JSON.
package view

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/term"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/layout"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/problem"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/report"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/timeline"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/observe"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Watcher shows the progress while plans are applied. i is the index of the organization in
// the plan file. Several goroutines call the methods.
type Watcher interface {
	// Event shows an event of a teardown.
	Event(i int, e teardown.Event)

	// Note shows a text of the organization's client. wait is the time that the client waits,
	// or 0.
	Note(i int, text string, wait time.Duration)

	// End shows the result of an organization.
	End(i int, r report.Result)

	// Stopping shows that no further attempt starts. limit is the flag whose time has ended; "" after
	// a signal.
	Stopping(limit string)

	// Close ends the display.
	Close()
}

// Settings are the settings of a watcher.
type Settings struct {
	Out       io.Writer
	Keys      io.Reader // of the terminal; nil if the standard input is not a terminal
	Interrupt func()    // called for Ctrl-C, which is a key of the live view
	JSON      bool      // show JSON lines
	Steps     bool      // show lines of text with the steps, on a terminal, too
	Requests  bool      // show failed requests and waits in the lines of text
}

// New returns JSON lines if the settings select them, the live view on a terminal, and
// the text view otherwise.
func New(s Settings, organizations []planfile.Planned) Watcher {
	file, ok := layout.Raw(s.Out).(*os.File)
	switch {
	case s.JSON:
		return &jsonLines{out: s.Out}
	case ok && !s.Steps && term.IsTerminal(int(file.Fd())) && movesCursor(os.Getenv("TERM"), runtime.GOOS):
		return newTerminalView(file, s.Keys, s.Interrupt, newLiveView(time.Now(), organizations))
	}
	return &textView{out: s.Out, plans: organizations, started: time.Now(), steps: s.Steps, requests: s.Requests}
}

// movesCursor reports whether a terminal of this type can move its cursor, as the live view
// requires. A terminal of Windows can, and has no type.
func movesCursor(terminal, system string) bool {
	return terminal != "dumb" && (terminal != "" || system == "windows")
}

// LogRelay is a log handler that passes the log records of clients to the watcher. Several
// organizations may share a client, so the context of each call identifies the organization.
type LogRelay struct {
	// Watcher contains nil before the first plan is applied.
	Watcher *atomic.Pointer[Watcher]

	// Recorder records the requests and the waits for a report; it may be nil.
	Recorder *timeline.Recorder
}

type organizationKey struct{}

// WithOrganization returns a context for calls about an organization.
func WithOrganization(ctx context.Context, i int) context.Context {
	return context.WithValue(ctx, organizationKey{}, i)
}

// Enabled implements [slog.Handler].
func (LogRelay) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelDebug }

// WithAttrs implements [slog.Handler].
func (r LogRelay) WithAttrs([]slog.Attr) slog.Handler { return r }

// WithGroup implements [slog.Handler].
func (r LogRelay) WithGroup(string) slog.Handler { return r }

// WaitReason returns the reason of a wait by the attributes of its log record: after a failure, with its
// code, and with the request of a token if that failed.
func WaitReason(attrs map[string]slog.Value) string {
	reason := attrs[observe.ReasonKey].String()
	code, failed := attrs[observe.CodeKey]
	if !failed {
		return reason
	}
	if request, ok := attrs["request"]; ok {
		return fmt.Sprintf("%s after %s of %s", reason, code, request)
	}
	return fmt.Sprintf("%s after %s", reason, code)
}

// Handle implements [slog.Handler]. It shows waits and failed requests.
func (r LogRelay) Handle(ctx context.Context, record slog.Record) error {
	i, ok := ctx.Value(organizationKey{}).(int)
	w := r.Watcher.Load()
	if !ok || w == nil {
		return nil
	}
	attrs := map[string]slog.Value{}
	record.Attrs(func(a slog.Attr) bool { attrs[a.Key] = a.Value; return true })
	switch record.Message {
	case "waiting":
		step, _ := teardown.StepFromContext(ctx)
		r.Recorder.Wait(i, step.ID, attrs["reason"].String(), record.Time, attrs["wait"].Duration())
		if wait := attrs["wait"].Duration(); wait >= time.Second { // a shorter note would flicker
			(*w).Note(i, WaitReason(attrs), wait)
		}
	case "request":
		r.Recorder.Request(i)
		// Most reads that find nothing verify a removal.
		if e, failed := attrs["error"].Any().(*errors.Error); failed && (errors.Retryable(e) || e.Code == errors.OutcomeUnknown) {
			(*w).Note(i, fmt.Sprintf("%s: %s", attrs["operation"], problem.Reason(e)), 0)
		}
	}
	return nil
}
