package main

import (
	"fmt"
	"os"

	"github.com/offboard-dev/offboard-go/errors"
)

// errLocked: another process holds the lock.
var errLocked = errors.New("locked")

// lockFile locks an open file for this process. The operating system releases the lock
// when the file is closed or the process ends, however it ends: a crash leaves no lock.
func lockFile(file *os.File, name string) error {
	switch err := tryLock(file); {
	case errors.Is(err, errLocked):
		return fmt.Errorf("%s is in use by another offboard apply: wait until it ends; nothing was changed", name)
	case err != nil:
		return fmt.Errorf("%s cannot be locked against another offboard apply: %w", name, err)
	}
	// What was opened may have been removed or replaced before it was locked. Then the
	// lock protects nothing.
	held, err := file.Stat()
	if err != nil {
		unlock(file)
		return err
	}
	if now, err := os.Stat(name); err != nil || !os.SameFile(held, now) {
		unlock(file)
		return fmt.Errorf("%s was replaced while it was opened: try again", name)
	}
	return nil
}

// release unlocks and closes a file.
func release(file *os.File) {
	unlock(file)
	_ = file.Close() // what is written to it is synced before
}

// unlocked returns an error if another process applies a file. Where files cannot be
// locked nothing is known, and nil is returned: apply itself refuses to run there.
func unlocked(name string) error {
	file, err := openRegular(name, os.O_RDONLY)
	if err != nil {
		return nil // there is nothing to protect
	}
	defer file.Close()
	defer unlock(file)
	if errors.Is(tryLock(file), errLocked) {
		return fmt.Errorf("%s is in use by offboard apply: name another file, or wait until it ends", name)
	}
	return nil
}
