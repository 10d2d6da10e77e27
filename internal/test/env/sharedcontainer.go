package env

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
)

// shared holds the containers of this process; in practice a Redis and a MongoDB.
var shared struct {
	sync.Mutex
	stoppable bool // Main runs, and will call the stops
	stops     []func() error
	byImage   map[string]startedContainer
}

type startedContainer struct {
	url string
	err error
}

// startContainer starts a server in a container and returns its address.
type startContainer func(ctx context.Context, image string, logf func(format string, args ...any)) (url string, stop func() error, err error)

// containerURL returns the address of a server in a container. If there is none,
// the test fails if must is set; otherwise ok is false. The variable is what asked
// for a container.
func containerURL(t testing.TB, variable string, must bool, image string, start startContainer) (url string, ok bool) {
	t.Helper()
	started := sharedContainer(t, image, start)
	if started.err == nil {
		return started.url, true
	}
	if must {
		t.Fatalf("%s=container: %v", variable, started.err)
	}
	t.Logf("%s=auto: no container, using another server: %v", variable, started.err)
	return "", false
}

// sharedContainer starts one container for all tests of the process, or for t
// alone if Main would not stop it. A failure is not retried for other tests.
func sharedContainer(t testing.TB, image string, start startContainer) startedContainer {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if known, ok := shared.byImage[image]; ok {
		return known
	}
	url, stop, err := start(t.Context(), image, t.Logf)
	started := startedContainer{url, err}
	switch {
	case err != nil:
	case shared.stoppable:
		shared.stops = append(shared.stops, stop)
	default:
		t.Cleanup(func() {
			if err := stop(); err != nil {
				t.Errorf("a container was not removed: %v", err)
			}
		})
		return started
	}
	if shared.byImage == nil {
		shared.byImage = map[string]startedContainer{}
	}
	shared.byImage[image] = started
	return started
}

// stopShared stops the containers of this process.
func stopShared() error {
	shared.Lock()
	defer shared.Unlock()
	shared.stoppable = false
	var problems error
	for _, stop := range shared.stops {
		problems = errors.Join(problems, stop())
	}
	if problems != nil {
		return fmt.Errorf("a container was not removed: %w", problems)
	}
	return nil
}
