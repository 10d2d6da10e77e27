package proc

import (
	"os/exec"
	"syscall"
)

// endWithParent has the kernel kill the program when its parent dies
// without its cleanups, as it does at go test's own time limit.
func endWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
