package rig

import (
	"os/exec"
	"syscall"
)

// endWithParent has the kernel kill the program when the run dies without
// cleaning up.
func endWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
