package proc

import (
	"os/exec"
	"syscall"
)

// endWithParent makes the kernel kill the program when its parent dies without
// cleanup.
func endWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
