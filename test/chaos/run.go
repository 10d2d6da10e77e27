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

// run says whether all was right. An error means that the run itself failed.
func run(ctx context.Context, o options, out io.Writer) (right bool, err error) {
	dir, err := folder(o.dir)
	if err != nil {
		return false, err
	}
	defer func() {
		if right && !o.keep {
			_ = os.RemoveAll(dir)
			return
		}
		fmt.Fprintf(out, "data and logs: %s\n", dir)
	}()
	fmt.Fprintf(out, "seed %d: %d records and %d faults over %v; %d workers, %d partitions, MongoDB: %s, policy: %s\n",
		o.seed, o.records, o.faults, o.duration, o.workers, o.partitions, o.mongo, o.policy)
	w, err := startWorld(ctx, o, dir)
	defer w.close()
	if err != nil {
		return false, err
	}
	evidence := &check.Evidence{Records: load.Make(o.seed, o.records, o.partitions), Rule: rule(o)}
	strangers := newStrangers(o, evidence)
	t := newTally(out, o)
	if err := w.torture(ctx, o, evidence, strangers, t); err != nil {
		return false, err
	}
	check.Check(evidence, &w.report)
	t.print(evidence, w)
	return w.report.Total() == 0, nil
}

func folder(name string) (string, error) {
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

// torture sends the records while the faults strike, waits until all is worked
// off and gathers the evidence.
func (w *world) torture(ctx context.Context, o options, e *check.Evidence, s *strangers, t *tally) error {
	producer := load.NewProducer(w.feed, w.keys, e.Records[:o.records])
	witness := load.NewWitness(w.direct, w.keys, e.Records)
	if err := witness.Open(ctx); err != nil {
		return fmt.Errorf("the witness: %w", err)
	}
	s.producer, s.witness = producer, witness
	for _, worker := range w.workers {
		if err := worker.Start(); err != nil {
			return err
		}
	}
	witnessing, rest := context.WithCancel(ctx)
	var witnesses sync.WaitGroup
	witnesses.Go(func() { witness.Run(witnessing) })
	defer witnesses.Wait()
	defer rest()
	t.follow(producer.Acknowledged)
	defer t.stop()
	if err := w.strikeAndFeed(ctx, o, producer, s, t); err != nil {
		return err
	}
	if err := w.drain(ctx, o.drain, t); err != nil {
		return err
	}
	w.endWorkers()
	if err := w.awaitWitness(ctx, witness); err != nil {
		return err
	}
	rest()
	witnesses.Wait()
	e.Acked, e.Unanswered = producer.Log()
	e.Entries, e.Places = witness.Testimony()
	t.say("collecting the evidence")
	return w.sources().Collect(ctx, e)
}

func (w *world) strikeAndFeed(ctx context.Context, o options, producer *load.Producer, s *strangers, t *tally) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stage := &faults.Stage{
		Redis: w.redis, Mongo: w.mongo, RedisLink: w.redisLink, MongoLink: w.mongoLink, ProducerLink: w.feedLink,
		Clock: w.clock, Refusals: w.refusals, Stranger: s.stranger(w), ClockStepped: s.clockStepped,
		Workers: w.workers, Direct: w.direct, Played: t.count, Complain: w.complain,
	}
	var both sync.WaitGroup
	both.Go(func() {
		if err := producer.Run(ctx, o.duration); err != nil {
			cancel(fmt.Errorf("the producer: %w", err))
		}
	})
	both.Go(func() {
		if err := stage.Play(ctx, faults.Draw(o.seed, o.faults, o.duration, o.workers, o.kinds)); err != nil {
			cancel(err)
		}
	})
	both.Wait()
	return context.Cause(ctx)
}

// drain waits until nothing is outstanding. What is left over after the limit is
// for the checker to find.
func (w *world) drain(ctx context.Context, limit time.Duration, t *tally) error {
	t.say("the faults are over")
	begin := time.Now()
	for time.Since(begin) < limit {
		pending, undelivered, delayed, err := w.sources().Outstanding(ctx)
		if err != nil && time.Since(begin) > 10*time.Second {
			return fmt.Errorf("counting what is outstanding: %w", err)
		}
		if err == nil && pending+undelivered+delayed == 0 {
			t.drained = time.Since(begin)
			return nil
		}
		t.outstanding(pending, undelivered, delayed)
		system.Pause(ctx, 200*time.Millisecond)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	w.complain(fmt.Sprintf("not all is worked off %v after the last fault", limit))
	return nil
}

// endWorkers ends them orderly: with all servers there and nothing to do, each
// has to exit 0.
func (w *world) endWorkers() {
	var ends sync.WaitGroup
	for _, worker := range w.workers {
		ends.Go(func() {
			code, err := worker.Term(30 * time.Second)
			if err != nil {
				w.complain(err.Error())
				worker.Kill()
			} else if code != 0 {
				w.complain(fmt.Sprintf("a worker ended with exit code %d when all was done", code))
			}
		})
	}
	ends.Wait()
}

// awaitWitness returns once the witness has seen all that was ever added.
func (w *world) awaitWitness(ctx context.Context, witness *load.Witness) error {
	if err := witness.LookAtHot(ctx); err != nil {
		return fmt.Errorf("the witness: %w", err)
	}
	for begin := time.Now(); time.Since(begin) < 30*time.Second; system.Pause(ctx, 50*time.Millisecond) {
		var added int64
		for _, key := range w.keys {
			info, err := w.direct.XInfoStream(ctx, key).Result()
			if err != nil {
				return fmt.Errorf("the witness: %w", err)
			}
			added += info.EntriesAdded
		}
		if int64(witness.Entries()) == added {
			return nil
		}
	}
	w.complain("the witness has not seen every entry that was added")
	return nil
}
