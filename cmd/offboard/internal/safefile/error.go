package safefile

import (
	"io/fs"
	"os"

	"github.com/offboard-dev/offboard-go/errors"
)

// Error returns the error of a file that cannot be used. It removes the name of a file
// that does not exist, which may be a secret that was passed in place of a name.
func Error(as, name string, err error) error {
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*fs.PathError](err)
	if !ok {
		return err
	}
	if _, missing := os.Lstat(name); missing == nil {
		return err
	}
	return &fileFault{as + ": " + e.Err.Error(), err}
}

// fileFault is an error with another text.
type fileFault struct {
	text string
	err  error
}

func (f *fileFault) Error() string { return f.text }

func (f *fileFault) Unwrap() error { return f.err }
