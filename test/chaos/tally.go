package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/term"

	"ingestion/test/chaos/internal/check"
	"ingestion/test/chaos/internal/faults"
)

// tally says how the run gets on, and what came of it.
type tally struct {
	out     io.Writer
	o       options
	begin   time.Time
	live    bool // a terminal: one line that changes
	drained time.Duration

	mu     sync.Mutex
	played map[faults.Kind]int
	struck int
	acked  func() int
	extra  string
	end    chan struct{}
	ended  sync.WaitGroup
}

func newTally(out io.Writer, o options) *tally {
	f, isFile := out.(*os.File)
	return &tally{out: out, o: o, begin: time.Now(), live: isFile && term.IsTerminal(int(f.Fd())), played: map[faults.Kind]int{}, end: make(chan struct{})}
}

func (t *tally) count(f faults.Fault) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.played[f.Kind]++
	t.struck++
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
	line := fmt.Sprintf("%5s  %d of %d records sent, %d of %d faults%s",
		time.Since(t.begin).Round(time.Second), t.acked(), t.o.records, t.struck, t.o.faults, t.extra)
	if t.live {
		fmt.Fprint(t.out, "\r\033[K", line)
		return
	}
	fmt.Fprintln(t.out, line)
}

func (t *tally) say(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.extra = "; " + what
}

func (t *tally) outstanding(pending, undelivered, delayed int64) {
	t.say(fmt.Sprintf("to do: %d pending, %d undelivered, %d deferred", pending, undelivered, delayed))
}

// print is the report: a line a fault kind, the figures and what is wrong.
func (t *tally) print(e *check.Evidence, w *world) {
	for _, kind := range t.o.kinds {
		fmt.Fprintf(t.out, "%5d  %s\n", t.played[kind], kind)
	}
	fmt.Fprintf(t.out, "%d faults in %v; worked off %v after the last one\n", t.struck, time.Since(t.begin).Round(time.Second), t.drained.Round(100*time.Millisecond))
	t.printFigures(e, w)
	r := &w.report
	fmt.Fprintf(t.out, "seed %d: lost %d, doubled %d, invented %d, wrongly dead %d, over the limit %d, left over %d, account %s\n",
		t.o.seed, r.Count(check.Lost), r.Count(check.Doubled), r.Count(check.Invented), r.Count(check.WrongDeath), r.Count(check.OverLimit),
		r.Count(check.Leftover), map[bool]string{true: "balanced", false: "NOT balanced"}[r.Count(check.Unbalanced) == 0])
	for _, sort := range check.Sorts() {
		if n := r.Count(sort); n > 0 {
			fmt.Fprintf(t.out, "%s: %d\n", sort, n)
			for _, detail := range r.Details(sort) {
				fmt.Fprintln(t.out, "   ", detail)
			}
		}
	}
}

func (t *tally) printFigures(e *check.Evidence, w *world) {
	sum := map[string]int64{}
	for _, p := range e.Partitions {
		for name, n := range p.Ledger {
			sum[name] += n
		}
	}
	unanswered := 0
	for _, n := range e.Unanswered {
		unanswered += n
	}
	lives := 0
	for _, worker := range w.workers {
		lives += worker.Lives()
	}
	fmt.Fprintf(t.out, "%d records acknowledged, %d XADDs without an answer, %d entries; %d documents, %d dead letters\n",
		len(e.Acked), unanswered, len(e.Entries), len(e.Documents), len(e.Dead))
	var taken, removed int
	for _, each := range e.Taken {
		if each.Removed {
			removed++
		}
		if each.Pending || each.Unread {
			taken++
		}
	}
	fmt.Fprintf(t.out, "strangers: %d entries removed; %d taken before they were finished; groups set back over %d\n", removed, taken, len(e.Rewound))
	fmt.Fprintf(t.out, "ledger: %d ingested, %d duplicate, %d parse_error, %d validation_failed, %d rate_limited, %d rejected, %d poisoned, %d deferred; %d trimmed, %d missing\n",
		sum["ingested"], sum["duplicate"], sum["parse_error"], sum["validation_failed"], sum["rate_limited"], sum["rejected"], sum["poisoned"], sum["deferred"], sum["trimmed"], sum["missing"])
	said := readLogs(w.dir)
	fmt.Fprintf(t.out, "%d worker processes; %d entries taken over, %d outcomes logged\n", lives, said["claimed"], said["outcomes"])
}

// readLogs counts what the workers said: entries claimed, and outcomes.
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
