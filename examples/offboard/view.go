package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
	"golang.org/x/term"

	"github.com/offboard-dev/offboard-go/errors"
)

// view shows deletions as they go on: a row for each on a terminal, plain lines
// elsewhere. What goes on it hears from the clients' logs.
type view struct {
	out      io.Writer
	terminal bool

	mu   sync.Mutex
	tell map[string]func(string) // by provider
}

func newPlayView(out io.Writer) *view {
	file, ok := out.(*os.File)
	return &view{out: out, terminal: ok && term.IsTerminal(int(file.Fd())), tell: map[string]func(string){}}
}

// logger returns a logger whose records are shown.
func (v *view) logger(provider string) *slog.Logger { return slog.New(viewHandler{v, provider}) }

// delete deletes all organizations at once, with the mishaps of each.
func (v *view) delete(ctx context.Context, acts []*act) []actVerdict {
	show, done := v.lines()
	if v.terminal {
		show, done = v.rows(len(acts))
	}
	verdicts := make([]actVerdict, len(acts))
	var group sync.WaitGroup
	for i, s := range acts {
		s.server.Fail(s.mishaps...)
		tell, end := show(s)
		v.mu.Lock()
		v.tell[s.provider] = tell
		v.mu.Unlock()
		group.Go(func() {
			start, before := time.Now(), s.server.Count(s.deletion)
			err := s.organization.Delete(ctx)
			verdicts[i] = actVerdict{err, s.server.Count(s.deletion) - before, time.Since(start)}
			end(err)
		})
	}
	group.Wait()
	done()
	return verdicts
}

// show begins to show a deletion. It returns what shows its progress and its end.
type show func(*act) (tell func(string), end func(error))

// lines shows deletions in plain lines.
func (v *view) lines() (show, func()) {
	var mu sync.Mutex
	print := func(s *act, text string) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(v.out, "   %-9s  %s\n", s.provider, text)
	}
	return func(s *act) (func(string), func(error)) {
		return func(text string) { print(s, text) },
			func(err error) { print(s, actOutcome(s, err)) }
	}, func() {}
}

// rows shows deletions on a terminal, each in a row of its own.
func (v *view) rows(n int) (show, func()) {
	p := progress.NewWriter()
	p.SetOutputWriter(v.out)
	p.SetNumTrackersExpected(n)
	p.SetAutoStop(false)
	p.SetUpdateFrequency(50 * time.Millisecond)
	p.SetStyle(progress.StyleCircle)
	p.Style().Visibility = progress.StyleVisibility{Time: true, Tracker: true}
	p.SetTrackerLength(8)
	p.SetMessageLength(64)
	go p.Render()
	return func(s *act) (func(string), func(error)) {
			row := &progress.Tracker{Message: fmt.Sprintf("%-9s  sent", s.provider)}
			p.AppendTracker(row)
			message := func(text string) { row.UpdateMessage(fmt.Sprintf("%-9s  %s", s.provider, text)) }
			return message, func(err error) {
				message(actOutcome(s, err))
				if err != nil {
					row.MarkAsErrored()
					return
				}
				row.MarkAsDone()
			}
		}, func() {
			p.Stop()
			for p.IsRenderInProgress() {
				time.Sleep(10 * time.Millisecond)
			}
		}
}

func actOutcome(s *act, err error) string {
	if err != nil {
		return err.Error()
	}
	return s.organization.Done()
}

// viewHandler shows the records of a client's log.
type viewHandler struct {
	view     *view
	provider string
}

func (viewHandler) Enabled(context.Context, slog.Level) bool { return true }
func (h viewHandler) WithAttrs([]slog.Attr) slog.Handler     { return h }
func (h viewHandler) WithGroup(string) slog.Handler          { return h }

// Handle tells what a record means to a person.
func (h viewHandler) Handle(_ context.Context, r slog.Record) error {
	h.view.mu.Lock()
	tell := h.view.tell[h.provider]
	h.view.mu.Unlock()
	if tell == nil {
		return nil
	}
	attrs := map[string]slog.Value{}
	r.Attrs(func(a slog.Attr) bool { attrs[a.Key] = a.Value; return true })
	switch r.Message {
	case "waiting":
		tell(fmt.Sprintf("waits %v %s", attrs["wait"].Duration().Round(time.Millisecond), attrs["why"]))
	case "request":
		e, failed := attrs["error"].Any().(*errors.Error)
		if failed {
			tell(fmt.Sprintf("%s: %s", attrs["operation"], reason(e)))
		}
	}
	return nil
}
