//go:build !windows && (!unix || aix || solaris)

package main

import (
	"os"

	"github.com/offboard-dev/offboard-go/errors"
)

const nonBlocking = 0

// tryLock reports that files cannot be locked on this system.
func tryLock(*os.File) error { return errors.ErrUnsupported }

func unlock(*os.File) {}
