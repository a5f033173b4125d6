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
	// Not by lipgloss, which removes all sequences if it does not know the terminal.
	_, _ = io.WriteString(l.out, "\r"+up+ansi.EraseScreenBelow)
	lipgloss.Fprint(l.out, l.draw(time.Now())+"\n")
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
