package main

import (
	"io"
	"os"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
)

// terminalView shows a board on a terminal.
type terminalView struct {
	*liveView
	out     *os.File
	program *tea.Program
	height  *int // of the picture
	ended   chan struct{}
}

const (
	hintRunning  = "Ctrl-C: what runs is finished, and nothing more is begun"
	hintStopping = "Stopping: what runs is finished. Ctrl-C again: end at once"
)

// newTerminalView takes keys, which may be nil, so that the terminal does not write them into
// the picture. Ctrl-C is a key then, and no signal.
func newTerminalView(out *os.File, keys io.Reader, interrupt func(), b *liveView) *terminalView {
	l := &terminalView{liveView: b, out: out, height: new(int), ended: make(chan struct{})}
	b.setHint(hintRunning)
	l.program = tea.NewProgram(screenModel{b, interrupt, l.height}, tea.WithOutput(out), tea.WithInput(keys), tea.WithoutSignalHandler(), tea.WithFPS(20))
	go func() {
		defer close(l.ended)
		_, _ = l.program.Run() // what it shows is shown again, in words, at the end
	}()
	return l
}

func (l *terminalView) note(i int, text string, wait time.Duration) {
	l.liveView.note(i, time.Now(), text, wait)
}
func (l *terminalView) end(i int, v result) { l.liveView.end(i, time.Now(), v) }
func (l *terminalView) stopping()           { l.setHint(hintStopping) }

// close takes the picture away, and leaves the last one as text. The terminal's library
// has gone to the last line of its picture, and would leave that out.
func (l *terminalView) close() {
	l.program.Quit()
	<-l.ended
	l.setHint("")
	up := ""
	if n := *l.height - 1; n > 0 {
		up = ansi.CursorUp(n)
	}
	// Not by lipgloss, which removes all sequences if it does not know the terminal.
	_, _ = io.WriteString(l.out, "\r"+up+ansi.EraseScreenBelow)
	lipgloss.Fprint(l.out, l.draw(time.Now())+"\n")
}

// screenModel is a board as the terminal's library wants it.
type screenModel struct {
	*liveView
	interrupt func()
	height    *int // of the largest picture: the library leaves lines behind when one shrinks
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

// padded makes a picture as high as the largest was, above its last lines.
func (p screenModel) padded(text string) string {
	n := strings.Count(text, "\n") + 1
	*p.height = max(*p.height, n)
	at := strings.LastIndex(text, "\n\n") // before the totals
	if at < 0 || n == *p.height {
		return text
	}
	return text[:at] + strings.Repeat("\n", *p.height-n) + text[at:]
}
