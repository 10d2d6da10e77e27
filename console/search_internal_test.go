package console

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/inspect"
	"ingestion/internal/test/env"
	"ingestion/limiter"
)

// What is looked up by its ID does not wait for the searches of others.
func TestLookUpsBesideSearches(t *testing.T) {
	client := env.Redis(t).Client(t)
	l, err := limiter.New(client, limiter.Config{Limit: 5, Window: time.Minute, Bases: []string{"s"}})
	if err != nil {
		t.Fatal(err)
	}
	c := &console{Options: Options{Source: inspect.Source{Redis: client, Keys: []string{"s"}, Group: "g"}, Limiter: l}, searching: make(chan struct{}, searches)}
	id, err := client.XAdd(t.Context(), &redis.XAddArgs{Stream: "s", Values: []any{"data", "{}"}}).Result()
	if err != nil {
		t.Fatal(err)
	}
	for range searches {
		c.searching <- struct{}{}
	}
	if got, err := c.search(t.Context(), traceQuery{ID: id, Partition: -1, Scan: 10}); err != nil || !got.Found() {
		t.Errorf("by ID: %+v, %v", got, err)
	}
	customer := traceQuery{Customer: inspect.CustomerQuery{CustomerID: "42"}, Scan: 10}
	for name, q := range map[string]traceQuery{"a customer": customer, "an _id without a document": {ID: strings.Repeat("0", 64), Partition: -1, Scan: 10}} {
		if _, err := c.search(t.Context(), q); !errors.Is(err, errBusy) {
			t.Errorf("%s: %v", name, err)
		}
	}
	<-c.searching
	for range searches + 1 { // each lets the next one begin
		if _, err := c.search(t.Context(), customer); err != nil {
			t.Error(err)
		}
	}
}
