package safefile

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/internal/secrets"
)

// Operation is what a command does with a file.
type Operation string

// Values of [Operation].
const (
	Reading Operation = "read"
	Writing Operation = "write"
)

// Error returns the error of a file that cannot be used: the operation, the name as the user
// gave it, and the cause. as is the argument or the flag. It replaces the name of a file that
// does not exist if the name looks like a credential. It returns an error that has another cause
// than the file system, which names the file itself, unchanged, and nil for nil.
func Error(operation Operation, as, name string, err error) error {
	if err == nil {
		return nil
	}
	text := ""
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		text = cause(operation, name, e.Err)
	} else if e, ok := errors.AsType[*os.LinkError](err); ok {
		text = cause(operation, name, e.Err)
	} else {
		return err
	}
	if _, missing := os.Lstat(name); missing != nil && secrets.IsInFileName(name) {
		return &fileFault{"cannot " + string(operation) + " " + as + ": " + cause(operation, "", err) + "; the name is not shown, because it looks like a credential", err}
	}
	return &fileFault{"cannot " + string(operation) + " " + printable.Text(name) + ": " + text, err}
}

// cause describes an error of the file system without repeating the name of a file, except that
// of a missing directory. name is "" if it must not be shown.
func cause(operation Operation, name string, err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist) && operation == Writing && name != "":
		return "the directory " + printable.Text(filepath.Dir(name)) + " does not exist"
	case errors.Is(err, fs.ErrNotExist) && operation == Writing:
		return "the directory does not exist"
	case errors.Is(err, fs.ErrNotExist):
		return "the file does not exist"
	case errors.Is(err, fs.ErrPermission):
		return "permission denied"
	case errors.Is(err, syscall.ENOTDIR):
		return "a part of the path is not a directory"
	case errors.Is(err, syscall.EISDIR):
		return "it is a directory"
	case IsTooLarge(err):
		return "the limit of file sizes is reached"
	case IsDiskFull(err):
		return "the disk is full"
	}
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		return number.Error()
	}
	return "the file system refused it"
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

// Cause describes why a file could not be written, in a few words.
func Cause(err error) string { return cause(Writing, "", err) }

// IsTooLarge reports whether an error is that of a file that cannot grow, because of a limit of file
// sizes, such as that of ulimit -f.
func IsTooLarge(err error) bool { return errors.Is(err, syscall.EFBIG) }

// IsDiskFull reports whether an error is that of a full disk, an exhausted quota, or a file that cannot
// grow.
func IsDiskFull(err error) bool {
	return IsTooLarge(err) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || runtime.GOOS == "windows" && errors.Is(err, windowsDiskFull)
}
