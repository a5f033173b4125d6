package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/connect"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/format"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/view"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/observe"
	"github.com/offboard-dev/offboard-go/teardown"
)

// waitLog is a log handler that prints the waits of clients that take a second or longer.
type waitLog struct {
	mu  *sync.Mutex
	out io.Writer
}

// Enabled implements [slog.Handler].
func (waitLog) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

// WithAttrs implements [slog.Handler].
func (w waitLog) WithAttrs([]slog.Attr) slog.Handler { return w }

// WithGroup implements [slog.Handler].
func (w waitLog) WithGroup(string) slog.Handler { return w }

// Handle implements [slog.Handler].
func (w waitLog) Handle(_ context.Context, record slog.Record) error {
	if record.Message != "waiting" {
		return nil
	}
	attrs := map[string]slog.Value{}
	record.Attrs(func(a slog.Attr) bool { attrs[a.Key] = a.Value; return true })
	if wait := attrs[observe.WaitKey].Duration(); wait >= time.Second {
		w.mu.Lock()
		defer w.mu.Unlock()
		fmt.Fprintf(w.out, "%s: %s: waiting %s: %s\n", printable.Text(attrs[observe.ProviderKey].String()),
			printable.Text(attrs[observe.OperationKey].String()), format.Clock(wait), printable.Text(view.WaitReason(attrs)))
	}
	return nil
}

// readsEvery is the time between two lines about reads that have not finished.
const readsEvery = 10 * time.Second

// reads shows which organizations are being read, if that takes long.
type reads struct {
	log   waitLog
	total int

	mu      sync.Mutex
	running []string
	done    int
}

// showReads shows the reads of a command, if they take long. The returned function ends the
// display.
func (p *program) showReads(total int, open connect.Connector) (connect.Connector, func()) {
	if p.debug { // the log shows every request
		return open, func() {}
	}
	r := &reads{log: waitLog{new(sync.Mutex), p.errOut}, total: total}
	return r.of(open), r.start()
}

// start starts the display. The returned function ends it.
func (r *reads) start() (end func()) {
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(readsEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				r.show()
			case <-stop:
				return
			}
		}
	}()
	return func() {
		close(stop)
		<-ended
	}
}

func (r *reads) show() {
	r.mu.Lock()
	running := format.List(r.running)
	if n := len(r.running); n > 3 {
		running = fmt.Sprintf("%s and %d more", format.List(r.running[:3]), n-3)
	}
	done := r.done
	r.mu.Unlock()
	if running == "" {
		return
	}
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	fmt.Fprintf(r.log.out, "read %d of %s; reading %s\n", done, format.Count(r.total, "organization"), running)
}

// of returns a connector that shows the plans that are being made.
func (r *reads) of(open connect.Connector) connect.Connector {
	return func(e planfile.Entry) (connect.Organization, error) {
		o, err := open(e)
		if err != nil {
			return nil, err
		}
		name := e.Provider
		if id := e.Bare().Organization; id != "" { // another text may be a secret
			name += " " + id
		}
		return reading{o, r, name}, nil
	}
}

// reading is an organization whose plans are shown while they are made.
type reading struct {
	connect.Organization
	reads *reads
	name  string
}

func (r reading) Plan(ctx context.Context) (*teardown.Plan, error) {
	r.reads.mu.Lock()
	r.reads.running = append(r.reads.running, r.name)
	r.reads.mu.Unlock()
	defer func() {
		r.reads.mu.Lock()
		defer r.reads.mu.Unlock()
		for i, name := range r.reads.running {
			if name == r.name {
				r.reads.running = append(r.reads.running[:i], r.reads.running[i+1:]...)
				break
			}
		}
		r.reads.done++
	}()
	return r.Organization.Plan(ctx)
}
