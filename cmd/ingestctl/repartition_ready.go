package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"ingestion/internal/logging"
	"ingestion/internal/plural"
	"ingestion/internal/retry"
	"ingestion/record"
	"ingestion/streams"
)

// lastStop is how long the command waits for workers that were starting when it began: they
// stop by themselves.
const lastStop = time.Minute

// awaitEnd waits until no worker runs, or returns an error without --wait.
func (r *repartition) awaitEnd(ctx context.Context) error {
	if len(r.workers) > 0 && !r.wait {
		return fmt.Errorf("%s: stop them (one that was killed counts for half a minute), and use --wait or try again", r.running())
	}
	return r.await(ctx, r.timeout, "--timeout")
}

// awaitLast waits for workers that have started meanwhile.
func (r *repartition) awaitLast(ctx context.Context) (err error) {
	if r.workers, err = r.live(ctx); err != nil {
		return err
	}
	return r.await(ctx, lastStop, "they should have stopped by themselves")
}

func (r *repartition) await(ctx context.Context, timeout time.Duration, why string) (err error) {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	shown := progress{w: r.session.err, terminal: logging.CanRedraw(r.session.err)}
	defer shown.clear()
	for len(r.workers) > 0 {
		shown.print("waiting: " + r.running())
		err := retry.Sleep(limited, minPause)
		var live []string
		if err == nil {
			live, err = r.live(limited)
		}
		if err == nil {
			r.workers = live
			continue
		}
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("interrupted: %s", r.running())
		case errors.Is(limited.Err(), context.DeadlineExceeded):
			return fmt.Errorf("%s after %v (%s)", r.running(), timeout, why)
		default:
			return err
		}
	}
	return nil
}

// running says which workers run, the first few by name.
func (r *repartition) running() string {
	const shown = 3
	names := strings.Join(r.workers[:min(len(r.workers), shown)], ", ")
	if n := len(r.workers) - shown; n > 0 {
		names += fmt.Sprintf(" and %d more", n)
	}
	return fmt.Sprintf("%s (%s)", plural.Of(len(r.workers), "worker runs", "workers run"), names)
}

// takeOver takes over to the new partitions what concerns the whole stream: a pause, and that
// nothing is trimmed before it is archived.
func (r *repartition) takeOver(ctx context.Context) error {
	key := r.session.cfg.StreamKey
	old, homes := record.PartitionKeys(key, r.from), record.PartitionKeys(key, r.to)
	if old[0] != homes[0] {
		if err := r.takeOverPause(ctx, old[0], homes[0]); err != nil {
			return err
		}
	}
	archived, err := r.anyArchived(ctx, old)
	if err != nil || !archived {
		return err
	}
	for _, home := range homes {
		for _, outcomes := range []bool{false, true} {
			a, err := streams.NewArchive(streams.ArchiveOptions{
				Client: r.session.redis, Key: home, Outcomes: outcomes, Name: "ingestctl", Lease: r.session.cfg.StreamClaimIdle.Duration(),
			})
			if err == nil {
				_, err = a.Position(ctx)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// takeOverPause pauses the workers beside the new first partition as beside the old one.
func (r *repartition) takeOverPause(ctx context.Context, from, to string) error {
	control, now, err := streams.ReadControl(ctx, r.session.redis, from)
	if err != nil && !errors.Is(err, streams.ErrControlInvalid) {
		return err
	}
	if control.Active(now) {
		return streams.Pause(ctx, r.session.redis, to, control)
	}
	if _, _, err = streams.Resume(ctx, r.session.redis, to); errors.Is(err, streams.ErrControlInvalid) {
		err = nil // it is ended
	}
	return err
}

func (r *repartition) anyArchived(ctx context.Context, keys []string) (bool, error) {
	for _, key := range keys {
		archived, err := streams.IsArchived(ctx, r.session.redis, key)
		if archived || err != nil {
			return archived, err
		}
	}
	return false, nil
}
