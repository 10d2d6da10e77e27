package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ingestion/internal/logging"
	"ingestion/internal/plural"
	"ingestion/internal/retry"
	"ingestion/streams"
)

// backlog is what a migration is to move.
type backlog struct {
	*migration
	session *session
	mover   *streams.Migration
	found   int64    // records when the command began
	known   bool     // of found
	last    []string // of a stream: the newest entry of each partition
	clients obstacles
}

func (m *migration) backlogOf(ctx context.Context, s *session, mover *streams.Migration) (*backlog, error) {
	b := &backlog{migration: m, session: s, mover: mover, known: true}
	var err error
	if m.name == toStream {
		if b.found, err = s.redis.LLen(ctx, s.cfg.QueueKey).Result(); err == nil {
			b.clients, err = s.listObstacles(ctx)
		}
		return b, err
	}
	if b.last, err = mover.LastEntries(ctx); err != nil {
		return nil, err
	}
	snapshots, err := s.snapshots(ctx, undeliveredCalls)
	if err != nil {
		return nil, err
	}
	for _, one := range snapshots {
		b.found += one.Undelivered
		b.known = b.known && !one.BacklogUnknown
	}
	b.clients, err = s.obstacles(ctx, snapshots)
	return b, err
}

// undeliveredCalls limits how far the undelivered entries are counted, to some 400,000,
// where nothing else tells their number.
const undeliveredCalls = 200

func (b *backlog) empty() bool { return b.found == 0 && b.known }

// size is the number of records to be moved, in words.
func (b *backlog) size() string {
	switch {
	case !b.known && b.limit > 0:
		return "up to " + plural.Of(b.limit, "record", "records")
	case !b.known:
		return "an unknown number of records"
	case b.limit > 0:
		return plural.Of(min(b.found, b.limit), "record", "records")
	default:
		return plural.Of(b.found, "record", "records")
	}
}

func (b *backlog) places() (from, to string) {
	cfg := b.session.cfg
	list := fmt.Sprintf("the list %q", cfg.QueueKey)
	stream := fmt.Sprintf("the stream %q", cfg.StreamKey)
	if cfg.StreamPartitions > 1 {
		stream += fmt.Sprintf(" (%d partitions)", cfg.StreamPartitions)
	}
	if b.name == toStream {
		return list, stream
	}
	return stream, list
}

func (b *backlog) question() string {
	from, to := b.places()
	return fmt.Sprintf("Move %s from %s to %s?", b.size(), from, to)
}

// move moves the records and returns how many, also with an error. A step in progress is
// awaited, so that its records count.
func (b *backlog) move(ctx context.Context) (moved int64, err error) {
	shown := progress{w: b.session.err, terminal: logging.CanRedraw(b.session.err), printed: time.Now()}
	defer shown.clear()
	pace := retry.Pace{PerSecond: b.rate.perSecond}
	for {
		step := pace.Step(b.step(moved))
		if step == 0 {
			return moved, nil
		}
		if err := pace.Await(ctx, step); err != nil {
			return moved, context.Cause(ctx)
		}
		n, err := b.moveStep(context.WithoutCancel(ctx), step)
		if moved += int64(n); n == 0 || err != nil {
			return moved, err
		}
		shown.print(fmt.Sprintf("%d of %s moved", moved, b.size()))
	}
}

// step is how many records the next step may move.
func (b *backlog) step(moved int64) int {
	most := int64(streams.MigrationStep)
	if b.limit > 0 {
		most = min(most, b.limit-moved)
	}
	if b.name == toStream {
		most = min(most, b.found-moved)
	}
	return int(max(most, 0))
}

// leaves reports whether --limit has left records, as far as it is known.
func (b *backlog) leaves(moved int64) bool {
	return b.limit > 0 && moved >= b.limit && (moved < b.found || !b.known)
}

func (b *backlog) moveStep(ctx context.Context, most int) (int, error) {
	if b.name == toStream {
		return b.mover.ToStream(ctx, most)
	}
	n, err := b.mover.ToList(ctx, most, b.last)
	if _, unfit := errors.AsType[*streams.UnfitEntryError](err); unfit {
		err = fmt.Errorf("%w: a list can't hold it; let a worker of the stream settle it, for example with WORKER_MAX_MESSAGES=1", err)
	}
	return n, err
}
