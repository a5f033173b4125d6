package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
	"golang.org/x/term"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// watcher shows what goes on while plans are carried out. Organizations are told by
// their place in the plan file. It is called from several goroutines.
type watcher interface {
	event(i int, e teardown.Event)
	note(i int, text string, wait time.Duration) // of the organization's client; 0: it does not wait
	end(i int, v verdict)
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
	case ok && !p.verbose && term.IsTerminal(int(file.Fd())) && os.Getenv("TERM") != "dumb":
		var keys io.Reader
		if p.interactive() {
			keys = p.in
		}
		return newLive(file, keys, p.interrupt, newBoard(time.Now(), f.Organizations))
	}
	return &lines{out: p.out, plans: f.Organizations, started: time.Now()}
}

// live shows a board on a terminal.
type live struct {
	*board
	out     *os.File
	program *tea.Program
	height  *int // of the picture
	ended   chan struct{}
}

const (
	hintRunning  = "Ctrl-C: what runs is finished, and nothing more is begun"
	hintStopping = "Stopping: what runs is finished. Ctrl-C again: end at once"
)

// newLive takes keys, which may be nil, so that the terminal does not write them into
// the picture. Ctrl-C is a key then, and no signal.
func newLive(out *os.File, keys io.Reader, interrupt func(), b *board) *live {
	l := &live{board: b, out: out, height: new(int), ended: make(chan struct{})}
	b.setHint(hintRunning)
	l.program = tea.NewProgram(picture{b, interrupt, l.height}, tea.WithOutput(out), tea.WithInput(keys), tea.WithoutSignalHandler(), tea.WithFPS(20))
	go func() {
		defer close(l.ended)
		_, _ = l.program.Run() // what it shows is shown again, in words, at the end
	}()
	return l
}

func (l *live) note(i int, text string, wait time.Duration) { l.board.note(i, time.Now(), text, wait) }
func (l *live) end(i int, v verdict)                        { l.board.end(i, time.Now(), v) }
func (l *live) stopping()                                   { l.setHint(hintStopping) }

// close takes the picture away, and leaves the last one as text. The terminal's library
// has gone to the last line of its picture, and would leave that out.
func (l *live) close() {
	l.program.Quit()
	<-l.ended
	l.setHint("")
	up := ""
	if n := *l.height - 1; n > 0 {
		up = ansi.CursorUp(n)
	}
	lipgloss.Fprint(l.out, "\r"+up+ansi.EraseScreenBelow+l.draw(time.Now())+"\n")
}

// picture is a board as the terminal's library wants it.
type picture struct {
	*board
	interrupt func()
	height    *int // of the largest picture: the library leaves lines behind when one shrinks
}

type tick time.Time

func ticking() tea.Cmd {
	return tea.Tick(100*time.Millisecond, func(t time.Time) tea.Msg { return tick(t) })
}

// Init implements [tea.Model].
func (p picture) Init() tea.Cmd { return ticking() }

// Update implements [tea.Model].
func (p picture) Update(message tea.Msg) (tea.Model, tea.Cmd) {
	switch m := message.(type) {
	case tea.WindowSizeMsg:
		p.resize(m.Width, m.Height)
		*p.height = 0
	case tick:
		return p, ticking()
	case tea.KeyPressMsg:
		switch m.String() {
		case "ctrl+c":
			p.interrupt()
		case "ctrl+z":
			return p, tea.Suspend
		}
	}
	return p, nil
}

// View implements [tea.Model].
func (p picture) View() tea.View {
	return tea.NewView(p.steady(p.draw(time.Now())))
}

// steady makes a picture as high as the largest was, above its last lines.
func (p picture) steady(text string) string {
	n := strings.Count(text, "\n") + 1
	*p.height = max(*p.height, n)
	at := strings.LastIndex(text, "\n\n") // before the totals
	if at < 0 || n == *p.height {
		return text
	}
	return text[:at] + strings.Repeat("\n", *p.height-n) + text[at:]
}

// lines shows what goes on in plain lines, each with the time since the beginning.
type lines struct {
	mu      sync.Mutex
	out     io.Writer
	plans   []planned
	started time.Time
}

func (l *lines) print(i int, format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.plans[i]
	fmt.Fprintf(l.out, "%6s  %-9s  %s: %s\n", clock(time.Since(l.started)), p.Entry.Provider, p.title(), fmt.Sprintf(format, args...))
}

func (l *lines) event(i int, e teardown.Event) {
	if e.Step == "" {
		switch e.Kind {
		case teardown.Begun:
			l.print(i, "begun, %s", count(e.Total, "step"))
		case teardown.Waiting:
			l.print(i, "waits: %s", printable(e.Text))
		case teardown.Retrying:
			l.print(i, "again in %s: %s", clock(e.Wait), reasonOf(e))
		}
		return // its end is the verdict's
	}
	step := printable(e.Step)
	switch e.Kind {
	case teardown.Begun:
		l.print(i, "%s: %s", step, printable(e.Text))
	case teardown.Waiting:
		l.print(i, "%s: waits: %s", step, printable(e.Text))
	case teardown.Retrying:
		l.print(i, "%s: again in %s: %s", step, clock(e.Wait), reasonOf(e))
	case teardown.Ended:
		text := stateText(teardown.State(e.Text))
		if e.Err != nil {
			text += ": " + short(e.Err)
		}
		l.print(i, "%s: %s (%d/%d)", step, text, e.Done, e.Total)
	}
}

func (l *lines) note(i int, text string, wait time.Duration) {
	if wait > 0 {
		text = fmt.Sprintf("waits %s: %s", clock(wait), text)
	}
	l.print(i, "%s", printable(text))
}

func (l *lines) end(i int, v verdict) { l.print(i, "%s", v.what()) }

func (l *lines) stopping() {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.out, "%6s  %s\n", clock(time.Since(l.started)), hintStopping)
}

func (*lines) close() {}

// stateText is a state in words.
func stateText(s teardown.State) string {
	switch s {
	case teardown.Done:
		return "gone"
	case teardown.AlreadyGone:
		return "was gone already"
	case teardown.ByHand:
		return "has to be done by hand"
	}
	return printable(string(s))
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
	Text         string                `json:"text,omitempty"`
	Wait         float64               `json:"wait_seconds,omitempty"`
	Done         int                   `json:"done"`
	Total        int                   `json:"total"`
	Problem      *problem              `json:"problem,omitempty"`
}

func (j *jsonLines) event(_ int, e teardown.Event) {
	j.write(eventLine{
		"event", e.Time, e.Provider, e.Organization, e.Step, e.Kind, e.Text, e.Wait.Seconds(), e.Done, e.Total, problemOf(e.Err),
	})
}

func (j *jsonLines) end(_ int, v verdict) {
	j.write(struct {
		Type string `json:"type"`
		verdict
		Report *teardown.Report `json:"report,omitempty"`
	}{"verdict", v, v.report})
}

func (*jsonLines) note(int, string, time.Duration) {}
func (*jsonLines) stopping()                       {}
func (*jsonLines) close()                          {}

// relay takes what clients log to the watcher. A client may serve several
// organizations, so each call says by its context whose it is.
type relay struct {
	watcher *atomic.Pointer[watcher]
}

type organizationKey struct{}

// of marks the calls for an organization.
func of(ctx context.Context, i int) context.Context {
	return context.WithValue(ctx, organizationKey{}, i)
}

// Enabled implements [slog.Handler].
func (relay) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelDebug }

// WithAttrs implements [slog.Handler].
func (r relay) WithAttrs([]slog.Attr) slog.Handler { return r }

// WithGroup implements [slog.Handler].
func (r relay) WithGroup(string) slog.Handler { return r }

// Handle implements [slog.Handler]: waits are shown, and what goes wrong.
func (r relay) Handle(ctx context.Context, record slog.Record) error {
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
			(*w).note(i, attrs["why"].String(), wait)
		}
	case "request":
		// What a read does not find is mostly what is hoped for.
		if e, failed := attrs["error"].Any().(*errors.Error); failed && (errors.Retryable(e) || e.Code == errors.OutcomeUnknown) {
			(*w).note(i, fmt.Sprintf("%s: %s", attrs["operation"], reason(e)), 0)
		}
	}
	return nil
}
