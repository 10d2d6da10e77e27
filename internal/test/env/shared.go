package env

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env/container"
	"ingestion/internal/test/env/servers"
)

// SharedServer is a Redis that others may use at the same time: a test uses
// only keys that begin with Prefix, or with "{" and Prefix, and neither
// configures nor flushes the server.
type SharedServer struct {
	URL    string
	Prefix string // differs from test to test; has no brace

	options *redis.Options
}

// SharedRedis finds a Redis for a test that does not need to control the
// server, and logs which one:
//
//  1. the one that REDIS_URL names;
//  2. a container, if INTEGRATION_REDIS is "container" (which must succeed
//     then) or "auto"; REDIS_IMAGE names the image, else redis:7-alpine;
//  3. a redis-server of the test's own;
//  4. a miniredis.
//
// The test's keys are deleted when it ends. A container is shared by all tests
// of a package whose TestMain calls Main, and otherwise serves a single test.
func SharedRedis(t testing.TB) *SharedServer {
	t.Helper()
	server, url := sharedURL(t)
	note(t, server)
	t.Logf("Redis of this test: %s", server)
	options, err := redis.ParseURL(url)
	if err != nil {
		t.Fatalf("REDIS_URL is not the address of a single Redis: %v", err)
	}
	s := &SharedServer{URL: url, Prefix: "test:" + strings.ToLower(rand.Text()) + ":", options: options}
	s.reach(t)
	t.Cleanup(func() { s.removeKeys(t) })
	return s
}

// sharedURL finds the server and returns its kind.
func sharedURL(t testing.TB) (server servers.Server, url string) {
	t.Helper()
	if url := os.Getenv("REDIS_URL"); url != "" {
		return servers.ForeignRedis, url
	}
	switch want := os.Getenv("INTEGRATION_REDIS"); want {
	case "container", "auto":
		image := cmp.Or(os.Getenv("REDIS_IMAGE"), "redis:7-alpine")
		if url, ok := containerURL(t, "INTEGRATION_REDIS", want == "container", image, container.Redis); ok {
			return servers.ContainerRedis, url
		}
	case "", "local":
	default:
		t.Fatalf("INTEGRATION_REDIS must be container, auto or local, not %q", want)
	}
	own := anyRedis(t, nil)
	return own.kind(), own.URL()
}

// Client returns a new client of the server, which is closed when the test
// ends.
func (s *SharedServer) Client(t testing.TB) *redis.Client {
	t.Helper()
	options := *s.options
	return newClient(t, &options)
}

func (s *SharedServer) reach(t testing.TB) {
	t.Helper()
	options := *s.options
	options.MaxRetries, options.DialerRetries = -1, 1
	client := redis.NewClient(&options)
	defer client.Close()
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Fatalf("the Redis at %s does not answer: %v", s.options.Addr, err)
	}
}

// removeKeys deletes the test's keys, with and without a hash tag.
func (s *SharedServer) removeKeys(t testing.TB) {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	client := redis.NewClient(s.options)
	defer client.Close()
	var err error
	for _, pattern := range []string{s.Prefix + "*", "{" + s.Prefix + "*"} {
		keys := client.Scan(ctx, 0, pattern, 1000).Iterator()
		for keys.Next(ctx) {
			err = errors.Join(err, client.Del(ctx, keys.Val()).Err())
		}
		err = errors.Join(err, keys.Err())
	}
	if err != nil {
		t.Errorf("keys with the prefix %s remain in the shared Redis: %v", s.Prefix, err)
	}
}
