// Package demo runs the whole service on embedded servers: it sends records with
// known outcomes and compares them with what the service did.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/cmd/internal/app"
	"ingestion/cmd/internal/stack"
	"ingestion/internal/config"
	"ingestion/internal/redisconn"
	"ingestion/producer"
)

// The demo takes less than one window of the limiter, so that exactly rateLimit
// records of each customer are accepted.
const (
	timeLimit     = 55 * time.Second
	generateFor   = 10 * time.Second
	perMinute     = "60"
	rateLimit     = 5
	settleTimeout = 30 * time.Second
)

// ErrMismatch says that a count differs from what was expected.
var ErrMismatch = errors.New("the outcomes are not those expected: see the lines WRONG in the table")

// Run starts the servers and the worker, sends the example file and generated
// records, prints the table of outcomes to out, and stops everything. The error
// is ErrMismatch if a count is wrong.
func Run(ctx context.Context, out io.Writer) (err error) {
	ctx, cancel := context.WithTimeout(ctx, timeLimit)
	defer cancel()
	fmt.Fprintln(out, "Starting an embedded Redis, an embedded MongoDB and the worker in this process …")
	servers, err := stack.Start(ctx, stack.Options{RedisAddr: "127.0.0.1:0", MongoAddr: "127.0.0.1:0"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, servers.Close()) }()
	fmt.Fprintf(out, "  Redis   %s\n  MongoDB %s\n", servers.Redis.URL(), servers.Mongo.URI())

	cfg, err := settings(servers)
	if err != nil {
		return err
	}
	logPath := filepath.Join(os.TempDir(), fmt.Sprintf("ingestion-demo-%d.log", os.Getpid()))
	stop, err := startWorker(ctx, cfg, logPath)
	if err != nil {
		return err
	}
	opts, err := cfg.RedisOptions()
	if err != nil {
		return err
	}
	client := redisconn.New(opts, 4)
	defer client.Close()
	want, err := send(ctx, out, cfg, client)
	if err == nil {
		err = awaitSettled(ctx, out, cfg, client, want)
	}
	if err = errors.Join(err, stop()); err != nil {
		return err
	}
	got, err := observe(ctx, cfg, client, servers.Mongo.URI(), logPath)
	if err != nil {
		return err
	}
	return report(out, want, got, logPath)
}

// settings returns the default settings, regardless of the environment: the
// expected counts hold for these only.
func settings(servers *stack.Stack) (*config.Config, error) {
	vars := servers.Variables()
	vars["QUEUE_MODE"] = config.ModeStream
	vars["GEN_RPM"] = perMinute
	vars["ADMIN_ADDR"] = ""
	vars["LOG_FORMAT"] = "json"
	vars["WORKER_POLL_TIMEOUT_SEC"] = "1"
	return config.Parse(vars)
}

// startWorker runs the worker, which logs to a new file, until stop is called.
func startWorker(ctx context.Context, cfg *config.Config, logPath string) (stop func() error, err error) {
	file, err := os.Create(logPath)
	if err != nil {
		return nil, fmt.Errorf("creating the log file: %w", err)
	}
	log, buffer := app.NewLog(cfg, file)
	worker, err := app.NewWorker(ctx, cfg, log, buffer.Flush, nil)
	if err != nil {
		return nil, errors.Join(err, buffer.Close(), file.Close())
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- worker.Run(ctx) }()
	return func() error {
		cancel()
		err := <-done
		worker.Close()
		return errors.Join(err, buffer.Close(), file.Close())
	}, nil
}

// send publishes the example file and generated records, and returns the outcomes
// expected of both.
func send(ctx context.Context, out io.Writer, cfg *config.Config, client redis.UniversalClient) (*counts, error) {
	publisher, err := producer.NewPublisher(client, producer.ToStream(cfg.StreamKey, cfg.StreamPartitions), producer.Options{})
	if err != nil {
		return nil, err
	}
	want, bodies, err := exampleFile()
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(out, "Loading %d records from examples/customers.ndjson …\n", len(bodies))
	if _, err := publisher.Publish(ctx, bodies); err != nil {
		return nil, err
	}
	fmt.Fprintf(out, "Generating for %v: %d customers, %s records per minute each, %.0f%% invalid …\n",
		generateFor, len(cfg.GenCustomers), perMinute, 100*cfg.GenInvalidRate)
	generated, err := generate(ctx, cfg, publisher)
	if err != nil {
		return nil, err
	}
	want.add(generated)
	return want, nil
}
