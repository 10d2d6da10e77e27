//go:build !linux

package proc

import "os/exec"

// endWithParent does nothing here: only Linux ends a child with its parent.
func endWithParent(*exec.Cmd) {}
