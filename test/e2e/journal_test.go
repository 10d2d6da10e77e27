package e2e_test

import (
	"encoding/json"
	"sync"

	"ingestion/internal/test/env"
)

// line is a line of the log.
type line struct {
	Timestamp  string `json:"timestamp"`
	Level      string `json:"level"`
	Event      string `json:"event"`
	Status     string `json:"status"`
	CustomerID string `json:"customerId"`
	ID         string `json:"_id"`
	Reason     string `json:"reason"`
	Raw        string `json:"raw"`
	StreamID   string `json:"streamId"`
	Conflict   bool   `json:"conflict"`
	Server     string `json:"server"`

	text string
}

var outcomes = map[string]bool{
	ingested: true, duplicate: true, parseError: true, invalid: true, rateLimited: true,
	"rejected": true, "poisoned": true, "deferred": true,
}

// journal collects the workers' logs.
type journal struct {
	mu      sync.Mutex
	sources []*source
	lines   []line              // those of outcomes
	counts  map[string]int      // outcome lines by event
	entries map[string][]string // by streamId: the events of its outcome lines
	broken  []string            // lines that are not JSON
}

type source struct {
	proc *env.Proc
	read int
}

func (j *journal) follow(p *env.Proc) { j.sources = append(j.sources, &source{proc: p}) }

// update reads the new lines.
func (j *journal) update() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.counts == nil {
		j.counts, j.entries = map[string]int{}, map[string][]string{}
	}
	for _, s := range j.sources {
		lines := s.proc.Lines()
		for _, text := range lines[s.read:] {
			j.take(text)
		}
		s.read = len(lines)
	}
}

func (j *journal) take(text string) {
	l, err := parseLine(text)
	switch {
	case err != nil:
		j.broken = append(j.broken, text)
	case outcomes[l.Event]:
		j.lines = append(j.lines, l)
		j.counts[l.Event]++
		j.entries[l.StreamID] = append(j.entries[l.StreamID], l.Event)
	}
}

func parseLine(text string) (line, error) {
	l := line{text: text}
	return l, json.Unmarshal([]byte(text), &l)
}

// total returns the number of outcome lines so far; distinct counts each entry
// once.
func (j *journal) total() int {
	j.update()
	return len(j.lines)
}

func (j *journal) distinct() int {
	j.update()
	return len(j.entries)
}

// event returns a matcher of lines with an event, for WaitForLine.
func event(name string) func(string) bool {
	return func(text string) bool {
		l, err := parseLine(text)
		return err == nil && l.Event == name
	}
}

// retrying returns a matcher of the line that reports a server as down or back.
func retrying(server, status string) func(string) bool {
	return func(text string) bool {
		l, err := parseLine(text)
		return err == nil && l.Event == "retrying" && l.Server == server && l.Status == status
	}
}
