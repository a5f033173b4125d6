package safefile

import (
	"io/fs"
	"os"
	"runtime"
	"syscall"

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

// windowsDiskFull is ERROR_DISK_FULL.
const windowsDiskFull = syscall.Errno(112)

// IsDiskFull reports whether an error is that of a full disk or an exhausted quota.
func IsDiskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || runtime.GOOS == "windows" && errors.Is(err, windowsDiskFull)
}
