package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/config"
	"ingestion/internal/plural"
	"ingestion/internal/redisconn"
	"ingestion/record"
	"ingestion/streams"
)

// look reads who would heed the pause. It is set already, so an error is only noted.
func (p *pausing) look(ctx context.Context, s *session) {
	var err error
	if p.workers, err = s.holders(ctx); err != nil {
		p.couldNotRead("what the workers hold", err)
	}
	if p.unheeded, err = s.unheeded(ctx, p.workers); err != nil {
		p.couldNotRead("the workers", err)
	}
}

func (p *pausing) couldNotRead(what string, err error) {
	if err != nil {
		p.unread = append(p.unread, fmt.Errorf("%s could not be read: %w", what, err))
	}
}

// undo says what becomes of the pause.
const undo = `the pause is set, and workers that start later with these settings heed it; "ingestctl resume" with these settings undoes it`

// warn says what could not be read, and who does not heed the pause.
func (p *pausing) warn(s *session) {
	for _, err := range p.unread {
		fmt.Fprintf(s.err, "warning: %v\n", err)
	}
	switch {
	case p.unheeded != "" && p.dryRun:
		fmt.Fprintf(s.err, "warning: %s\n", p.unheeded)
	case p.unheeded != "":
		fmt.Fprintf(s.err, "warning: %s; %s\n", p.unheeded, undo)
	}
}

// awaitStopped waits until the workers have stopped, if that can be told.
func (p *pausing) awaitStopped(ctx context.Context, s *session, timeout time.Duration) error {
	if p.unheeded != "" {
		return fmt.Errorf("%s; %s", p.unheeded, undo)
	}
	for _, err := range p.unread {
		if !errors.Is(err, streams.ErrControlInvalid) { // which is replaced
			return fmt.Errorf("not known whether the workers have stopped: %w; %s", errors.Join(p.unread...), undo)
		}
	}
	p.warn(s)
	return s.awaitStopped(ctx, timeout)
}

// unheeded says why the control of this queue does not reach the workers, or why they can't
// be seen to stop; "" if nothing speaks for that. Workers older than the list of workers are
// known as consumers only.
func (s *session) unheeded(ctx context.Context, held *streams.Holders) (string, error) {
	key := s.controlKey()
	own, err := s.liveWorkers(ctx, key)
	if err != nil {
		return "", err
	}
	for _, w := range own {
		if text := s.differs(w); text != "" {
			return text, nil
		}
	}
	if other := s.otherControlKey(); other != "" {
		elsewhere, err := s.liveWorkers(ctx, other)
		if err != nil && redisconn.Fault(err) == "" { // workers could not list themselves there either
			return "", err
		}
		if n := len(elsewhere); n > 0 {
			return fmt.Sprintf("%s listed in %s, with another STREAM_PARTITIONS than %d, and %s not heed this pause",
				plural.Of(n, "worker is", "workers are"), streams.KeysOf(other).Workers, s.cfg.StreamPartitions, map[bool]string{true: "does", false: "do"}[n == 1]), nil
		}
	}
	if len(own) > 0 || held != nil && len(held.Live) > 0 {
		return "", nil
	}
	text := "no worker is listed in " + streams.KeysOf(key).Workers
	if s.cfg.QueueMode == config.ModeList {
		return text + ": check QUEUE_MODE and QUEUE_KEY", nil
	}
	if held != nil {
		text += fmt.Sprintf(", and no consumer of the group %q is live", s.cfg.StreamGroup)
	}
	return text + ": check QUEUE_MODE, STREAM_KEY, STREAM_GROUP and STREAM_PARTITIONS", nil
}

func (s *session) liveWorkers(ctx context.Context, key string) (live []streams.Worker, err error) {
	workers, err := streams.ReadWorkers(ctx, s.redis, key)
	for _, w := range workers {
		if w.Live() {
			live = append(live, w)
		}
	}
	return live, err
}

// differs says what a worker has set otherwise, so that it holds entries where nobody looks.
func (s *session) differs(w streams.Worker) string {
	for _, own := range []struct{ name, value string }{
		{"STREAM_PARTITIONS", strconv.Itoa(s.cfg.StreamPartitions)}, {"STREAM_GROUP", s.cfg.StreamGroup},
	} {
		if theirs, told := w.Settings[own.name]; told && theirs != own.value {
			return fmt.Sprintf("the worker %q has %s=%s, but here it is %s: it heeds the pause, but not all that it holds is seen here", w.Consumer, own.name, theirs, own.value)
		}
	}
	return ""
}

// otherControlKey is beside which workers look that have several partitions if there is one
// here, and vice versa; "" in list mode.
func (s *session) otherControlKey() string {
	switch {
	case s.cfg.QueueMode == config.ModeList:
		return ""
	case s.cfg.StreamPartitions == 1:
		return record.PartitionKeys(s.cfg.StreamKey, 2)[0]
	}
	return s.cfg.StreamKey
}

// explainFull adds to the answer of a Redis at maxmemory what can be done.
func explainFull(err error, then string) error {
	if !redis.IsOOMError(err) {
		return err
	}
	return fmt.Errorf("%w: Redis is full: raise maxmemory or free memory, %s", err, then)
}
