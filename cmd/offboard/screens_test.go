package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/creack/pty"
	"github.com/hinshun/vt10x"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/screentest"
)

// colored matches a sequence that sets a color.
var colored = regexp.MustCompile(`\x1b\[[0-9;]*(3[0-7]|9[0-7])[0-9;]*m`)

// The demonstration fits terminals of every type.
func TestDemo_Terminals(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		columns, lines int
		environment    []string
		live, color    bool
	}{
		{80, 24, []string{"TERM=xterm-256color"}, true, true},
		{40, 12, []string{"TERM=xterm-256color"}, true, true},
		{80, 24, []string{"TERM=xterm-256color", "NO_COLOR=1"}, true, false},
		{60, 24, []string{"TERM=dumb"}, false, false},
		{40, 12, []string{"TERM="}, false, false},
	} {
		t.Run(fmt.Sprint(test.columns, test.environment), func(t *testing.T) {
			t.Parallel()
			master, slave, err := pty.Open()
			if err != nil {
				t.Skipf("no pseudo-terminal: %v", err)
			}
			defer master.Close()
			if err := pty.Setsize(slave, &pty.Winsize{Rows: uint16(test.lines), Cols: uint16(test.columns)}); err != nil {
				t.Fatal(err)
			}
			c := exec.CommandContext(t.Context(), os.Args[0], "demo")
			c.Env = append(append(os.Environ(), asProgram+"=1", "COLORTERM=", "NO_COLOR="), test.environment...)
			c.Stdout, c.Stderr = slave, slave
			var out bytes.Buffer
			read := make(chan struct{})
			go func() {
				defer close(read)
				_, _ = io.Copy(&out, master) // until the slave is closed
			}()
			if err := c.Run(); err != nil {
				t.Error(err)
			}
			slave.Close()
			<-read
			if got := colored.Match(out.Bytes()); got != test.color {
				t.Errorf("colors: %t, want %t", got, test.color)
			}
			text := strings.ReplaceAll(out.String(), "\r\n", "\n")
			if !test.live {
				if strings.Contains(text, "\x1b") {
					t.Errorf("the output has control sequences:\n%q", text)
				}
				screentest.Check(t, text, test.columns)
				return
			}
			// All lines before and after the live view.
			before, _, _ := strings.Cut(text, "\x1b")
			screentest.Check(t, before, test.columns)
			_, after, found := strings.Cut(text, "5. The results")
			if !found {
				t.Fatalf("no results:\n%s", ansi.Strip(text))
			}
			screentest.Check(t, after, test.columns)
			if table := ansi.Strip(after); !strings.Contains(table, "REQUESTS") || !strings.Contains(table, "limited") {
				t.Errorf("the table lacks a column:\n%s", table)
			}
			terminal := vt10x.New(vt10x.WithSize(test.columns, test.lines))
			_, _ = terminal.Write(out.Bytes())
			if last := strings.TrimRight(terminal.String(), " \n"); !strings.HasSuffix(last, "when.") {
				t.Errorf("the last screen is\n%s", last)
			}
		})
	}
}
