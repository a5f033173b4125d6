package main

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

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/problem"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// watcher shows the progress while plans are applied. i is the index of the organization in
// the plan file. Several goroutines call the methods.
type watcher interface {
	event(i int, e teardown.Event)

	// note shows a text of the organization's client. wait is the time that the client waits,
	// or 0.
	note(i int, text string, wait time.Duration)

	end(i int, r result)
	stopping()
	close()
}

// watcherSettings are the settings of a watcher.
type watcherSettings struct {
	out       io.Writer
	keys      io.Reader // of the terminal; nil if the standard input is not a terminal
	interrupt func()    // called for Ctrl-C, which is a key of the live view
	json      bool      // show JSON lines
	scroll    bool      // show lines of text on a terminal, too
}

// newWatcher returns JSON lines if the settings select them, the live view on a terminal, and
// the text view otherwise.
func newWatcher(s watcherSettings, organizations []planfile.Planned) watcher {
	file, ok := s.out.(*os.File)
	switch {
	case s.json:
		return &jsonLines{out: s.out}
	case ok && !s.scroll && term.IsTerminal(int(file.Fd())) && movesCursor(os.Getenv("TERM"), runtime.GOOS):
		return newTerminalView(file, s.keys, s.interrupt, newLiveView(time.Now(), organizations))
	}
	return &textView{out: s.out, plans: organizations, started: time.Now()}
}

// movesCursor reports whether a terminal of this type can move its cursor, as the live view
// requires. A terminal of Windows can, and has no type.
func movesCursor(terminal, system string) bool {
	return terminal != "dumb" && (terminal != "" || system == "windows")
}

// logRelay is a log handler that passes the log records of clients to the watcher. Several
// organizations may share a client, so the context of each call identifies the organization.
type logRelay struct {
	watcher *atomic.Pointer[watcher]
}

type organizationKey struct{}

// withOrganization returns a context for calls about an organization.
func withOrganization(ctx context.Context, i int) context.Context {
	return context.WithValue(ctx, organizationKey{}, i)
}

// Enabled implements [slog.Handler].
func (logRelay) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelDebug }

// WithAttrs implements [slog.Handler].
func (r logRelay) WithAttrs([]slog.Attr) slog.Handler { return r }

// WithGroup implements [slog.Handler].
func (r logRelay) WithGroup(string) slog.Handler { return r }

// Handle implements [slog.Handler]. It shows waits and failed requests.
func (r logRelay) Handle(ctx context.Context, record slog.Record) error {
	i, ok := ctx.Value(organizationKey{}).(int)
	w := r.watcher.Load()
	if !ok || w == nil {
		return nil
	}
	attrs := map[string]slog.Value{}
	record.Attrs(func(a slog.Attr) bool { attrs[a.Key] = a.Value; return true })
	switch record.Message {
	case "waiting":
		if wait := attrs["wait"].Duration(); wait >= time.Second { // a shorter note would flicker
			(*w).note(i, attrs["reason"].String(), wait)
		}
	case "request":
		// Most reads that find nothing verify a removal.
		if e, failed := attrs["error"].Any().(*errors.Error); failed && (errors.Retryable(e) || e.Code == errors.OutcomeUnknown) {
			(*w).note(i, fmt.Sprintf("%s: %s", attrs["operation"], problem.Reason(e)), 0)
		}
	}
	return nil
}
