package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"ingestion/cmd/internal/app"
	"ingestion/internal/logging"
	"ingestion/internal/plural"
	"ingestion/internal/retry"
	"ingestion/streams"
)

// obstacles keep records from being moved.
type obstacles struct {
	list              bool // they are to be moved from a list, of which only workers are known
	workers           int  // that read, since the queue is not paused
	pending, deferred int64
	silent            int64 // of pending: entries that silent consumers hold
	paused            bool  // which alone is no obstacle
}

func (o obstacles) any() bool { return o.workers > 0 || o.pending > 0 || o.deferred > 0 }

func (o obstacles) String() string {
	var parts []string
	switch {
	case o.workers > 0 && o.list:
		parts = append(parts, plural.Of(o.workers, "worker takes", "workers take")+" records from the list")
	case o.workers > 0:
		parts = append(parts, plural.Of(o.workers, "worker reads", "workers read")+" the stream")
	}
	if o.pending > 0 {
		parts = append(parts, plural.Of(o.pending, "entry is pending", "entries are pending"))
	}
	if o.deferred > 0 {
		parts = append(parts, plural.Of(o.deferred, "record is deferred", "records are deferred"))
	}
	return strings.Join(parts, ", ")
}

// remedy says what to do about them.
func (o obstacles) remedy() string {
	held := plural.Of(o.silent, "entry is", "entries are") + " held by silent consumers"
	switch {
	case o.list:
		return "stop the workers of the list or pause them (one that was killed counts for half a minute)"
	case o.workers > 0:
		return "pause the workers or stop them"
	case o.silent > 0 && o.paused:
		return held + ", which paused workers do not reclaim: resume, let the workers reclaim them, pause again"
	case o.silent > 0:
		return held + ": start workers, let them reclaim them, and pause"
	}
	return "let the workers settle them, while the producers use the list"
}

// snapshots reads the state of each partition.
func (s *session) snapshots(ctx context.Context, countCalls int) ([]*streams.Snapshot, error) {
	var all []*streams.Snapshot
	for _, key := range s.keys() {
		one, err := streams.ReadSnapshot(ctx, s.redis, key, streams.SnapshotOptions{Group: s.cfg.StreamGroup, CountCalls: countCalls})
		if err != nil {
			return nil, app.NameOwner(err)
		}
		all = append(all, one)
	}
	return all, nil
}

// obstacles counts them. A worker that has not been heard of for a lease is dead, or
// holds what is pending.
func (s *session) obstacles(ctx context.Context, snapshots []*streams.Snapshot) (o obstacles, err error) {
	workers := map[string]bool{}
	var now time.Time
	for _, one := range snapshots {
		o.pending += one.Pending
		o.deferred += one.Delayed
		now = one.Taken
		for _, c := range one.Consumers {
			switch {
			case c.Silent(s.cfg.StreamClaimIdle.Duration()):
				o.silent += c.Pending
			case c.Idle >= 0:
				workers[c.Name] = true
			}
		}
	}
	control, _, err := streams.ReadControl(ctx, s.redis, s.keys()[0])
	if o.paused = control.Active(now); err == nil && !o.paused {
		o.workers = len(workers)
	}
	return o, err
}

// listObstacles counts the workers that take records from the list. Those that are older
// than the list of workers are not known.
func (s *session) listObstacles(ctx context.Context) (o obstacles, err error) {
	o.list = true
	live, err := s.liveWorkers(ctx, s.cfg.QueueKey)
	if err != nil {
		return o, err
	}
	control, now, err := streams.ReadControl(ctx, s.redis, s.cfg.QueueKey)
	if o.paused = control.Active(now); err == nil && !o.paused {
		o.workers = len(live)
	}
	return o, err
}

// awaitReady waits until the backlog can be moved, or returns an error without --wait.
func (b *backlog) awaitReady(ctx context.Context) error {
	if !b.wait {
		return fmt.Errorf("%s: %s, and use --wait or try again", b.clients, b.clients.remedy())
	}
	end := time.Now().Add(b.timeout)
	limited, cancel := context.WithDeadline(ctx, end)
	defer cancel()
	shown := progress{w: b.session.err, terminal: logging.CanRedraw(b.session.err)}
	defer shown.clear()
	told := false
	for b.clients.any() {
		if b.clients.paused && b.clients.silent > 0 && !told {
			shown.clear()
			fmt.Fprintln(b.session.err, b.clients.remedy())
			told = true
		}
		shown.print(fmt.Sprintf("waiting: %s", b.clients))
		err := retry.Sleep(limited, minPause)
		if err == nil {
			err = b.lookAgain(limited)
		}
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("interrupted: %s", b.clients)
		case err != nil && !time.Now().Before(end): // a connection may notice it before limited does
			return fmt.Errorf("not ready after %v (--timeout): %s: %s", b.timeout, b.clients, b.clients.remedy())
		case err != nil:
			return err
		}
	}
	return nil
}

func (b *backlog) lookAgain(ctx context.Context) (err error) {
	if b.name == toStream {
		b.clients, err = b.session.listObstacles(ctx)
		return err
	}
	snapshots, err := b.session.snapshots(ctx, 0)
	if err == nil {
		b.clients, err = b.session.obstacles(ctx, snapshots)
	}
	return err
}
