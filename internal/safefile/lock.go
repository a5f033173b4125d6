package safefile

import (
	"fmt"
	"os"

	"github.com/offboard-dev/offboard-go/errors"
)

// ErrInUse is the error of a file that another offboard apply uses.
var ErrInUse = errors.New("is in use by another offboard apply")

// errLocked is the error of a lock that another process holds.
var errLocked = errors.New("locked")

// Lock locks an open file for this process. The operating system releases the lock when
// the file is closed or the process ends, also by a crash.
func Lock(file *os.File, name string) error {
	switch err := tryLock(file); {
	case errors.Is(err, errLocked):
		return fmt.Errorf("%s %w: wait for its end; nothing was changed", name, ErrInUse)
	case err != nil:
		return fmt.Errorf("cannot lock %s: %w", name, err)
	}
	// The file may have been removed or replaced before it was locked. Then the lock protects
	// nothing.
	held, err := file.Stat()
	if err != nil {
		unlock(file)
		return err
	}
	if now, err := os.Stat(name); err != nil || !os.SameFile(held, now) {
		unlock(file)
		return fmt.Errorf("%s was replaced during the opening: retry", name)
	}
	return nil
}

// Release unlocks and closes a file.
func Release(file *os.File) {
	unlock(file)
	_ = file.Close() // written data is already synced
}

// unlocked returns an error if another process applies a file. It returns nil on systems
// without locks, where apply refuses to run.
func unlocked(name string) error {
	file, err := Open(name, os.O_RDONLY)
	if err != nil {
		return nil // nothing to protect
	}
	defer file.Close()
	defer unlock(file)
	if errors.Is(tryLock(file), errLocked) {
		return fmt.Errorf("%s %w: name another file, or wait for its end", name, ErrInUse)
	}
	return nil
}
