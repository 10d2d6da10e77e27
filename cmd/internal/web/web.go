// Package web serves the console, for the program console and for standalone run.
package web

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/archive/fold"
	"ingestion/console"
	"ingestion/internal/config"
	"ingestion/internal/inspect"
	"ingestion/internal/metrics/queue"
	"ingestion/limiter"
	"ingestion/record"
	"ingestion/store"
)

// Handler returns the console of the configured queue. Its error is about the settings.
func Handler(cfg *config.Config, from *Sources, log *slog.Logger) (http.Handler, error) {
	auth, err := authOf(cfg)
	if err != nil {
		return nil, err
	}
	src := source(cfg, from.Redis)
	keys, bases := src.Keys, cfg.Layout().Homes()
	if src.IsList() {
		keys, bases = []string{src.List}, []string{src.List}
	}
	l, err := limiter.New(from.Redis, limiter.Config{
		Limit: cfg.RateLimitLimit, Window: cfg.RateLimitWindow.Duration(), Lateness: cfg.RateLimitLateness.Duration(),
		Reserve: cfg.RateLimitPolicy == config.PolicyDefer, MaxDelay: cfg.RateLimitMaxDelay.Duration(), Bases: bases,
		Home: func(customerID string) int { return record.HomePartition(customerID, len(bases)) },
	})
	if err != nil {
		return nil, err
	}
	return console.Handler(console.Options{
		Source: src, Limiter: l, ProcessingClock: cfg.RateLimitClock == config.ClockProcessing,
		Decoder: record.Decoder{MaxBytes: cfg.MaxRecordBytes}, KeepsRefused: cfg.KeepDeadLetters() && cfg.RateLimitPolicy != config.PolicyDrop,
		Store: from.Database, Collection: cfg.MongoDB + "." + cfg.MongoCollection,
		OpenBucket: from.openBucket(), BucketURL: bucketURL(cfg),
		Rebuilds: from.rebuilds,
		Metrics:  queue.Handler(queue.Options{Client: from.Redis, Keys: keys, List: src.IsList(), Group: src.Group, Lease: src.Lease}),
		Auth:     auth, Changes: bool(cfg.ConsoleChanges), Log: log,
	}), nil
}

// rebuilds reads what the rebuilds have noted. Its errors do not quote what the driver says.
func (s *Sources) rebuilds(ctx context.Context) ([]fold.Noted, error) {
	db, err := s.Database.Database(ctx)
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	notes, err := fold.States(ctx, db)
	return notes, store.Explain(err, time.Since(begin))
}

func source(cfg *config.Config, client redis.UniversalClient) inspect.Source {
	src := inspect.Source{Redis: client, Lease: cfg.StreamClaimIdle.Duration()}
	if cfg.QueueMode == config.ModeList {
		src.List = cfg.QueueKey
	} else {
		src.Keys, src.Homes, src.Group = cfg.Layout().Keys(), cfg.StreamPartitions, cfg.StreamGroup
	}
	return src
}

func authOf(cfg *config.Config) (console.Auth, error) {
	password, err := cfg.ConsolePassword()
	switch {
	case err != nil:
		return console.Auth{}, err
	case cfg.ConsoleAuth == config.AuthProxy:
		return console.Auth{Header: cfg.ConsoleAuthHeader}, nil
	case password != "":
		return console.Auth{User: cfg.ConsoleUser, Password: password}, nil
	default:
		return console.Auth{Local: true}, nil
	}
}

// bucketURL is the address of the archive without its options, which may hold secrets.
func bucketURL(cfg *config.Config) string {
	u, err := url.Parse(cfg.ArchiveURL)
	if err != nil {
		return ""
	}
	u.RawQuery = ""
	return u.Redacted()
}

const (
	closeTimeout = time.Second // for requests under way at the end
	// writeTimeout is for answers that do not extend it themselves, as those do that last.
	writeTimeout = time.Minute
)

// Serve answers requests on the listener until ctx ends.
func Serve(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger) error {
	running, stop := context.WithCancel(context.WithoutCancel(ctx)) // of requests
	defer stop()
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		BaseContext:       func(net.Listener) context.Context { return running },
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // clients that break off, and the like
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serving the console: %w", err)
	case <-ctx.Done():
	}
	stop() // ends the streams of events, which would last
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	if server.Shutdown(closing) != nil {
		_ = server.Close()
	}
	<-failed
	return nil
}
