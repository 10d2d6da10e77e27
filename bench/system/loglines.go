package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"ingestion/record"
)

const maxLine = 1 << 20

// log returns the file of a run's output; with several processes each file has
// a suffix.
func (s *sitting) log() string { return filepath.Join(s.dir, "log") }

// forgetLogs removes the logs of the previous run.
func (s *sitting) forgetLogs() error {
	files, err := filepath.Glob(s.log() + "*")
	for _, file := range files {
		err = errors.Join(err, os.Remove(file))
	}
	return err
}

// linesOf counts the outcome lines in the logs whose names begin with log.
func linesOf(log string) (counts, error) {
	files, err := filepath.Glob(log + "*")
	if err != nil {
		return nil, err
	}
	outcomes := map[string]record.Outcome{}
	for _, o := range record.Outcomes() {
		outcomes[o.String()] = o
	}
	all := counts{}
	for _, file := range files {
		if err := countLines(file, outcomes, all); err != nil {
			return nil, fmt.Errorf("reading the log: %w", err)
		}
	}
	return all, nil
}

func countLines(file string, outcomes map[string]record.Outcome, into counts) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		_, rest, _ := bytes.Cut(lines.Bytes(), []byte(`"event":"`))
		event, _, _ := bytes.Cut(rest, []byte(`"`))
		if o, ok := outcomes[string(event)]; ok {
			into[o]++
		}
	}
	return lines.Err()
}
