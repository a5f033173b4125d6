package output_test

import (
	"bytes"
	"io/fs"
	"os"
	"runtime"
	"syscall"
	"testing"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/output"
)

type writer []error

func (w *writer) Write(text []byte) (int, error) {
	err := (*w)[0]
	*w = (*w)[1:]
	if err != nil {
		return 0, err
	}
	return len(text), nil
}

// The first fault is kept. A closed stream is no fault, but the text may be unread.
func TestWriter_Faults(t *testing.T) {
	t.Parallel()
	pipe := &fs.PathError{Op: "write", Path: "x", Err: syscall.EPIPE}
	full, other := errors.New("full"), errors.New("other")
	for name, test := range map[string]struct {
		writes        writer
		fault, unread error
	}{
		"none":        {writer{nil, nil}, nil, nil},
		"closed":      {writer{nil, pipe}, nil, pipe},
		"full":        {writer{full, other, nil}, full, full},
		"full, after": {writer{pipe, full}, full, full},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := len(test.writes)
			w := output.New(&test.writes)
			for range n {
				if n, err := w.Write([]byte("abc")); n != 3 || err != nil {
					t.Errorf("got %d, %v", n, err)
				}
			}
			if w.Fault() != test.fault || w.Unread() != test.unread {
				t.Errorf("got %v, %v", w.Fault(), w.Unread())
			}
		})
	}
	if w := (*output.Writer)(nil); w.Fault() != nil || w.Unread() != nil {
		t.Error("a nil output has a fault")
	}
}

func TestWriter_Failing(t *testing.T) {
	t.Parallel()
	full := errors.New("full")
	w := output.New(&writer{full, nil})
	for range 2 {
		if n, err := w.Failing().Write([]byte("abc")); n != 3 || err != full {
			t.Errorf("got %d, %v", n, err)
		}
	}
}

// No person can read the null device, although its writes succeed.
func TestWriter_NullDevice(t *testing.T) {
	t.Parallel()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer null.Close()
	if w := output.New(null); w.Fault() != nil || (w.Unread() == nil) != (runtime.GOOS == "windows") {
		t.Errorf("got %v, %v", w.Fault(), w.Unread())
	}
	file, err := os.Create(t.TempDir() + "/out")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, w := range []*output.Writer{output.New(file), output.New(new(bytes.Buffer))} {
		if w.Unread() != nil {
			t.Errorf("got %v", w.Unread())
		}
	}
}
