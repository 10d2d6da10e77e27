package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// exportTarget is a file that appears when it is complete, or a stream.
type exportTarget struct {
	*bufio.Writer
	file *os.File // nil for a stream
	path string   // what the file replaces, without links; "" for a pipe or a device, which stays
}

// createTarget begins a file. "-" stands for the stream, "" for nothing.
func createTarget(path string, stream io.Writer) (*exportTarget, error) {
	switch path {
	case "":
		return &exportTarget{Writer: bufio.NewWriter(io.Discard)}, nil
	case "-":
		return &exportTarget{Writer: bufio.NewWriter(stream)}, nil
	}
	var file *os.File
	replaced, err := replacedBy(path)
	switch {
	case err != nil:
	case replaced == "":
		file, err = os.OpenFile(path, os.O_WRONLY, 0)
	default:
		file, err = os.CreateTemp(filepath.Dir(replaced), "."+filepath.Base(replaced)+".*")
	}
	if fault, ok := errors.AsType[*os.PathError](err); ok {
		err = fault.Err
	}
	if err != nil {
		return nil, fmt.Errorf("can't write %s: %w", path, err)
	}
	return &exportTarget{bufio.NewWriter(file), file, replaced}, nil
}

var errDirectory = errors.New("it is a directory")

// replacedBy returns the path, without links, of the file that a target replaces or creates;
// "" for a pipe or a device, which has to stay.
func replacedBy(path string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		dir, err := filepath.EvalSymlinks(filepath.Dir(path))
		return filepath.Join(dir, filepath.Base(path)), err
	case err != nil:
		return "", err
	case info.IsDir():
		return "", errDirectory
	case !info.Mode().IsRegular():
		return "", nil
	}
	return filepath.EvalSymlinks(path)
}

// sameTarget reports whether two targets would be one file.
func sameTarget(a, b string) bool {
	of := func(path string) string {
		replaced, err := replacedBy(path)
		if err != nil || replaced == "" {
			return ""
		}
		absolute, _ := filepath.Abs(replaced) // "" if there is no working directory
		return absolute
	}
	return of(a) != "" && of(a) == of(b)
}

// keep completes the file.
func (t *exportTarget) keep() error {
	err := t.Flush()
	if t.file == nil || err != nil {
		return err
	}
	if t.path == "" {
		return t.file.Close()
	}
	if err := errors.Join(t.file.Sync(), t.file.Close()); err != nil {
		return err
	}
	return os.Rename(t.file.Name(), t.path)
}

// discard removes a file that was not kept.
func (t *exportTarget) discard() {
	if t.file == nil {
		return
	}
	_ = t.file.Close()
	if t.path != "" {
		_ = os.Remove(t.file.Name())
	}
}
