package e2e_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
)

// TestHugeEntries sends ten entries of 10 MB after small ones: they are refused
// one by one, with at most a few of them in memory.
func TestHugeEntries(t *testing.T) {
	t.Parallel()
	const huge = 10
	f := simple(43, 20)
	r := harnessOn(t, stream, env.Redis(t, env.WithConfig("appendonly", "no")), env.Mongo(t))
	r.feed(f)
	body := strings.Repeat("x", 10<<20)
	for range huge {
		r.feedTo(streamKey, body)
	}
	r.program = env.BuildPlain(t, "ingestion/cmd/worker") // the race detector needs memory itself
	worker := r.start()
	env.Eventually(t, late, func() (bool, string) {
		r.wantWorking()
		ledger := r.ledger(streamKey)
		return ledger[parseError] == huge && ledger[ingested] == 20, fmt.Sprint(ledger)
	})
	if peak, err := peakMemory(worker); err != nil && (os.Getenv("CI") != "" || runtime.GOOS == "linux") {
		t.Errorf("the worker's memory is unknown: %v", err)
	} else if peak > 250<<20 {
		t.Errorf("the worker used %d MiB", peak>>20)
	}
	r.stop(worker)
}

// peakMemory returns the peak resident memory of a process in bytes. Linux
// only.
func peakMemory(p *env.Proc) (int, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if err != nil {
		return 0, err
	}
	for text := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(text, "VmHWM:"); ok {
			kib, err := strconv.Atoi(strings.Fields(value)[0])
			return kib << 10, err
		}
	}
	return 0, errors.New("/proc tells no VmHWM")
}

// TestMaxmemory sends a load to a Redis that is too small for it. Settled
// entries are trimmed to make room, long before their retention ends. Then more
// records arrive than can be processed: the worker logs why it waits, and
// continues when there is memory.
func TestMaxmemory(t *testing.T) {
	t.Parallel()
	const n, part = 600, 20
	f := simple(44, n)
	padding := `,"padding":"` + strings.Repeat("x", 10_000) + `"}`
	for i := range f.records {
		f.records[i].body = strings.TrimSuffix(f.records[i].body, "}") + padding
	}
	r := newHarness(t, stream, "STREAM_RETENTION=forever", "BATCH_SIZE=20")
	worker := r.start()
	r.setMaxmemory(r.usedMemory() + 3<<20)
	bodies := f.bodies()
	for len(r.fed) < n-100 {
		r.feedWithRetry(bodies[len(r.fed) : len(r.fed)+part])
		r.awaitOutcomes(len(r.fed))
	}
	worker.WaitForLine(soon, func(text string) bool {
		return event("trimmed")(text) && strings.Contains(text, "maxmemory")
	})
	r.setMaxmemory(1)
	worker.WaitForLine(soon, func(text string) bool {
		return retrying("Redis", "error")(text) && strings.Contains(text, "Redis is at maxmemory")
	})
	r.setMaxmemory(0)
	r.feedWithRetry(bodies[len(r.fed):])
	r.awaitOutcomes(n)
	r.stop(worker)
	r.wantOneOutcome(f)
	r.wantDocuments(f)
	r.wantLedger(f.want)
}

// feedWithRetry adds entries one by one and retries each while Redis is full.
func (r *harness) feedWithRetry(bodies []string) {
	r.t.Helper()
	for _, body := range bodies {
		env.Eventually(r.t, late, func() (bool, string) {
			r.wantWorking()
			added := r.client.XAdd(r.ctx(), &redis.XAddArgs{Stream: streamKey, Values: []any{"data", body}})
			if err := added.Err(); err != nil && !strings.HasPrefix(err.Error(), "OOM") {
				r.t.Fatal(err)
			}
			if added.Err() == nil {
				r.number([]redis.Cmder{added})
			}
			return added.Err() == nil, fmt.Sprintf("no room after %d records: %v", len(r.fed), added.Err())
		})
	}
}

// TestNoMemoryAtAll leaves Redis without memory while entries wait and nothing
// can be trimmed. The worker logs why it waits, settles nothing, and continues
// when there is memory.
func TestNoMemoryAtAll(t *testing.T) {
	t.Parallel()
	f := newFixture(45, 200)
	r := newHarness(t, stream, "BATCH_SIZE=20")
	worker := r.start()
	cmds, err := r.client.TxPipelined(t.Context(), func(pipe redis.Pipeliner) error {
		for _, body := range f.bodies() {
			pipe.XAdd(t.Context(), &redis.XAddArgs{Stream: streamKey, Values: []any{"data", body}})
		}
		pipe.ConfigSet(t.Context(), "maxmemory", "1")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	r.number(cmds)
	worker.WaitForLine(soon, func(text string) bool {
		return retrying("Redis", "error")(text) && strings.Contains(text, "Redis is at maxmemory")
	})
	if ledger := r.ledger(streamKey); ledger[ingested]+ledger[rateLimited]+ledger[invalid]+ledger[parseError] != 0 {
		t.Errorf("settled at maxmemory: %v", ledger)
	}
	if docs := len(r.documents()); docs != 0 {
		t.Errorf("%d documents were stored without the limiter", docs)
	}
	r.setMaxmemory(0)
	worker.WaitForLine(soon, func(text string) bool {
		return retrying("Redis", "success")(text) && strings.Contains(text, "free memory")
	})
	env.Eventually(t, late, func() (bool, string) {
		total := 0
		ledger := r.ledger(streamKey)
		for name := range outcomes {
			total += int(ledger[name])
		}
		return total == len(f.records), fmt.Sprint(ledger)
	})
	r.stop(worker)
	r.wantDocuments(f)
	r.wantLedger(f.want)
}

func (r *harness) setMaxmemory(bytes int) {
	r.t.Helper()
	if err := r.client.ConfigSet(r.ctx(), "maxmemory", strconv.Itoa(bytes)).Err(); err != nil {
		r.t.Fatal(err)
	}
}

func (r *harness) usedMemory() int {
	r.t.Helper()
	info, err := r.client.Info(r.ctx(), "memory").Result()
	if err != nil {
		r.t.Fatal(err)
	}
	for text := range strings.SplitSeq(info, "\r\n") {
		if value, ok := strings.CutPrefix(text, "used_memory:"); ok {
			n, err := strconv.Atoi(value)
			if err != nil {
				r.t.Fatal(err)
			}
			return n
		}
	}
	r.t.Fatal("INFO has no used_memory")
	return 0
}
