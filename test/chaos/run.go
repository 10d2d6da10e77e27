package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"ingestion/test/chaos/internal/check"
	"ingestion/test/chaos/internal/faults"
	"ingestion/test/chaos/internal/load"
	"ingestion/test/chaos/internal/system"
)

// run reports whether the service did everything right. An error means that the
// run itself failed.
func run(ctx context.Context, o options, out io.Writer) (ok bool, err error) {
	dir, err := makeDir(o.dir)
	if err != nil {
		return false, err
	}
	defer func() {
		if ok && !o.keep {
			_ = os.RemoveAll(dir)
			return
		}
		fmt.Fprintf(out, "data and logs are in %s\n", dir)
	}()
	fmt.Fprintf(out, "seed %d: %d records and %d faults in %v (--workers %d --partitions %d --mongo %s --policy %s)\n",
		o.seed, o.records, o.faults, o.duration, o.workers, o.partitions, o.mongo, o.policy)
	h, err := startHarness(ctx, o, dir)
	defer h.close()
	if err != nil {
		return false, err
	}
	evidence := &check.Evidence{Records: load.Make(o.seed, o.records, o.partitions), Rule: rule(o)}
	clients := newOtherClients(o, evidence)
	t := newTally(out, o)
	if err := h.exercise(ctx, o, evidence, clients, t); err != nil {
		return false, err
	}
	check.Check(evidence, &h.report)
	t.print(evidence, h)
	return h.report.Total() == 0, nil
}

// makeDir makes the directory of the run, in memory where possible.
func makeDir(name string) (string, error) {
	if name != "" {
		return name, os.MkdirAll(name, 0o755)
	}
	base := ""
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		base = "/dev/shm"
	}
	return os.MkdirTemp(base, "ingestion-chaos-")
}

func rule(o options) check.Rule {
	r := check.Rule{Limit: limit, Window: window}
	if o.policy == "defer" {
		r.MaxDelay = maxDelay
	}
	return r
}

// exercise sends the records while faults are injected, waits until everything
// is processed and collects the evidence.
func (h *harness) exercise(ctx context.Context, o options, e *check.Evidence, clients *otherClients, t *tally) error {
	producer := load.NewProducer(h.feed, h.keys, e.Records[:o.records])
	observer := load.NewObserver(h.direct, h.keys, e.Records)
	if err := observer.Open(ctx); err != nil {
		return fmt.Errorf("observing the streams: %w", err)
	}
	clients.producer, clients.observer = producer, observer
	for _, worker := range h.workers {
		if err := worker.Start(); err != nil {
			return err
		}
	}
	observing, stop := context.WithCancel(ctx)
	var observers sync.WaitGroup
	observers.Go(func() { observer.Run(observing) })
	defer observers.Wait()
	defer stop()
	t.follow(producer.Acknowledged)
	defer t.stop()
	if err := h.sendUnderFaults(ctx, o, producer, clients, t); err != nil {
		return err
	}
	if err := h.drain(ctx, o.drain, t); err != nil {
		return err
	}
	h.stopWorkers()
	if err := h.awaitObserver(ctx, observer); err != nil {
		return err
	}
	stop()
	observers.Wait()
	e.Acked, e.Unanswered = producer.Log()
	e.Entries, e.Places = observer.Observed()
	t.say("collecting the evidence")
	return h.sources().Collect(ctx, e)
}

// sendUnderFaults returns when all records are acknowledged and all faults are
// over.
func (h *harness) sendUnderFaults(ctx context.Context, o options, producer *load.Producer, clients *otherClients, t *tally) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	injector := &faults.Injector{
		Redis: h.redis, Mongo: h.mongo, RedisLink: h.redisLink, MongoLink: h.mongoLink, ProducerLink: h.feedLink,
		Clock: h.clock, Refusals: h.refusals, Client: clients.client(h), ClockStepped: clients.clockStepped,
		Workers: h.workers, Direct: h.direct, Injected: t.count, Complain: h.complain,
	}
	var both sync.WaitGroup
	both.Go(func() {
		if err := producer.Run(ctx, o.duration); err != nil {
			cancel(fmt.Errorf("sending the records: %w", err))
		}
	})
	both.Go(func() {
		if err := injector.Run(ctx, faults.Draw(o.seed, o.faults, o.duration, o.workers, o.kinds)); err != nil {
			cancel(err)
		}
	})
	both.Wait()
	return context.Cause(ctx)
}

// drain waits until nothing is outstanding and everything is counted, at most for the
// limit. The checker reports what is left then.
func (h *harness) drain(ctx context.Context, limit time.Duration, t *tally) error {
	t.say("draining")
	begin := time.Now()
	for time.Since(begin) < limit {
		pending, undelivered, delayed, uncounted, err := h.sources().Outstanding(ctx)
		if err != nil && time.Since(begin) > 10*time.Second {
			return fmt.Errorf("counting outstanding entries: %w", err)
		}
		if err == nil && pending+undelivered+delayed+uncounted == 0 {
			t.drained = time.Since(begin)
			return nil
		}
		t.outstanding(pending, undelivered, delayed)
		system.Sleep(ctx, 200*time.Millisecond)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	h.complain(fmt.Sprintf("not everything was processed and counted within %v of the last fault", limit))
	return nil
}

// stopWorkers sends each worker a SIGTERM. With all servers up and nothing left
// to do, each must exit 0.
func (h *harness) stopWorkers() {
	var stops sync.WaitGroup
	for _, worker := range h.workers {
		stops.Go(func() {
			code, err := worker.Term(30 * time.Second)
			if err != nil {
				h.complain(err.Error())
				worker.Kill()
			} else if code != 0 {
				h.complain(fmt.Sprintf("an idle worker exited with code %d after SIGTERM", code))
			}
		})
	}
	stops.Wait()
}

// awaitObserver waits until the observer has seen every entry that was added.
func (h *harness) awaitObserver(ctx context.Context, observer *load.Observer) error {
	if err := observer.ReadWindows(ctx); err != nil {
		return fmt.Errorf("observing the streams: %w", err)
	}
	for begin := time.Now(); time.Since(begin) < 30*time.Second; system.Sleep(ctx, 50*time.Millisecond) {
		var added int64
		for _, key := range h.keys {
			info, err := h.direct.XInfoStream(ctx, key).Result()
			if err != nil {
				return fmt.Errorf("observing the streams: %w", err)
			}
			added += info.EntriesAdded
		}
		if int64(observer.Entries()) == added {
			return nil
		}
	}
	h.complain("the observer has not seen every added entry")
	return nil
}
