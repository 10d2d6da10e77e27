// Package container runs a Redis and a MongoDB in containers for tests, if there is a
// Docker engine.
package container

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/modules/redis"
	"github.com/testcontainers/testcontainers-go/wait"
)

const (
	engineTimeout = 5 * time.Second
	pullTimeout   = 3 * time.Minute
	startTimeout  = 30 * time.Second
)

// Redis starts a container of image, waits until it accepts connections, and
// returns its URL and a function that removes it. A missing image is pulled, in
// one attempt, which logf reports. After an error nothing is left behind.
func Redis(ctx context.Context, image string, logf func(format string, args ...any)) (url string, stop func() error, err error) {
	if err := prepare(ctx, image, "REDIS_IMAGE", logf); err != nil {
		return "", nil, err
	}
	server, err := redis.Run(ctx, image, testcontainers.WithWaitStrategyAndDeadline(startTimeout, ready()))
	if err != nil {
		return "", nil, errors.Join(fmt.Errorf("container of %s: %w", image, err), testcontainers.TerminateContainer(server))
	}
	stop = func() error {
		return testcontainers.TerminateContainer(server, testcontainers.StopTimeout(0))
	}
	url, err = server.ConnectionString(ctx)
	if err != nil {
		return "", nil, errors.Join(fmt.Errorf("container of %s has no address: %w", image, err), stop())
	}
	return url + "/0", stop, nil
}

// ready omits the module's check from inside the container, which needs a shell
// that a small image lacks.
func ready() wait.Strategy {
	return wait.ForAll(wait.ForLog("Ready to accept connections"), wait.ForListeningPort("6379/tcp").SkipInternalCheck())
}

// prepare checks that an engine answers and that it has the image, which a variable names.
func prepare(ctx context.Context, image, variable string, logf func(string, ...any)) error {
	quieten()
	findHost()
	engine, err := testcontainers.NewDockerProvider()
	if err != nil {
		return fmt.Errorf("no Docker engine: %w", err)
	}
	defer engine.Close()
	asking, cancel := context.WithTimeout(ctx, engineTimeout)
	defer cancel()
	if _, err := engine.Client().Ping(asking, client.PingOptions{}); err != nil {
		return fmt.Errorf("the Docker engine does not answer: %w", err)
	}
	if _, err := engine.Client().ImageInspect(asking, image); err == nil {
		return nil
	}
	return pull(ctx, engine.Client(), image, variable, logf)
}

// pull makes a single attempt; that of testcontainers retries for a quarter of
// an hour without a network.
func pull(ctx context.Context, engine client.APIClient, image, variable string, logf func(string, ...any)) error {
	ctx, cancel := context.WithTimeout(ctx, pullTimeout)
	defer cancel()
	logf("pulling the image %s", image)
	progress, err := engine.ImagePull(ctx, image, client.ImagePullOptions{})
	if err == nil {
		err = errors.Join(progress.Wait(ctx), progress.Close())
	}
	if err != nil {
		return fmt.Errorf("cannot pull the image %s; pull it by hand, or set %s to another one: %w", image, variable, err)
	}
	return nil
}
