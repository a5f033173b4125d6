package safefile

import (
	"os"
	"syscall"
	"unsafe"

	"github.com/offboard-dev/offboard-go/errors"
)

// nonBlocking is 0: opening a file never waits for another process.
const nonBlocking = 0

var (
	kernel32     = syscall.NewLazyDLL("kernel32.dll")
	lockFileEx   = kernel32.NewProc("LockFileEx")
	unlockFileEx = kernel32.NewProc("UnlockFileEx")
)

// Values of the Windows API.
const (
	lockFileFailImmediately = 1
	lockFileExclusiveLock   = 2
	errorLockViolation      = syscall.Errno(33)
)

// lockedByte returns the offset that is locked. It is far behind the end of the file, because
// other processes cannot read a locked byte on Windows.
func lockedByte() syscall.Overlapped {
	return syscall.Overlapped{Offset: 0xFFFFFFFE, OffsetHigh: 0x7FFFFFFF}
}

// tryLock locks an open file, or returns [errLocked].
func tryLock(file *os.File) error {
	connection, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var locking error
	err = connection.Control(func(handle uintptr) {
		at := lockedByte()
		locked, _, number := lockFileEx.Call(handle, lockFileFailImmediately|lockFileExclusiveLock, 0, 1, 0, uintptr(unsafe.Pointer(&at)))
		if locked == 0 {
			locking = number
		}
	})
	if locking == errorLockViolation || locking == syscall.ERROR_IO_PENDING {
		return errLocked
	}
	return errors.Join(err, locking)
}

// unlock releases a lock. Closing the file would release it later.
func unlock(file *os.File) {
	connection, err := file.SyscallConn()
	if err != nil {
		return // the file is closed
	}
	_ = connection.Control(func(handle uintptr) {
		at := lockedByte()
		_, _, _ = unlockFileEx.Call(handle, 0, 1, 0, uintptr(unsafe.Pointer(&at)))
	})
}
