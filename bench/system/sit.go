package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// sitOptions configures a whole sitting.
type sitOptions struct {
	rounds  int
	records int // a run on the counting sink
	ferret  int // a run on FerretDB
	backlog int // the one whose memory is watched
	latency latencyOptions
	out     string
}

// sit runs all scenarios once per round, then the latency measurement, then the
// large backlog.
func sit(ctx context.Context, progress io.Writer, opts sitOptions) (err error) {
	if err := os.MkdirAll(filepath.Dir(opts.out), 0o755); err != nil {
		return err
	}
	out, err := os.Create(opts.out)
	if err != nil {
		return fmt.Errorf("cannot write the results: %w", err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	s, err := newSitting(ctx, out, progress)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	for round := range opts.rounds {
		if err := s.round(ctx, round, opts); err != nil {
			return err
		}
	}
	for range opts.rounds {
		if err := s.latencyOnce(ctx, opts.latency); err != nil {
			return err
		}
	}
	backlog := chosen([]string{"backlog"})[0]
	for round := range opts.rounds {
		if err := s.drainOnce(ctx, round, backlog, opts.backlog); err != nil {
			return err
		}
	}
	return nil
}

func (s *sitting) round(ctx context.Context, round int, opts sitOptions) error {
	for _, what := range inTurn(scenarios, round) {
		records := opts.records
		switch {
		case what.series:
			continue
		case what.ferret:
			records = opts.ferret
		}
		if err := s.drainOnce(ctx, round, what, records); err != nil {
			return err
		}
	}
	return nil
}
