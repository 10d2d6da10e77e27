package top

import (
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"ingestion/internal/inspect"
	"ingestion/internal/test/terminal"
	"ingestion/record"
	"ingestion/streams"
)

var update = flag.Bool("update", false, "write the screens into docs/status.md")

const shown = 30 * time.Second

var now = time.Date(2026, 11, 30, 2, 41, 7, 0, time.UTC)

func ago(d time.Duration) string { return fmt.Sprintf("%d-0", now.Add(-d).UnixMilli()) }

// example is a queue whose workers have caught up with a burst, but for one worker that
// was killed.
func example() reader {
	return reader{
		status: exampleStatus,
		past: func(s span) inspect.History {
			h := inspect.History{Unit: s.unit()}
			for i := range int(s.length() / s.unit().Length()) {
				wave := (1 + math.Sin(float64(i)/7)) / 2
				h.Periods = append(h.Periods, streams.Period{
					Start: now.Truncate(s.unit().Length()).Add(-time.Duration(int(s.length()/s.unit().Length())-1-i) * s.unit().Length()),
					Outcomes: map[record.Outcome]int64{
						record.Ingested: int64(2000 + 1500*wave), record.Duplicate: int64(3 * wave), record.RateLimited: int64(400 * wave * wave), record.Invalid: int64(20 + 10*wave), record.Malformed: int64(i % 4),
					},
					Undelivered: int64(12_000 * wave * wave * wave), UndeliveredKnown: true,
				})
			}
			return h
		},
		letters: func() (l inspect.Letters) {
			for i, reason := range []string{"createdAt: no such time of day", "name: blank", "Invalid JSON: the same key twice in one object", "email: the domain has no dot", "customerId: missing"} {
				letter := inspect.Letter{Key: "ingest:stream:0", CustomerID: []string{"4711", "c-17", "", "4711", ""}[i]}
				letter.ID, letter.Reason, letter.Event = ago(time.Duration(i*i*7+2)*time.Second), reason, record.Invalid.String()
				if strings.HasPrefix(reason, "Invalid JSON") {
					letter.Event = record.Malformed.String()
				}
				l.Letters = append(l.Letters, letter)
			}
			return l
		},
	}
}

func exampleStatus() *inspect.Status {
	s := &inspect.Status{
		At: now, Source: inspect.Source{Keys: record.PartitionKeys("ingest:stream", 3), Group: "ingest-workers", Lease: 30 * time.Second},
		Redis: inspect.Redis{Nodes: []inspect.Node{{Addr: "10.0.0.7:6379", Version: "7.0.15", Used: 1 << 30, MaxMemory: 4 << 30, Policy: "noeviction", AOF: true}}},
		Mongo: &inspect.Mongo{Took: 3 * time.Millisecond},
	}
	for i, key := range s.Source.Keys {
		n := int64(i)
		a := &streams.Account{
			Key: key, Group: s.Source.Group, Epoch: 1, StreamThere: true, GroupThere: true, Known: true,
			Outcomes: map[record.Outcome]int64{record.Ingested: 412_000 + 731*n, record.Duplicate: 12, record.Malformed: 90 + n, record.Invalid: 1404 - n, record.RateLimited: 31_077 + 40*n},
			Pending:  250 + n, Undelivered: 11 * n, DeadWritten: 1494, DeadKept: 1494, OldestPending: ago(2 * time.Second), Missing: 0,
		}
		a.Added = a.Settled() + a.Pending + a.Undelivered
		a.Length = a.Added
		p := inspect.Partition{Key: key, Snapshot: &streams.Snapshot{Account: a, Taken: now}}
		if n > 0 {
			p.OldestUndelivered = ago(time.Second)
		}
		p.Consumers = []streams.ConsumerState{{Name: "ingest-5d9f7c4b8-x7k2p-1-9f3c2a10", Pending: 238 + n, Idle: 300 * time.Millisecond}, {Name: "ingest-5d9f7c4b8-q94zd-1-77aa01be", Idle: 200 * time.Millisecond}}
		if i == 0 {
			p.Consumers = append(p.Consumers, streams.ConsumerState{Name: "ingest-5d9f7c4b8-m2v8s-1-c0ffee11", Pending: 12, Idle: 47 * time.Second})
		}
		s.Partitions = append(s.Partitions, p)
	}
	for i := range 12 {
		s.Refused.Customers = append(s.Refused.Customers, streams.Refusals{CustomerID: []string{"4711", "c-17", "acme", "1004", "globex", "77", "initech", "8", "hooli", "314", "umbrella", "15"}[i], Count: int64(9000 / (i + 1)), Error: int64(2 * i)})
	}
	s.History = inspect.History{Periods: []streams.Period{{Start: now, Outcomes: map[record.Outcome]int64{record.Ingested: 2500}}}}
	return s
}

// start shows what a reader reads on a terminal.
func start(t *testing.T, ctx context.Context, from reader, columns, lines int) (*terminal.Terminal, <-chan error) {
	t.Helper()
	term := terminal.New(t, columns, lines)
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, Options{Source: exampleStatus().Source, Every: 20 * time.Millisecond, Input: term.TTY, Output: term.TTY, Environ: []string{"TERM=xterm-256color"}}, from)
	}()
	return term, done
}

// The screens in the documentation are those of the program.
func TestTheScreensInTheDocumentation(t *testing.T) {
	const page = "../../../../docs/status.md"
	term, done := start(t, t.Context(), example(), 80, 24)
	old, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	text := string(old)
	for i, name := range names {
		term.Type(fmt.Sprint(i + 1))
		last := map[view]string{overview: "02:1", consumers: "m2v8s", customers: "umbrella", letters: "customerId: missing", partitions: "ingest:stream:2"}
		wanted := []string{fmt.Sprintf("[%d %s]", i+1, name), last[view(i)], "q quit"}
		screen := strings.TrimRight(term.Await(shown, wanted...), "\n")
		for line := range strings.Lines(screen) {
			if ansi.StringWidth(strings.TrimSuffix(line, "\n")) > 80 {
				t.Errorf("wider than the terminal: %q", line)
			}
		}
		text = withScreen(t, text, name, screen)
	}
	if *update {
		if err := os.WriteFile(page, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(strings.Split(string(old), "\n"), strings.Split(text, "\n")); diff != "" {
		t.Errorf("%s shows other screens (go test ./cmd/ingestctl/internal/top -update writes them):\n%s", page, diff)
	}
	term.Type("q")
	if err := <-done; err != nil {
		t.Error(err)
	}
	term.Restored(shown)
}

// withScreen replaces the block below the heading of a view.
func withScreen(t *testing.T, page, name, screen string) string {
	t.Helper()
	head, rest, found := strings.Cut(page, "### "+name+"\n")
	before, rest, begins := strings.Cut(rest, "```text\n")
	_, after, ends := strings.Cut(rest, "```\n")
	if !found || !begins || !ends {
		t.Fatalf("no block of text below the heading %q", name)
	}
	return head + "### " + name + "\n" + before + "```text\n" + screen + "\n```\n" + after
}

// A defect ends the program with a message, and the terminal is as before.
func TestADefectRestoresTheTerminal(t *testing.T) {
	for name, breaks := range map[string]func(from *reader, read int){
		"while it reads": func(*reader, int) { panic("broken") },
		"while it reads, somewhere else": func(*reader, int) {
			inspect.ReadStatus(context.Background(), inspect.Source{List: "q"}, inspect.Options{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			from, reads := example(), 0
			status := from.status
			broken := make(chan struct{})
			from.status = func() *inspect.Status {
				reads++
				select {
				case <-broken:
					breaks(&from, reads)
				default:
				}
				return status()
			}
			term, done := start(t, t.Context(), from, 80, 24)
			term.Await(shown, "[1 Overview]", "balanced")
			close(broken)
			select {
			case err := <-done:
				if err == nil || !strings.Contains(err.Error(), "defect") {
					t.Errorf("ended with %v", err)
				}
			case <-time.After(shown):
				t.Fatal("still running")
			}
			term.Restored(shown)
		})
	}
}

// When the context ends, as by SIGTERM, so does the program.
func TestTheEndOfTheContext(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	term, done := start(t, ctx, example(), 80, 24)
	term.Await(shown, "[1 Overview]", "balanced")
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	term.Restored(shown)
}

// On any size nothing breaks, and what to do and the keys are shown.
func TestAnySize(t *testing.T) {
	from := example()
	m := newModel(Options{Source: exampleStatus().Source, Every: time.Second}, from)
	for _, msg := range []any{m.read(), m.readPast(), m.readLetters()} {
		next, _ := m.Update(msg)
		m = next.(model)
	}
	for _, size := range [][2]int{{1, 1}, {20, 5}, {40, 12}, {80, 24}, {81, 25}, {120, 40}, {200, 60}, {400, 100}} {
		m.width, m.height = size[0], size[1]
		for m.view = overview; m.view < views; m.view++ {
			lines := strings.Split(m.screen(), "\n")
			if len(lines) != m.height {
				t.Errorf("%v %s: %d lines", size, names[m.view], len(lines))
			}
			for _, line := range lines {
				if ansi.StringWidth(line) > m.width {
					t.Errorf("%v %s: %d columns: %q", size, names[m.view], ansi.StringWidth(line), line)
				}
			}
			if last := lines[len(lines)-1]; m.height >= 24 && m.width >= 80 && !strings.Contains(last, "q quit") {
				t.Errorf("%v %s ends with %q", size, names[m.view], last)
			}
		}
	}
}
