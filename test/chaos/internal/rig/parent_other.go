//go:build !linux

package rig

import "os/exec"

// endWithParent does nothing here: only Linux ends a child with its parent.
func endWithParent(*exec.Cmd) {}
