//go:build unix && !aix && !solaris

package safefile

import (
	"os"
	"syscall"

	"github.com/offboard-dev/offboard-go/errors"
)

// nonBlocking makes opening a FIFO return at once.
const nonBlocking = syscall.O_NONBLOCK

// tryLock locks an open file, or returns [errLocked].
func tryLock(file *os.File) error { return flock(file, syscall.LOCK_EX|syscall.LOCK_NB) }

// unlock releases a lock. Closing the file would release it later if a process that is being
// started still has a copy of the descriptor.
func unlock(file *os.File) { _ = flock(file, syscall.LOCK_UN) } // closing the file releases the lock, too

func flock(file *os.File, how int) error {
	connection, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var locking error
	err = connection.Control(func(fd uintptr) {
		for {
			locking = syscall.Flock(int(fd), how)
			if locking != syscall.EINTR {
				return
			}
		}
	})
	if err == nil && locking == syscall.EWOULDBLOCK {
		return errLocked
	}
	return errors.Join(err, locking)
}
