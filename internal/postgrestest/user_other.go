//go:build !unix

package postgrestest

import "os/exec"

// runAs does nothing: other systems have no user with the ID 0.
func runAs(*exec.Cmd, int, int) {}
