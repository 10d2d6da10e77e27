package container

import (
	"context"
	"errors"
	"fmt"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/modules/mongodb"
	"github.com/testcontainers/testcontainers-go/wait"
)

// Mongo starts a container of image, waits until it accepts connections, and
// returns its URI and a function that removes it. A missing image is pulled, in
// one attempt, which logf reports. After an error nothing is left behind.
func Mongo(ctx context.Context, image string, logf func(format string, args ...any)) (uri string, stop func() error, err error) {
	if err := prepare(ctx, image, "MONGO_IMAGE", logf); err != nil {
		return "", nil, err
	}
	listening := wait.ForAll(wait.ForLog("Waiting for connections"), wait.ForListeningPort("27017/tcp").SkipInternalCheck())
	server, err := mongodb.Run(ctx, image, testcontainers.WithWaitStrategyAndDeadline(startTimeout, listening))
	if err != nil {
		return "", nil, errors.Join(fmt.Errorf("container of %s: %w", image, err), testcontainers.TerminateContainer(server))
	}
	stop = func() error {
		return testcontainers.TerminateContainer(server, testcontainers.StopTimeout(0))
	}
	uri, err = server.ConnectionString(ctx)
	if err != nil {
		return "", nil, errors.Join(fmt.Errorf("container of %s has no address: %w", image, err), stop())
	}
	return uri, stop, nil
}
