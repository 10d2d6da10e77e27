package env

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"ingestion/internal/test/env/container"
)

// shared holds the containers of this process; in practice one.
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

// containerURL returns the address of a Redis in a container. If there is none,
// the test fails if must is set; otherwise ok is false.
func containerURL(t testing.TB, must bool) (url string, ok bool) {
	t.Helper()
	started := sharedContainer(t, cmp.Or(os.Getenv("REDIS_IMAGE"), "redis:7-alpine"))
	if started.err == nil {
		return started.url, true
	}
	if must {
		t.Fatalf("INTEGRATION_REDIS=container: %v", started.err)
	}
	t.Logf("INTEGRATION_REDIS=auto: no container, using another Redis: %v", started.err)
	return "", false
}

// sharedContainer starts one container for all tests of the process, or for t
// alone if Main would not stop it. A failure is not retried for other tests.
func sharedContainer(t testing.TB, image string) startedContainer {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if known, ok := shared.byImage[image]; ok {
		return known
	}
	url, stop, err := container.Redis(t.Context(), image, t.Logf)
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
