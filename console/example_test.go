package console_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/console"
	"ingestion/internal/inspect"
	"ingestion/limiter"
)

// The console under a prefix of a program that has logins of its own.
func ExampleHandler() {
	client := redis.NewClient(&redis.Options{Addr: "localhost:6379"})
	defer client.Close()
	limits, err := limiter.New(client, limiter.Config{Limit: 5, Window: time.Minute, Bases: []string{"ingest:stream"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := console.Handler(console.Options{
		Source:  inspect.Source{Redis: client, Keys: []string{"ingest:stream"}, Group: "ingest-workers", Lease: 30 * time.Second},
		Limiter: limits,
		Auth:    console.Auth{Header: "X-Authenticated-User"}, // which the program sets
	})
	mux := http.NewServeMux()
	mux.Handle("/operations/queue/", http.StripPrefix("/operations/queue", handler))

	server := httptest.NewServer(mux)
	defer server.Close()
	answer, err := http.Get(server.URL + "/operations/queue/livez")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer answer.Body.Close()
	fmt.Println(answer.Status)
	// Output: 200 OK
}
