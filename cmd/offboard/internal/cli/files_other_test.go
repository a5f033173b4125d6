//go:build !unix

package cli

import "github.com/offboard-dev/offboard-go/errors"

func makeFIFO(string) error { return errors.ErrUnsupported }
