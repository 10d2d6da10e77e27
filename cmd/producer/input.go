package main

import (
	"context"
	"fmt"
	"io"
	"os"
)

// input is the file to load.
type input struct {
	io.ReadCloser
	name string // empty for standard input
	size int64  // in bytes; 0 if unknown
}

// openInput opens a file; "-" is stdin.
func openInput(ctx context.Context, name string, stdin io.Reader) (*input, error) {
	if name == "-" {
		return &input{ReadCloser: io.NopCloser(stdin)}, nil
	}
	file, err := open(ctx, name)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a directory, not a file", name)
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	in := &input{ReadCloser: file, name: name}
	if info.Mode().IsRegular() {
		in.size = info.Size()
	}
	return in, nil
}

// open opens a file until ctx ends. Opening a named pipe blocks until it has a
// writer.
func open(ctx context.Context, name string) (*os.File, error) {
	type opened struct {
		file *os.File
		err  error
	}
	done := make(chan opened, 1)
	go func() {
		file, err := os.Open(name)
		done <- opened{file, err}
	}()
	select {
	case o := <-done:
		return o.file, o.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
