package view

import (
	"io"
	"os"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/report"
)

// terminalView shows the live view on a terminal.
type terminalView struct {
	*liveView
	out     *os.File
	program *tea.Program
	height  *int // the number of lines on the screen
	ended   chan struct{}
}

const (
	hintRunning  = "Ctrl-C: finish running attempts, then stop"
	hintStopping = "Stopping: running attempts finish. Ctrl-C again: stop at once"
)

// stoppingHint returns the hint of a run that stops.
func stoppingHint(limit string) string {
	if limit == "" {
		return hintStopping
	}
	return "Stopping: the time of " + limit + " has ended. Running attempts finish. Ctrl-C: stop at once"
}

// newTerminalView starts the live view. It reads the keys, which may be nil, so that the
// terminal does not echo them. Ctrl-C is then a key instead of a signal.
func newTerminalView(out *os.File, keys io.Reader, interrupt func(), v *liveView) *terminalView {
	l := &terminalView{liveView: v, out: out, height: new(int), ended: make(chan struct{})}
	v.setHint(hintRunning)
	l.program = tea.NewProgram(screenModel{v, interrupt, l.height}, tea.WithOutput(out), tea.WithInput(keys), tea.WithoutSignalHandler(), tea.WithFPS(20))
	go func() {
		defer close(l.ended)
		_, _ = l.program.Run() // the summary repeats the results if the view fails
	}()
	return l
}

func (l *terminalView) Note(i int, text string, wait time.Duration) {
	l.liveView.note(i, time.Now(), text, wait)
}

func (l *terminalView) End(i int, v report.Result) { l.liveView.end(i, time.Now(), v) }

func (l *terminalView) Stopping(limit string) { l.setHint(stoppingHint(limit)) }

// Close removes the screen and prints the last one as text. Bubble Tea leaves the cursor in
// the last line of its screen, and would overwrite that line.
func (l *terminalView) Close() {
	l.program.Quit()
	<-l.ended
	l.setHint("")
	up := ""
	if n := *l.height - 1; n > 0 {
		up = ansi.CursorUp(n)
	}
	// Lipgloss would remove the sequences for a terminal that it does not know.
	_, _ = io.WriteString(l.out, "\r"+up+ansi.EraseScreenBelow)
	lipgloss.Fprint(l.out, l.draw(time.Now())+"\n")
}

// screenModel is the live view as a [tea.Model].
type screenModel struct {
	*liveView
	interrupt func()
	height    *int // of the largest screen: Bubble Tea does not erase lines of a larger one
}

type tick time.Time

func ticking() tea.Cmd {
	return tea.Tick(100*time.Millisecond, func(t time.Time) tea.Msg { return tick(t) })
}

// Init implements [tea.Model].
func (p screenModel) Init() tea.Cmd { return ticking() }

// Update implements [tea.Model].
func (p screenModel) Update(message tea.Msg) (tea.Model, tea.Cmd) {
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
func (p screenModel) View() tea.View {
	return tea.NewView(p.padded(p.draw(time.Now())))
}

// padded inserts lines before the totals, so that a screen has the height of the largest one.
func (p screenModel) padded(text string) string {
	n := strings.Count(text, "\n") + 1
	*p.height = max(*p.height, n)
	at := strings.LastIndex(text, "\n\n") // before the totals
	if at < 0 || n == *p.height {
		return text
	}
	return text[:at] + strings.Repeat("\n", *p.height-n) + text[at:]
}
