package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

type reportOptions struct {
	into  string // a page with marks; empty: none
	plots string // a directory; empty: none
}

// The plots, and the marks around the tables in a page.
const (
	barsFile   = "performance.svg"
	memoryFile = "performance-memory.svg"
	beginMark  = "<!-- results: written by go run ./bench/system report -->\n"
	endMark    = "<!-- end of results -->\n"
)

// report writes the tables and plots of a sitting.
func report(out io.Writer, file string, opts reportOptions) error {
	all, err := readResults(file)
	if err != nil {
		return err
	}
	if opts.plots != "" {
		if err := draw(all, opts.plots); err != nil {
			return err
		}
	}
	if opts.into != "" {
		return insertInto(opts.into, tables(all))
	}
	_, err = io.WriteString(out, tables(all))
	return err
}

func draw(all *results, dir string) error {
	if err := os.WriteFile(filepath.Join(dir, barsFile), []byte(drawBars(all)), 0o644); err != nil {
		return err
	}
	for _, r := range all.runs["backlog"] {
		if r.Memory != nil && len(r.Memory.MiB) > 0 {
			return os.WriteFile(filepath.Join(dir, memoryFile), []byte(drawMemory(r)), 0o644)
		}
	}
	return nil
}

// insertInto replaces the text between the marks of a page.
func insertInto(page, text string) error {
	old, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	head, rest, found := strings.Cut(string(old), beginMark)
	_, tail, ended := strings.Cut(rest, endMark)
	if !found || !ended {
		return fmt.Errorf("%s has no lines %q and %q", page, strings.TrimSpace(beginMark), strings.TrimSpace(endMark))
	}
	return os.WriteFile(page, []byte(head+beginMark+"\n"+text+"\n"+endMark+tail), 0o644)
}
