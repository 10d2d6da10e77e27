package main

import (
	"context"
	"fmt"
	"io"
	"os"
)

// input is what is loaded.
type input struct {
	io.ReadCloser
	name string // empty where it has none
	size int64  // bytes; 0 where that is not known
}

// openInput opens a file, or takes stdin for "-".
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
		err = fmt.Errorf("%s is a folder, not a file", name)
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

// open heeds ctx, since a named pipe lets nobody in until somebody writes to it.
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
