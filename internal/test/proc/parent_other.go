//go:build !linux

package proc

import "os/exec"

// endWithParent does nothing: only Linux can kill a child with its parent.
func endWithParent(*exec.Cmd) {}
