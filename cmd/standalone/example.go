package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"ingestion/cmd/internal/app"
	"ingestion/internal/config"
	"ingestion/producer"
)

const (
	mostExamples     = 60_000 // records a minute
	exampleRate      = 6      // of a customer, a little more than the default limit
	mostCustomers    = 1_000
	exampleInvalid   = 0.1
	exampleDuplicate = 20 // every 20th record is sent twice
)

// newExamples returns a generator of records that have all usual outcomes; nil if perMinute is 0.
func newExamples(perMinute float64) (*producer.Generator, error) {
	if perMinute == 0 {
		return nil, nil
	}
	if !(perMinute > 0 && perMinute <= mostExamples) {
		return nil, app.UsageError(fmt.Errorf("--example: %v is out of range: want 0 to %d records a minute", perMinute, mostExamples))
	}
	customers := make([]string, min(mostCustomers, max(1, int(perMinute/exampleRate))))
	for i := range customers {
		customers[i] = strconv.Itoa(i + 1)
	}
	each := perMinute / float64(len(customers))
	return producer.NewGenerator(producer.GeneratorOptions{
		Customers: customers, PerMinute: each, Jitter: time.Duration(float64(time.Minute) / each / 2), InvalidRate: exampleInvalid,
		Seed: rand.Uint64(), Epoch: time.Now(),
	})
}

// withExamples sends what the generator makes while run runs, unless it is nil. run goes on if
// sending fails.
func withExamples(ctx context.Context, cfg *config.Config, log *slog.Logger, g *producer.Generator, run func(context.Context) error) error {
	if g == nil {
		return run(ctx)
	}
	sending, stop := context.WithCancel(ctx)
	defer stop()
	var wait sync.WaitGroup
	wait.Go(func() {
		if err := sendExamples(sending, cfg, g); err != nil && sending.Err() == nil {
			log.Warn("warning", "reason", "no more example records are sent: "+err.Error())
		}
	})
	err := run(ctx)
	stop()
	wait.Wait()
	return err
}

func sendExamples(ctx context.Context, cfg *config.Config, g *producer.Generator) error {
	client, err := app.ObserverRedis(cfg)
	if err != nil {
		return err
	}
	defer client.Close()
	target := producer.ToStream(cfg.StreamKey, cfg.StreamPartitions)
	if cfg.QueueMode == config.ModeList {
		target = producer.ToList(cfg.QueueKey)
	}
	publisher, err := producer.NewPublisher(client, target, producer.Options{})
	if err != nil {
		return err
	}
	n := 0
	return g.Run(ctx, func(ctx context.Context, made []producer.Generated) error {
		var bodies [][]byte
		for _, m := range made {
			bodies = append(bodies, m.Body)
			if n++; n%exampleDuplicate == 0 {
				bodies = append(bodies, m.Body)
			}
		}
		_, err := publisher.Publish(ctx, bodies)
		return err
	})
}

// load reads the settings, as overridden. With example records the queue is a stream unless
// QUEUE_MODE says otherwise, since a list shows little.
func load(overrides map[string]string, examples bool) (*config.Config, error) {
	cfg, err := config.LoadWith(overrides)
	if err == nil && examples && cfg.IsDefault("QUEUE_MODE") {
		overrides["QUEUE_MODE"] = config.ModeStream
		return config.LoadWith(overrides)
	}
	return cfg, err
}
