//go:build !unix

package terminal

import "syscall"

func controlled() *syscall.SysProcAttr { return nil }
