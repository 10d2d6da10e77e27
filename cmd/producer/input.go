package main

import (
	"fmt"
	"io"
	"os"
	"sync/atomic"
)

// input is what is loaded. It counts the bytes read, as they are in the file.
type input struct {
	io.Closer
	r    io.Reader
	size int64 // bytes; -1 where that is not known
	read atomic.Int64
}

// openInput opens a file, or takes stdin for "-".
func openInput(name string, stdin io.Reader) (*input, error) {
	if name == "-" {
		return &input{Closer: io.NopCloser(stdin), r: stdin, size: -1}, nil
	}
	file, err := os.Open(name)
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
	in := &input{Closer: file, r: file, size: -1}
	if info.Mode().IsRegular() {
		in.size = info.Size()
	}
	return in, nil
}

func (in *input) Read(p []byte) (int, error) {
	n, err := in.r.Read(p)
	in.read.Add(int64(n))
	return n, err
}
