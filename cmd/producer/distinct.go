package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// distinct returns an error if a file would be overwritten that is read, or that
// another flag names. Links are followed.
func distinct(input string, p *plan) error {
	type named struct{ flag, path string }
	files := []named{{"the file to load", input}}
	if p.rejects != "" {
		files = append(files, named{"--rejects", p.rejects}, named{"--rejects", reasonsOf(p.rejects)})
	}
	if p.summary != "-" {
		files = append(files, named{"--summary", p.summary})
	}
	for i, file := range files {
		for _, earlier := range files[:i] {
			if sameFile(earlier.path, file.path) {
				return fmt.Errorf("%s: %s would overwrite %s: name another file", file.flag, file.path, earlier.flag)
			}
		}
	}
	return nil
}

func sameFile(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	if filepath.Clean(a) == filepath.Clean(b) {
		return true
	}
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)
	return err == nil && first.Mode().IsRegular() && os.SameFile(first, second)
}
