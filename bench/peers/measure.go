package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-redisstream/pkg/redisstream"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"ingestion/bench/internal/load"
	"ingestion/bench/internal/local"
	"ingestion/bench/internal/sink"
)

type measurement struct {
	worker  string
	records int
	rounds  int
}

// system is a measured system.
type system struct {
	name string // as the table has it
	env  []string
	fill func(ctx context.Context, r *local.Redis, n int) error
}

// result holds the measurements of one system, one per round.
type result struct {
	name    string
	elapsed []time.Duration
	cpu     []time.Duration // of the system's process, without Redis and the store
	records int
}

// perSecond returns the median rate over the rounds.
func (r *result) perSecond() float64 {
	return float64(r.records) / median(r.elapsed).Seconds()
}

// cpuPerRecord returns the median CPU time of the process per record.
func (r *result) cpuPerRecord() time.Duration { return median(r.cpu) / time.Duration(r.records) }

func median(d []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(d))
	return sorted[len(sorted)/2]
}

func systems() []system {
	worker := func(mode string) []string {
		return []string{"QUEUE_MODE=" + mode, "STREAM_KEY=peers:stream", "QUEUE_KEY=" + listKey,
			"RATE_LIMIT_LIMIT=1000000", "LOG_FORMAT=json"}
	}
	return []system{
		{"this, stream", worker("stream"), fillPlain(false, "peers:stream")},
		{"this, list", worker("list"), fillPlain(true, listKey)},
		{"plain loop, one", []string{serveVariable + "=loop"}, fillPlain(true, listKey)},
		{"plain loop, " + strconv.Itoa(concurrency), []string{serveVariable + "=loops"}, fillPlain(true, listKey)},
		{"asynq", []string{serveVariable + "=asynq"}, fillAsynq},
		{"Watermill, Redis streams", []string{serveVariable + "=watermill"}, fillWatermill},
	}
}

func (m *measurement) run(ctx context.Context) ([]*result, error) {
	server, err := local.StartRedis(ctx)
	if err != nil {
		return nil, err
	}
	defer server.Close()
	dir, err := os.MkdirTemp("", "peers-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	var results []*result
	for round := range m.rounds {
		for i, s := range systems() {
			if round == 0 {
				results = append(results, &result{name: s.name, records: m.records})
			}
			usage, err := m.once(ctx, server, s, dir)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			r := results[i]
			r.elapsed, r.cpu = append(r.elapsed, usage.Elapsed), append(r.cpu, usage.CPU)
			fmt.Fprintf(os.Stderr, "round %d of %d: %-26s %8.0f records/s\n", round+1, m.rounds, s.name, float64(m.records)/usage.Elapsed.Seconds())
		}
	}
	return results, nil
}

// once fills the system's queue and times the system until all documents are
// stored.
func (m *measurement) once(ctx context.Context, server *local.Redis, s system, dir string) (local.Usage, error) {
	if err := server.Client.FlushAll(ctx).Err(); err != nil {
		return local.Usage{}, err
	}
	store, err := sink.Start(sink.Options{Remember: m.records})
	if err != nil {
		return local.Usage{}, err
	}
	defer store.Close()
	if err := s.fill(ctx, server, m.records); err != nil {
		return local.Usage{}, fmt.Errorf("filling the queue: %w", err)
	}
	program := m.worker
	if s.env[0] != "" && s.env[0][:len(serveVariable)] == serveVariable {
		if program, err = os.Executable(); err != nil {
			return local.Usage{}, err
		}
	}
	env := append([]string{"REDIS_URL=redis://" + server.Addr, "MONGO_URI=" + store.URI(),
		redisVariable + "=" + server.Addr, mongoVariable + "=" + store.URI()}, s.env...)
	good := int64(load.Good(m.records))
	return local.RunUntil(ctx, 1, program, env, filepath.Join(dir, "output"), func() (bool, error) {
		return store.Documents() >= good, nil
	})
}

func fillPlain(list bool, key string) func(context.Context, *local.Redis, int) error {
	return func(ctx context.Context, r *local.Redis, n int) error {
		return load.Fill(ctx, r.Client, list, []string{key}, n, load.Later)
	}
}

func fillAsynq(ctx context.Context, r *local.Redis, n int) error {
	client := asynq.NewClient(asynq.RedisClientOpt{Addr: r.Addr})
	defer client.Close()
	return each(n, func(body string) error {
		_, err := client.EnqueueContext(ctx, asynq.NewTask(taskType, []byte(body)))
		return err
	})
}

func fillWatermill(ctx context.Context, r *local.Redis, n int) error {
	client := redis.NewClient(&redis.Options{Addr: r.Addr})
	publisher, err := redisstream.NewPublisher(redisstream.PublisherConfig{Client: client}, watermill.NopLogger{})
	if err != nil {
		return err
	}
	defer publisher.Close()
	return each(n, func(body string) error {
		return publisher.Publish(topic, message.NewMessageWithContext(ctx, watermill.NewUUID(), []byte(body)))
	})
}

// each sends the n records of a load, several at a time.
func each(n int, send func(body string) error) error {
	const senders = 8
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	errs := make([]error, senders)
	var all sync.WaitGroup
	for s := range senders {
		all.Go(func() {
			for i := s; i < n && errs[s] == nil; i += senders {
				errs[s] = send(load.Body(i, start, load.Later))
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}
