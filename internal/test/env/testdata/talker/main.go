// Command talker does what its arguments say, for the tests of Process:
// "out TEXT", "err TEXT", "part TEXT" (no end of line), "env NAME", "dir",
// "stdin", "await" (a SIGTERM), "exit CODE".
package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"
)

func main() {
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	args := os.Args[1:]
	next := func() string {
		arg := args[0]
		args = args[1:]
		return arg
	}
	for len(args) > 0 {
		switch next() {
		case "out":
			fmt.Println(next())
		case "err":
			fmt.Fprintln(os.Stderr, next())
		case "part":
			fmt.Print(next())
		case "env":
			fmt.Println(os.Getenv(next()))
		case "dir":
			dir, _ := os.Getwd()
			fmt.Println(dir)
		case "stdin":
			_, _ = io.Copy(os.Stdout, os.Stdin)
		case "await":
			<-terminated
		case "exit":
			code, _ := strconv.Atoi(next())
			os.Exit(code)
		}
	}
}
