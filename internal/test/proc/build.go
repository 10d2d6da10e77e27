package proc

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
)

// Build compiles a command of this module, named by its import path, into dir
// and returns the program's path. It builds without cgo.
func Build(ctx context.Context, dir, importPath string) (string, error) {
	program := filepath.Join(dir, filepath.Base(importPath))
	return program, GoBuild(ctx, program, importPath)
}

// GoBuild runs go build with further flags. With -race among them it enables
// cgo, which the race detector needs.
func GoBuild(ctx context.Context, program, importPath string, flags ...string) error {
	cgo := "CGO_ENABLED=0"
	for _, f := range flags {
		if f == "-race" {
			cgo = "CGO_ENABLED=1"
		}
	}
	cmd := exec.CommandContext(ctx, "go", append(append([]string{"build", "-o", program}, flags...), importPath)...)
	cmd.Env = append(os.Environ(), cgo)
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", importPath, err, output)
	}
	return nil
}

// FreeAddr returns a loopback address with a port that is free now. Another
// program may take it before the caller does.
func FreeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("no free loopback port: %w", err)
	}
	return l.Addr().String(), l.Close()
}
