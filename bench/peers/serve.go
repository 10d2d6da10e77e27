package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-redisstream/pkg/redisstream"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

// The environment variables with which a run starts this program as one of the
// systems.
const (
	serveVariable = "PEERS_SERVE"
	redisVariable = "PEERS_REDIS"
	mongoVariable = "PEERS_MONGO"
)

const (
	listKey  = "peers:list"
	topic    = "peers:watermill"
	taskType = "customer"

	// concurrency is how many records each system processes at a time; on two
	// cores more made none of them faster.
	concurrency = 32
)

// serve runs the named system until ctx is done.
func serve(ctx context.Context, name string) error {
	h, err := newHandler(os.Getenv(mongoVariable))
	if err != nil {
		return err
	}
	addr := os.Getenv(redisVariable)
	switch name {
	case "loop":
		return loop(ctx, addr, h, 1)
	case "loops":
		return loop(ctx, addr, h, concurrency)
	case "asynq":
		return serveAsynq(ctx, addr, h)
	case "watermill":
		return serveWatermill(ctx, addr, h)
	}
	return fmt.Errorf("%s=%q: no such system", serveVariable, name)
}

// loop is the obvious first script, n times in parallel: pop a record off the
// list, insert it.
func loop(ctx context.Context, addr string, h *handler, n int) error {
	client := redis.NewClient(&redis.Options{Addr: addr, PoolSize: n})
	defer client.Close()
	errs := make([]error, n)
	var loops sync.WaitGroup
	for i := range n {
		loops.Go(func() {
			for ctx.Err() == nil && errs[i] == nil {
				popped, err := client.BLPop(ctx, time.Second, listKey).Result()
				if err == nil {
					err = h.handle(ctx, []byte(popped[1]))
				}
				if err != nil && !errors.Is(err, redis.Nil) && ctx.Err() == nil {
					errs[i] = err
				}
			}
		})
	}
	loops.Wait()
	return errors.Join(errs...)
}

func serveAsynq(ctx context.Context, addr string, h *handler) error {
	server := asynq.NewServer(asynq.RedisClientOpt{Addr: addr}, asynq.Config{Concurrency: concurrency, LogLevel: asynq.FatalLevel})
	err := server.Start(asynq.HandlerFunc(func(ctx context.Context, t *asynq.Task) error { return h.handle(ctx, t.Payload()) }))
	if err != nil {
		return err
	}
	<-ctx.Done()
	server.Shutdown()
	return nil
}

// serveWatermill runs one handler per subscriber, since each waits until the
// previous message is acknowledged.
func serveWatermill(ctx context.Context, addr string, h *handler) error {
	client := redis.NewClient(&redis.Options{Addr: addr, PoolSize: 2 * concurrency})
	defer client.Close()
	router, err := message.NewRouter(message.RouterConfig{}, watermill.NopLogger{})
	if err != nil {
		return err
	}
	for i := range concurrency {
		name := fmt.Sprintf("peer-%d", i)
		subscriber, err := redisstream.NewSubscriber(redisstream.SubscriberConfig{Client: client, ConsumerGroup: "peers", Consumer: name}, watermill.NopLogger{})
		if err != nil {
			return err
		}
		router.AddConsumerHandler(name, topic, subscriber, func(m *message.Message) error { return h.handle(m.Context(), m.Payload) })
	}
	if err := router.Run(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}
