//go:build !windows && (!unix || aix || solaris)

package safefile

import (
	"os"

	"github.com/offboard-dev/offboard-go/errors"
)

const nonBlocking = 0

// tryLock returns [errors.ErrUnsupported]: this system has no locks.
func tryLock(*os.File) error { return errors.ErrUnsupported }

func unlock(*os.File) {}
