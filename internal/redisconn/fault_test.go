package redisconn_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
)

// connectError returns the error of a PING, by a client that tries once.
func connectError(t *testing.T, addr string) error {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1, DialerRetries: 1, ReadTimeout: 50 * time.Millisecond})
	defer client.Close()
	err := client.Ping(t.Context()).Err()
	if err == nil {
		t.Fatal("there is an answer")
	}
	return err
}

func TestPlainErrorsOfTheConnection(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	notFound := &net.DNSError{Name: "redis", Err: "no such host", IsNotFound: true}
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"refused":   {connectError(t, closed.Addr().String()), "connection refused by " + closed.Addr().String()},
		"silent":    {connectError(t, silent.Addr().String()), "no answer in time"},
		"late":      {context.DeadlineExceeded, "no answer in time"},
		"not found": {fmt.Errorf("dial: %w", notFound), "host redis not found"},
		"others":    {errors.New("x"), "x"},
	} {
		if got := redisconn.Plain(c.err); got.Error() != c.want || !errors.Is(got, c.err) {
			t.Errorf("%s: %v, want %q", name, got, c.want)
		}
		got := redisconn.Explain(&redis.UniversalOptions{}, c.err).Error()
		if strings.Contains(got, "dial tcp") || strings.Contains(got, "deadline") {
			t.Errorf("%s: %s", name, got)
		}
	}
}
