package local

import (
	"os/exec"
	"syscall"
)

// endWithParent has the kernel kill the program when the benchmark is killed.
func endWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
