package sheet_test

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"ingestion/cmd/ingestctl/internal/sheet"
	"ingestion/internal/inspect"
	"ingestion/record"
	"ingestion/streams"
)

var update = flag.Bool("update", false, "write the golden files")

var now = time.Date(2026, 11, 30, 2, 41, 7, 0, time.UTC)

const lease = 30 * time.Second

// ago is the ID of an entry that arrived so long before now.
func ago(d time.Duration) string { return fmt.Sprintf("%d-0", now.Add(-d).UnixMilli()) }

// partition is one whose account balances.
func partition(key string, settled, pending, undelivered int64) inspect.Partition {
	outcomes := map[record.Outcome]int64{record.Ingested: settled - settled/5, record.Invalid: settled / 5}
	p := inspect.Partition{Key: key, Snapshot: &streams.Snapshot{
		Account: &streams.Account{
			Key: key, Group: "ingest-workers", Epoch: 1, StreamThere: true, GroupThere: true, Known: true,
			Added: settled + pending + undelivered, Length: settled + pending + undelivered,
			Outcomes: outcomes, Pending: pending, Undelivered: undelivered, DeadWritten: settled / 5, DeadKept: settled / 5,
		},
		Taken: now,
	}}
	if pending > 0 {
		p.OldestPending = ago(3 * time.Second)
	}
	if undelivered > 0 {
		p.OldestUndelivered = ago(2*time.Minute + 5*time.Second)
	}
	return p
}

func state(partitions ...inspect.Partition) *inspect.Status {
	s := &inspect.Status{
		At: now, Partitions: partitions, Source: inspect.Source{Group: "ingest-workers", Lease: lease},
		Redis: inspect.Redis{Nodes: []inspect.Node{{Addr: "10.0.0.7:6379", Version: "7.0.15", Used: 1 << 30, MaxMemory: 4 << 30, Policy: "noeviction", AOF: true}}},
		Mongo: &inspect.Mongo{Took: 3 * time.Millisecond},
	}
	for _, p := range partitions {
		s.Source.Keys = append(s.Source.Keys, p.Key)
	}
	for i := range 60 {
		s.History.Periods = append(s.History.Periods, streams.Period{
			Start: now.Truncate(time.Minute).Add(time.Duration(i-59) * time.Minute), Outcomes: map[record.Outcome]int64{record.Ingested: 200, record.RateLimited: 30, record.Malformed: 1},
		})
	}
	for i := range 20 {
		s.Refused.Customers = append(s.Refused.Customers, streams.Refusals{CustomerID: fmt.Sprintf("customer-%d", i), Count: int64(2000 - 90*i), Error: int64(i / 3)})
	}
	return s
}

func reads(p inspect.Partition, name string, holds int64, idle time.Duration) {
	p.Consumers = append(p.Consumers, streams.ConsumerState{Name: name, Pending: holds, Idle: idle})
}

func many(n int) *inspect.Status {
	var partitions []inspect.Partition
	for i := range n {
		p := partition(fmt.Sprintf("ingest:stream:%d", i), int64(100_000+1000*i), int64(10*i), int64(7*i))
		for w := range 3 {
			reads(p, fmt.Sprintf("ingest-5d9f7c4b8-x%d-1-9f3c2a10", w), int64(i), time.Duration(w)*300*time.Millisecond)
		}
		partitions = append(partitions, p)
	}
	return state(partitions...)
}

// states are those of the golden files.
func states() map[string]*inspect.Status {
	all := map[string]*inspect.Status{"three": many(3), "sixteen": many(16)}

	one := partition("ingest:stream", 1_234_567, 1000, 33_567)
	reads(one, "host-4711-1f2e3d4c", 1000, 200*time.Millisecond)
	all["one"] = state(one)

	empty := partition("ingest:stream", 0, 0, 0)
	reads(empty, "host-4711-1f2e3d4c", 0, time.Second)
	all["empty"] = state(empty)

	huge := partition("a:very:long:name:of:a:stream:of:customers", math.MaxInt64/2, math.MaxInt64/8, math.MaxInt64/4)
	huge.OldestUndelivered, huge.Delayed, huge.Due, huge.Missing = ago(1000*24*time.Hour), 987_654_321_098, 123_456_789_012, 12
	reads(huge, strings.Repeat("a-worker-with-a-long-name-", 4), math.MaxInt64/8, 400*24*time.Hour)
	reads(huge, "esc\x1b[31m", 0, 0)
	all["huge"] = state(huge, partition("a:very:long:name:of:a:stream:of:customers:2", 5, 0, 0))

	down := state(inspect.Partition{Key: "s:0", Err: errors.New("connection refused")}, inspect.Partition{Key: "s:1", Err: errors.New("connection refused")})
	down.Redis = inspect.Redis{Err: errors.New("connection refused by 10.0.0.7:6379")}
	down.Control.Err, down.Registered.Err, down.Refused.Err, down.History.Err = down.Redis.Err, down.Redis.Err, down.Redis.Err, down.Redis.Err
	all["redis_down"] = down

	partly := many(3)
	partly.Partitions[1] = inspect.Partition{Key: "ingest:stream:1", Err: errors.New("reading the state of ingest:stream:1: CLUSTERDOWN Hash slot not served")}
	partly.Mongo.Err = errors.New("MongoDB is unreachable: 10.0.0.8:27017: connection refused; start it, or check the connection string")
	all["partly"] = partly

	paused := many(3)
	paused.Control = inspect.Control{Active: true, Control: streams.Control{Paused: true, By: "ada"}}
	all["paused"] = paused

	wedged := partition("ingest:stream", 500, 250, 20_000)
	wedged.OldestUndelivered, wedged.OldestPending = ago(2*time.Hour), ago(3*time.Hour)
	reads(wedged, "host-4711-1f2e3d4c", 250, 3*time.Hour)
	reads(wedged, "host-4712-aa2e3d4c", 0, 10*time.Millisecond)
	wedged.BacklogUnknown = true
	all["wedged"] = state(wedged)

	list := state()
	list.Source = inspect.Source{List: "ingest:queue"}
	list.List = &inspect.List{Key: "ingest:queue", ListSnapshot: streams.ListSnapshot{Length: 12_345}}
	list.Registered.Workers = []streams.Worker{{WorkerInfo: streams.WorkerInfo{Consumer: "host-4711-1f2e3d4c"}}}
	all["list"] = list
	return all
}

func TestTheTextOfAState(t *testing.T) {
	for name, s := range states() {
		t.Run(name, func(t *testing.T) {
			text := ansi.Strip(sheet.New(s, inspect.Limits{}).Text(0))
			check(t, filepath.Join("testdata", name+".txt"), text)
			for line := range strings.Lines(text) {
				line = strings.TrimSuffix(line, "\n")
				if ansi.StringWidth(line) > sheet.Width {
					t.Errorf("wider than %d columns: %q", sheet.Width, line)
				}
				if strings.TrimRight(line, " ") != line {
					t.Errorf("spaces at the end: %q", line)
				}
			}
		})
	}
}

func check(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("not as in %s (-update writes it):\n%s", file, diff)
	}
}

// Whatever the height of the terminal is, the first line and the last one are shown.
func TestATextFitsTheHeight(t *testing.T) {
	for name, s := range states() {
		sh := sheet.New(s, inspect.Limits{})
		for _, height := range []int{3, 10, 20, 24, 25, 30, 45} {
			text := strings.Split(strings.TrimSuffix(sh.Text(height), "\n"), "\n")
			if len(text) > height {
				t.Errorf("%s: %d lines for a height of %d", name, len(text), height)
			}
			if first, _, _ := strings.Cut(sh.Title(), "\n"); text[0] != first || text[len(text)-1] != sh.ToDo() {
				t.Errorf("%s at a height of %d begins with %q and ends with %q", name, height, text[0], text[len(text)-1])
			}
		}
	}
}
