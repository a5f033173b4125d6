package view

import (
	"io"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/creack/pty"
	"github.com/hinshun/vt10x"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/report"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/scripted"
	"github.com/offboard-dev/offboard-go/teardown"
)

// The last screen stays on the terminal, also if the environment does not name the terminal.
// Not parallel: the test sets the environment.
func TestTerminalView_LastScreen(t *testing.T) {
	for _, terminal := range []string{"xterm-256color", "dumb", ""} {
		t.Run("TERM="+terminal, func(t *testing.T) {
			t.Setenv("TERM", terminal)
			testLastScreen(t)
		})
	}
}

func testLastScreen(t *testing.T) {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	defer master.Close()
	if err := pty.Setsize(slave, &pty.Winsize{Rows: 20, Cols: 90}); err != nil {
		t.Fatal(err)
	}
	terminal := vt10x.New(vt10x.WithSize(90, 20))
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(terminal, master) // until the slave is closed
	}()

	const before = "earlier output"
	for range 20 {
		if _, err := io.WriteString(slave, before+"\n"); err != nil {
			t.Fatal(err)
		}
	}
	l := newTerminalView(slave, nil, nil, newLiveView(time.Now(), []planfile.Planned{scripted.Planned(t, scripted.Hosting()), scripted.Planned(t, scripted.Tenant())}))
	l.Event(0, teardown.Event{Time: time.Now(), Kind: teardown.EventStarted, Total: 3})
	l.Event(0, teardown.Event{Time: time.Now(), Kind: teardown.EventStarted, Step: "virtual_machine/vm_1", Total: 3})
	l.Stopping("")
	l.End(0, report.Result{Outcome: teardown.Deleted})
	l.End(1, report.Result{Outcome: teardown.Pending, PendingOn: "F5 decides"})
	l.Close()
	if err := slave.Close(); err != nil {
		t.Fatal(err)
	}
	<-read

	var shown []string
	for line := range strings.Lines(terminal.String()) {
		shown = append(shown, strings.TrimRight(line, " \n"))
	}
	got := strings.TrimRight(strings.Join(shown, "\n"), "\n")
	for _, want := range []string{"✓ katapult   Acme Hosting", "◷ volterra   acme-edge", "pending: F5 decides", "2 of 2 organizations · 1 deleted · 1 pending"} {
		if !strings.Contains(got, want) {
			t.Errorf("the terminal does not show %q:\n%s", want, ansi.Strip(got))
		}
	}
	if !strings.HasPrefix(got, before) || !strings.Contains(got, before+"\n✓") || strings.Count(got, "katapult") != 1 {
		t.Errorf("unexpected text on the terminal:\n%s", got)
	}
	if strings.Contains(got, "Ctrl-C") {
		t.Errorf("the terminal shows the hint:\n%s", got)
	}
}

func TestScreenModel_NeverShrinks(t *testing.T) {
	t.Parallel()
	p := screenModel{height: new(int)}
	for _, test := range []struct{ text, want string }{
		{"a\n\ntotals", "a\n\ntotals"},
		{"a\nb\nc\n\ntotals\nhint", "a\nb\nc\n\ntotals\nhint"},
		{"a\n\ntotals\nhint", "a\n\n\n\ntotals\nhint"},
		{"totals", "totals"},
	} {
		if got := p.padded(test.text); got != test.want {
			t.Errorf("%q: got %q, want %q", test.text, got, test.want)
		}
	}
}

func TestScreenModel_InterruptKey(t *testing.T) {
	t.Parallel()
	interrupts := 0
	model := screenModel{liveView: newLiveView(at(0), nil), interrupt: func() { interrupts++ }, height: new(int)}
	for _, key := range []tea.KeyPressMsg{{Code: 'x'}, {Code: 'c', Mod: tea.ModCtrl}, {Code: 'c', Mod: tea.ModCtrl}} {
		if _, command := model.Update(key); command != nil {
			t.Errorf("%v: got a command", key)
		}
	}
	if interrupts != 2 {
		t.Errorf("got %d interrupts", interrupts)
	}
}

func TestNewWatcher_NoTerminal(t *testing.T) {
	t.Parallel()
	s := Settings{Out: new(strings.Builder)}
	if w, ok := New(s, nil).(*textView); !ok {
		t.Errorf("got %T", w)
	}
	s.JSON = true
	if w, ok := New(s, nil).(*jsonLines); !ok {
		t.Errorf("got %T", w)
	}
}

// A name in JSON cannot change the direction of a terminal's text.
func TestJSONLines_Unprintable(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	(&jsonLines{out: &b}).write("\u202eabc")
	if want := `"\u202eabc"` + "\n"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}

func TestMovesCursor_TerminalType(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		terminal, system string
		want             bool
	}{
		{"xterm", "linux", true}, {"dumb", "linux", false}, {"", "linux", false}, {"", "darwin", false},
		{"", "windows", true}, {"dumb", "windows", false},
	} {
		if got := movesCursor(test.terminal, test.system); got != test.want {
			t.Errorf("%q at %s: got %t", test.terminal, test.system, got)
		}
	}
}
