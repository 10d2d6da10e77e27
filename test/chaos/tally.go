package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"ingestion/test/chaos/internal/check"
	"ingestion/test/chaos/internal/faults"
)

// tally prints the progress of a run and its report.
type tally struct {
	out     io.Writer
	o       options
	begin   time.Time
	live    bool          // a terminal: progress is one line that changes
	drained time.Duration // from the last fault until everything was processed

	mu       sync.Mutex
	injected map[faults.Kind]int
	total    int
	acked    func() int
	phase    string
	end      chan struct{}
	ended    sync.WaitGroup
}

func newTally(out io.Writer, o options) *tally {
	f, isFile := out.(*os.File)
	return &tally{out: out, o: o, begin: time.Now(), live: isFile && term.IsTerminal(int(f.Fd())), injected: map[faults.Kind]int{}, end: make(chan struct{})}
}

func (t *tally) count(f faults.Fault) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.injected[f.Kind]++
	t.total++
}

// follow prints the progress until stop.
func (t *tally) follow(acked func() int) {
	t.acked = acked
	every := 15 * time.Second
	if t.live {
		every = 200 * time.Millisecond
	}
	t.ended.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				t.show()
			case <-t.end:
				if t.live {
					fmt.Fprint(t.out, "\r\033[K")
				}
				return
			}
		}
	})
}

func (t *tally) stop() {
	close(t.end)
	t.ended.Wait()
}

func (t *tally) show() {
	t.mu.Lock()
	defer t.mu.Unlock()
	// Other clients' records may bring the count above that of the load.
	line := fmt.Sprintf("%5s  %d of %d records sent, %d of %d faults injected%s",
		time.Since(t.begin).Round(time.Second), min(t.acked(), t.o.records), t.o.records, t.total, t.o.faults, t.phase)
	if t.live {
		fmt.Fprint(t.out, "\r\033[K", line)
		return
	}
	fmt.Fprintln(t.out, line)
}

func (t *tally) say(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.phase = "; " + what
}

func (t *tally) outstanding(pending, undelivered, delayed int64) {
	t.say(fmt.Sprintf("draining: %d pending, %d undelivered, %d deferred", pending, undelivered, delayed))
}

// print writes the report: the faults, the figures, the violations and, in one
// line, the verdict.
func (t *tally) print(e *check.Evidence, h *harness) {
	t.printFaults()
	t.printFigures(e, h)
	r := &h.report
	for _, kind := range check.Kinds() {
		if n := r.Count(kind); n > 0 {
			fmt.Fprintf(t.out, "\n%s: %d\n", kind, n)
			for _, detail := range r.Details(kind) {
				fmt.Fprintln(t.out, "   ", detail)
			}
		}
	}
	balanced := "balanced"
	if r.Count(check.Unbalanced) > 0 {
		balanced = "NOT balanced"
	}
	fmt.Fprintf(t.out, "\nseed %d: lost %d, doubled %d, invented %d, wrongly dead %d, over the limit %d, left over %d, account %s\n",
		t.o.seed, r.Count(check.Lost), r.Count(check.Doubled), r.Count(check.Invented), r.Count(check.WrongDeath), r.Count(check.OverLimit),
		r.Count(check.Leftover), balanced)
}

// printFaults lists the kinds that were injected, and counts the others: a short
// run draws few of them.
func (t *tally) printFaults() {
	fmt.Fprintf(t.out, "\n%d faults injected in %v, all records processed %v after the last one:\n",
		t.total, time.Since(t.begin).Round(time.Second), t.drained.Round(100*time.Millisecond))
	unused := 0
	for _, kind := range t.o.kinds {
		if n := t.injected[kind]; n > 0 {
			fmt.Fprintf(t.out, "%7d  %s\n", n, kind)
		} else {
			unused++
		}
	}
	if unused > 0 {
		fmt.Fprintf(t.out, "%7d  of %d kinds were not drawn\n", unused, len(t.o.kinds))
	}
}

// printFigures writes a line on each part of the run.
func (t *tally) printFigures(e *check.Evidence, h *harness) {
	line := func(what, format string, args ...any) {
		fmt.Fprintf(t.out, "%-14s %s\n", what, fmt.Sprintf(format, args...))
	}
	unanswered := 0
	for _, n := range e.Unanswered {
		unanswered += n
	}
	var taken, removed int
	for _, each := range e.Taken {
		if each.Removed {
			removed++
		}
		if each.Pending || each.Unread {
			taken++
		}
	}
	started := 0
	for _, worker := range h.workers {
		started += worker.Started()
	}
	logged := readLogs(h.dir)
	fmt.Fprintln(t.out)
	line("sent", "%d records acknowledged, %d XADDs without a reply, %d entries on the streams", len(e.Acked), unanswered, len(e.Entries))
	line("stored", "%d documents, %d dead letters", len(e.Documents), len(e.Dead))
	line("workers", "%d processes started, %d entries reclaimed, %d outcomes logged", started, logged["claimed"], logged["outcomes"])
	line("other clients", "%d entries removed, %d taken before they were settled, %d made to be delivered again", removed, taken, len(e.Rewound))
	line("ledger", "%s", ledgers(e))
}

// ledgers adds up the ledgers of all partitions.
func ledgers(e *check.Evidence) string {
	var parts []string
	for _, name := range []string{"ingested", "duplicate", "parse_error", "validation_failed", "rate_limited", "rejected", "poisoned", "deferred", "trimmed", "missing"} {
		sum := int64(0)
		for _, p := range e.Partitions {
			sum += p.Ledger[name]
		}
		parts = append(parts, fmt.Sprintf("%d %s", sum, name))
	}
	return strings.Join(parts, ", ")
}

// readLogs counts the entries reclaimed and the outcomes in the workers' logs.
func readLogs(dir string) map[string]int {
	counts := map[string]int{}
	files, _ := filepath.Glob(filepath.Join(dir, "worker-*.log"))
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			continue
		}
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			switch {
			case bytes.Contains(lines.Bytes(), []byte(`"event":"claimed"`)):
				var l struct{ Count int }
				_ = json.Unmarshal(lines.Bytes(), &l) // a line may be cut off by a kill
				counts["claimed"] += l.Count
			case bytes.Contains(lines.Bytes(), []byte(`"streamId":`)):
				counts["outcomes"]++
			}
		}
		_ = f.Close()
	}
	return counts
}
