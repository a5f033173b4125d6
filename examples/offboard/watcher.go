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

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// watcher shows what goes on while plans are carried out. Organizations are told by
// their place in the plan file. It is called from several goroutines.
type watcher interface {
	event(i int, e teardown.Event)
	note(i int, text string, wait time.Duration) // of the organization's client; 0: it does not wait
	end(i int, v result)
	stopping()
	close()
}

// newWatcher picks the one that fits: JSON lines for machines, the live view on a
// terminal, plain lines elsewhere.
func (p *program) newWatcher(f *planFile) watcher {
	file, ok := p.out.(*os.File)
	switch {
	case p.json:
		return &jsonLines{out: p.out}
	case ok && !p.verbose && term.IsTerminal(int(file.Fd())) && movesCursor(os.Getenv("TERM"), runtime.GOOS):
		var keys io.Reader
		if p.interactive() {
			keys = p.in
		}
		return newTerminalView(file, keys, p.interrupt, newLiveView(time.Now(), f.Organizations))
	}
	return &textView{out: p.out, plans: f.Organizations, started: time.Now()}
}

// movesCursor reports whether a terminal of this type moves its cursor, which the live
// view needs. A terminal of Windows does, and has no type.
func movesCursor(terminal, system string) bool {
	return terminal != "dumb" && (terminal != "" || system == "windows")
}

// logRelay takes what clients log to the watcher. A client may serve several
// organizations, so each call says by its context whose it is.
type logRelay struct {
	watcher *atomic.Pointer[watcher]
}

type organizationKey struct{}

// withOrganization marks the calls for an organization.
func withOrganization(ctx context.Context, i int) context.Context {
	return context.WithValue(ctx, organizationKey{}, i)
}

// Enabled implements [slog.Handler].
func (logRelay) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelDebug }

// WithAttrs implements [slog.Handler].
func (r logRelay) WithAttrs([]slog.Attr) slog.Handler { return r }

// WithGroup implements [slog.Handler].
func (r logRelay) WithGroup(string) slog.Handler { return r }

// Handle implements [slog.Handler]: waits are shown, and what goes wrong.
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
		if wait := attrs["wait"].Duration(); wait >= time.Second { // shorter ones would only flicker
			(*w).note(i, attrs["reason"].String(), wait)
		}
	case "request":
		// What a read does not find is mostly what is hoped for.
		if e, failed := attrs["error"].Any().(*errors.Error); failed && (errors.Retryable(e) || e.Code == errors.OutcomeUnknown) {
			(*w).note(i, fmt.Sprintf("%s: %s", attrs["operation"], reason(e)), 0)
		}
	}
	return nil
}
