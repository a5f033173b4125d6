//go:build unix

package postgrestest

import (
	"os/exec"
	"syscall"
)

// runAs makes a command run as a user.
func runAs(command *exec.Cmd, uid, gid int) {
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}
