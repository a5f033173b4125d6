// Package output keeps the faults of a program's standard output.
package output

import (
	"io"
	"os"
	"runtime"
	"sync"
	"syscall"

	"github.com/offboard-dev/offboard-go/errors"
)

// Writer is a standard output. Its writes return no error: they are kept. A reader that has closed the
// stream, such as head, is no fault: the command continues. The program must ignore SIGPIPE. A Writer is
// safe for concurrent use. A nil Writer has no fault.
type Writer struct {
	to io.Writer

	mu            sync.Mutex
	fault, closed error
}

// New returns a Writer that writes to another one.
func New(to io.Writer) *Writer { return &Writer{to: to} }

// Write writes a text. It returns its length and nil.
func (w *Writer) Write(text []byte) (int, error) {
	_, err := w.to.Write(text)
	if err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		kept := &w.fault
		if errors.Is(err, syscall.EPIPE) {
			kept = &w.closed
		}
		if *kept == nil {
			*kept = err
		}
	}
	return len(text), nil
}

// Fault returns the first error of a write, except that of a reader that has closed the stream; nil for
// none.
func (w *Writer) Fault() error {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.fault
}

// errNull is the error of an output that has no reader. The Go runtime opens the null device in place
// of a standard output that is closed.
var errNull = errors.New("the standard output is closed, or is the null device")

// Unread returns why a person cannot have read the texts that were written: the null device, or the
// first error of a write, also that of a reader that has closed the stream. It returns nil for none.
func (w *Writer) Unread() error {
	if w == nil {
		return nil
	}
	if isNull(w.to) {
		return errNull
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fault != nil {
		return w.fault
	}
	return w.closed
}

// isNull reports whether an output is the null device. On Windows, its identity is that of a console.
func isNull(to io.Writer) bool {
	file, ok := to.(*os.File)
	if !ok || runtime.GOOS == "windows" {
		return false
	}
	info, err := file.Stat()
	if err != nil {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err == nil && os.SameFile(info, null)
}

// Failing returns an output whose writes also return [Writer.Fault], for a command that is of no use
// without its output.
func (w *Writer) Failing() io.Writer { return failing{w} }

type failing struct{ w *Writer }

func (f failing) Write(text []byte) (int, error) {
	n, _ := f.w.Write(text)
	return n, f.w.Fault()
}
