package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"ingestion/cmd/internal/app"
	"ingestion/internal/config"
	"ingestion/internal/inspect"
	"ingestion/limiter"
	"ingestion/record"
)

// tracer returns a tracer of the configured queue, which does not ask MongoDB.
func (s *session) tracer() (*inspect.Tracer, error) {
	cfg := s.cfg
	source := inspect.Source{Redis: s.redis, Group: cfg.StreamGroup, Lease: cfg.StreamClaimIdle.Duration()}
	bases := []string{cfg.QueueKey}
	if cfg.QueueMode == config.ModeList {
		source.List = cfg.QueueKey
	} else {
		source.Keys, source.Homes = s.keys(), cfg.StreamPartitions
		bases = cfg.Layout().Homes()
	}
	l, err := limiter.New(s.redis, limiter.Config{
		Limit: cfg.RateLimitLimit, Window: cfg.RateLimitWindow.Duration(), Lateness: cfg.RateLimitLateness.Duration(),
		Reserve: cfg.RateLimitPolicy == config.PolicyDefer, MaxDelay: cfg.RateLimitMaxDelay.Duration(), Bases: bases,
		Home: func(customerID string) int { return record.HomePartition(customerID, len(bases)) },
	})
	if err != nil {
		return nil, err
	}
	return &inspect.Tracer{
		Source: source, Limiter: l, Decoder: record.Decoder{MaxBytes: cfg.MaxRecordBytes},
		ProcessingClock: cfg.RateLimitClock == config.ClockProcessing,
		Collection:      cfg.MongoDB + "." + cfg.MongoCollection,
	}, nil
}

// mongoWait is how long trace waits for MongoDB, without which it can tell a lot.
const mongoWait = 2 * time.Second

// addDocuments lets the tracer ask MongoDB, if that answers soon.
func (s *session) addDocuments(ctx context.Context, t *inspect.Tracer) {
	cfg := *s.cfg
	cfg.StartupTimeout = config.Seconds(min(mongoWait, cfg.StartupTimeout.Duration()))
	found, release, err := app.OperatorStore(ctx, &cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		line, _, _ := strings.Cut(err.Error(), "\n")
		line = strings.Replace(line, fmt.Sprintf(" (gave up after STARTUP_TIMEOUT_SEC, %v)", cfg.StartupTimeout.Duration()), "", 1) // it is shorter here
		t.DocumentsErr = errors.New(line)
		return
	}
	s.closers = append(s.closers, release)
	t.Documents = found
}

// scanProgress shows how far a scan has come.
type scanProgress struct {
	progress
	begun time.Time
	shown time.Time
}

// A scan shows progress from scanQuiet on, and then every scanRhythm.
const scanQuiet, scanRhythm = 500 * time.Millisecond, 100 * time.Millisecond

func (p *scanProgress) print(l inspect.Looked) {
	now := time.Now()
	if p.begun.IsZero() {
		p.begun = now
	}
	if !p.terminal || now.Sub(p.begun) < scanQuiet || now.Sub(p.shown) < scanRhythm {
		return
	}
	p.shown = now
	p.progress.print(fmt.Sprintf("looked at %s of %s in %s; Ctrl-C ends the scan", thousands(l.Seen), thousands(l.Total), shortened(l.Place, 30)))
}
