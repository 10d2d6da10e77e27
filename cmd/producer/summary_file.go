package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// summaryFile is where --summary writes. The file is there once the load has ended, and
// is complete then; what an earlier load left is removed at the beginning. A nil
// *summaryFile writes nothing.
type summaryFile struct {
	stdout io.Writer   // if it is not a file
	path   string      // of the file, without links
	mode   os.FileMode // of a new file
	device bool        // the path is a pipe or a device, which stays
}

// openSummary makes sure that the file can be written.
func openSummary(name string, stdout io.Writer) (*summaryFile, error) {
	switch name {
	case "":
		return nil, nil
	case "-":
		return &summaryFile{stdout: stdout}, nil
	}
	s := &summaryFile{path: name, mode: 0o644}
	info, err := os.Stat(name)
	if err == nil {
		if info.IsDir() {
			return nil, fmt.Errorf("--summary: %s is a directory, not a file", name)
		}
		s.mode, s.device = info.Mode().Perm(), !info.Mode().IsRegular()
		if s.path, err = filepath.EvalSymlinks(name); err != nil {
			return nil, fmt.Errorf("--summary: %w", err)
		}
	}
	if s.device {
		return s, nil
	}
	f, err := s.create()
	if err == nil {
		err = errors.Join(f.Close(), os.Remove(f.Name()))
	}
	if err == nil {
		err = os.Remove(s.path)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) || f == nil {
		return nil, fmt.Errorf("--summary: %s can't be written: %w", name, cause(err))
	}
	return s, nil
}

// cause returns the error of a system call without the path.
func cause(err error) error {
	var at *os.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// create creates a file beside the one that is to be written.
func (s *summaryFile) create() (*os.File, error) {
	name := fmt.Sprintf(".%s.%d.tmp", filepath.Base(s.path), os.Getpid())
	return os.OpenFile(filepath.Join(filepath.Dir(s.path), name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, s.mode)
}

func (s *summaryFile) write(text []byte) (err error) {
	switch {
	case s == nil:
		return nil
	case s.stdout != nil:
		_, err = s.stdout.Write(text)
	case s.device:
		err = os.WriteFile(s.path, text, s.mode)
	default:
		err = s.replace(text)
	}
	if err != nil {
		return fmt.Errorf("--summary: %w", err)
	}
	return nil
}

// replace writes the file in one step: who reads it never sees a part.
func (s *summaryFile) replace(text []byte) error {
	f, err := s.create()
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), s.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
