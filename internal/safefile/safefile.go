// Package safefile opens, locks and replaces regular files so that a program never overwrites its own
// input or the file of another program.
package safefile

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/teardown"
)

// ErrNotRegular is the error of a file that is not a regular one.
var ErrNotRegular = errors.New("must be a regular file")

// maxSize is the maximum size of a file that is opened, in bytes. The program reads files as a whole.
const maxSize = 1 << 30

// Open opens a regular file of at most 1 GiB. It returns an error for any other file, without waiting:
// opening a FIFO may block forever, and opening a device may have effects.
func Open(name string, flag int) (*os.File, error) { return open(name, flag, os.Stat, os.OpenFile) }

// OpenIn does the same as [Open] for a file below a directory.
func OpenIn(root *os.Root, name string, flag int) (*os.File, error) {
	return open(name, flag, root.Stat, root.OpenFile)
}

func open(name string, flag int, stat func(string) (fs.FileInfo, error), openFile func(string, int, fs.FileMode) (*os.File, error)) (*os.File, error) {
	info, err := stat(name)
	switch {
	case err == nil:
		if err := regular(name, info); err != nil {
			return nil, err
		}
	case flag&os.O_CREATE == 0 || !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	file, err := openFile(name, flag|nonBlocking, 0o600)
	if err != nil {
		return nil, err
	}
	// Another file may have replaced the first one.
	if info, err = file.Stat(); err == nil {
		err = regular(name, info)
	}
	if err == nil && info.Size() > maxSize {
		err = fmt.Errorf("%s exceeds %d bytes", printable.Text(name), maxSize)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// regular returns an error unless a file is a regular one.
func regular(name string, info fs.FileInfo) error {
	kind := "a special file"
	switch mode := info.Mode(); {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		kind = "a directory"
	case mode&fs.ModeNamedPipe != 0:
		kind = "a named pipe"
	case mode&fs.ModeSocket != 0:
		kind = "a socket"
	case mode&fs.ModeDevice != 0:
		kind = "a device"
	}
	return fmt.Errorf("%s is %s: %w", printable.Text(name), kind, ErrNotRegular)
}

// Use is a file that a command reads or writes.
type Use struct {
	As     string // its role, such as "the plan"
	Name   string
	Writes bool
	Info   fs.FileInfo // of an open file; it replaces the name
}

// CheckDistinct returns an error if a file that is written is also another file of the
// command, by any name: the program would overwrite its own input.
func CheckDistinct(uses ...Use) error {
	for i, a := range uses {
		for _, b := range uses[:i] {
			if (a.Writes || b.Writes) && a.same(b) {
				if !a.Writes {
					a, b = b, a
				}
				return fmt.Errorf("%s %s is the same file as %s: name another file; nothing was changed", a.As, a.Name, b.As)
			}
		}
	}
	return nil
}

// same reports whether two uses are about the same file.
func (u Use) same(other Use) bool {
	a, b := u.stat(), other.stat()
	switch {
	case a != nil && b != nil:
		return os.SameFile(a, b)
	case a != nil || b != nil:
		return false
	}
	// Neither file exists: the program would create both.
	folder, base := u.place()
	otherFolder, otherBase := other.place()
	if folder == nil || otherFolder == nil || !os.SameFile(folder, otherFolder) {
		return false
	}
	return base == otherBase || foldsCase(runtime.GOOS) && strings.EqualFold(base, otherBase)
}

// stat returns nil if the file does not exist.
func (u Use) stat() fs.FileInfo {
	if u.Info != nil {
		return u.Info
	}
	info, err := os.Stat(u.Name)
	if err != nil {
		return nil
	}
	return info
}

// place returns the directory in which a file would be created, and the file's name there.
// The directory is nil if it does not exist.
func (u Use) place() (folder fs.FileInfo, base string) {
	name := target(u.Name)
	folder, err := os.Stat(filepath.Dir(name))
	if err != nil {
		return nil, ""
	}
	return folder, filepath.Base(name)
}

// foldsCase reports whether a.json and A.json usually name the same file on an operating
// system.
func foldsCase(system string) bool { return system == "windows" || system == "darwin" }

// target follows symbolic links to the last name. A file of that name may not exist.
func target(name string) string {
	for range 40 { // the limit of Linux
		next, err := os.Readlink(name)
		if err != nil {
			break
		}
		if !filepath.IsAbs(next) {
			next = filepath.Join(filepath.Dir(name), next)
		}
		name = next
	}
	return name
}

// CheckReplaceable returns an error unless the file does not exist, is empty, or was written
// by this program, and a file can be created in its directory.
func CheckReplaceable(name, kind string, ours func(text []byte) bool) error {
	file, err := Open(name, os.O_RDONLY)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	default:
		defer file.Close()
		text, err := io.ReadAll(file)
		if err != nil {
			return err
		}
		if len(text) > 0 && !ours(text) {
			if isJournal(text) {
				return fmt.Errorf("%s is a journal: name another file", name)
			}
			return fmt.Errorf("%s exists and is not %s of this program: remove it, or name another file", name, kind)
		}
		if err := unlocked(name); err != nil {
			return err
		}
	}
	probe, err := temporary(target(name))
	if err != nil {
		return err
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// isJournal reports whether a text has an entry of a journal. A journal proves deletions, so that no
// advice is to remove it.
func isJournal(text []byte) bool {
	for e, err := range teardown.ReadJournal(bytes.NewReader(text)) {
		if err != nil {
			return false
		}
		if e.Provider != "" && e.Organization != "" {
			return true
		}
	}
	return false
}

// Write writes a file atomically, by renaming a temporary file. For a symbolic link, it
// replaces the target of the link.
func Write(name string, text []byte) error {
	name = target(name)
	if info, err := os.Stat(name); err == nil {
		if err := regular(name, info); err != nil {
			return err
		}
	}
	file, err := temporary(name)
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // after a rename, the file no longer has this name
	_, err = file.Write(text)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), name)
}

// temporary creates a temporary file in the directory of another file.
func temporary(name string) (*os.File, error) {
	return os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*")
}
