//go:build unix

package terminal

import "syscall"

// controlled makes the terminal on standard input control the program.
func controlled() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true, Setctty: true} }
