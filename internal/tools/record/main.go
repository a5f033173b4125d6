// Command record runs a program in a pseudo-terminal and writes the screens as an animated
// SVG, for example for a README:
//
//	go run ./record -o demo.svg -- offboard demo
//
// The SVG contains the screens of the terminal, frame by frame.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/creack/pty"
	"github.com/hinshun/vt10x"
)

func main() {
	var r recorder
	output := flag.String("o", "recording.svg", "the `file` to write")
	title := flag.String("title", "", "a text alternative of the image")
	flag.IntVar(&r.width, "width", 100, "columns of the terminal")
	flag.IntVar(&r.height, "height", 30, "lines of the terminal")
	flag.DurationVar(&r.every, "every", 200*time.Millisecond, "time between two frames")
	still := flag.Bool("still", false, "write the last frame only")
	last := flag.Duration("last", 6*time.Second, "time of the last frame")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "record: name a program to run")
		os.Exit(2)
	}
	if err := record(&r, flag.Args(), *output, *title, *last, *still); err != nil {
		fmt.Fprintln(os.Stderr, "record:", err)
		os.Exit(1)
	}
}

func record(r *recorder, command []string, output, title string, last time.Duration, still bool) error {
	frames, err := r.run(exec.Command(command[0], command[1:]...))
	if err != nil {
		return err
	}
	if len(frames) == 0 {
		return errors.New("the program printed nothing")
	}
	frames[len(frames)-1].duration = last
	if still {
		frames = frames[len(frames)-1:]
	}
	svg := draw(frames, r.width, r.height, title)
	fmt.Fprintf(os.Stderr, "%d frames, %d kB\n", len(frames), len(svg)/1000)
	return os.WriteFile(output, svg, 0o644)
}

// recorder takes frames of a terminal.
type recorder struct {
	width, height int
	every         time.Duration
}

// frame is a screen and how long it is shown.
type frame struct {
	lines    []line
	duration time.Duration
}

// run runs a command in a pseudo-terminal, without input, until the command ends.
func (r *recorder) run(command *exec.Cmd) ([]frame, error) {
	file, slave, err := pty.Open()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	command.Env = append(os.Environ(), "TERM=xterm-256color", "COLORTERM=", "NO_COLOR=")
	command.Stdout, command.Stderr = slave, slave
	err = pty.Setsize(slave, &pty.Winsize{Rows: uint16(r.height), Cols: uint16(r.width)})
	if err == nil {
		err = command.Start()
	}
	slave.Close() // the command has its own copy
	if err != nil {
		return nil, err
	}
	terminal := vt10x.New(vt10x.WithSize(r.width, r.height))
	chunks := make(chan []byte)
	go func() {
		defer close(chunks)
		for {
			chunk := make([]byte, 4096)
			n, err := file.Read(chunk)
			if n > 0 {
				chunks <- chunk[:n]
			}
			if err != nil {
				return // the program has ended; Linux returns EIO
			}
		}
	}()
	frames := r.watch(terminal, chunks)
	return frames, command.Wait()
}

// watch takes a frame at each tick if the screen has changed.
func (r *recorder) watch(terminal vt10x.Terminal, chunks <-chan []byte) []frame {
	ticker := time.NewTicker(r.every)
	defer ticker.Stop()
	var frames []frame
	take := func() {
		lines := snapshot(terminal)
		if n := len(frames); n > 0 && same(frames[n-1].lines, lines) {
			frames[n-1].duration += r.every
			return
		}
		if len(frames) > 0 || !blank(lines) {
			frames = append(frames, frame{lines, r.every})
		}
	}
	var part []byte // of a character
	for {
		select {
		case chunk, ok := <-chunks:
			if !ok {
				take()
				return frames
			}
			text := append(part, chunk...)
			end := wholeRunes(text)
			_, _ = terminal.Write(text[:end]) // cannot fail
			part = slices.Clone(text[end:])
		case <-ticker.C:
			take()
		}
	}
}

// wholeRunes returns the length of a text without a part of a character at its end.
func wholeRunes(text []byte) int {
	for i := len(text) - 1; i >= max(len(text)-utf8.UTFMax, 0); i-- {
		if utf8.RuneStart(text[i]) {
			if !utf8.FullRune(text[i:]) {
				return i
			}
			break
		}
	}
	return len(text)
}
