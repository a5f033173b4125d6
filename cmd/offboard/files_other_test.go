//go:build !unix

package main

import "github.com/offboard-dev/offboard-go/errors"

func makeFIFO(string) error { return errors.ErrUnsupported }
