package limiter_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"ingestion/limiter"
)

// exampleRedis returns a client of a Redis in this process, and a function that
// ends both. A program connects to its own server instead.
func exampleRedis() (client *redis.Client, stop func()) {
	server, err := miniredis.Run()
	if err != nil {
		log.Fatal(err)
	}
	client = redis.NewClient(&redis.Options{
		Addr:                  server.Addr(),
		ContextTimeoutEnabled: true,
	})
	return client, func() {
		_ = client.Close()
		server.Close()
	}
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func clockTime(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.TimeOnly) }

// Two records a minute: the third one is refused, and RetryAt says when there is
// room.
func Example() {
	client, stop := exampleRedis()
	defer stop()
	l, err := limiter.New(client, limiter.Config{
		Limit: 2, Window: time.Minute, Lateness: time.Hour, Bases: []string{"queue"},
	})
	if err != nil {
		log.Fatal(err)
	}

	var requests []limiter.Request
	for i := range 3 {
		arrival := noon.Add(time.Duration(i) * time.Second)
		requests = append(requests, limiter.Request{CustomerID: "ann", Member: fmt.Sprint("record-", i), At: arrival.UnixMilli()})
	}
	verdicts, err := l.Judge(context.Background(), requests)
	if err != nil {
		log.Fatal(err)
	}
	for i, v := range verdicts {
		if v.Decision == limiter.Refused {
			fmt.Println(requests[i].Member, v.Decision, "until", clockTime(v.RetryAt))
		} else {
			fmt.Println(requests[i].Member, v.Decision)
		}
	}
	// Output:
	// record-0 admitted
	// record-1 admitted
	// record-2 refused until 12:01:00
}

// With Reserve a record over the limit gets the next place with room. A repeated
// call finds the places that the first one gave.
func ExampleLimiter_Judge_reserve() {
	client, stop := exampleRedis()
	defer stop()
	l, err := limiter.New(client, limiter.Config{
		Limit: 1, Window: time.Minute, Reserve: true, MaxDelay: 2 * time.Minute, Bases: []string{"queue"},
	})
	if err != nil {
		log.Fatal(err)
	}

	requests := []limiter.Request{
		{CustomerID: "ann", Member: "a", At: noon.UnixMilli()},
		{CustomerID: "ann", Member: "b", At: noon.UnixMilli()},
		{CustomerID: "ann", Member: "c", At: noon.UnixMilli()},
		{CustomerID: "ann", Member: "d", At: noon.UnixMilli()},
	}
	for range 2 {
		verdicts, err := l.Judge(context.Background(), requests)
		if err != nil {
			log.Fatal(err)
		}
		for i, v := range verdicts {
			fmt.Println(requests[i].Member, v.Decision, clockTime(max(v.Place, v.RetryAt)))
		}
	}
	// Output:
	// a admitted 12:00:00
	// b reserved 12:01:00
	// c reserved 12:02:00
	// d refused 12:03:00
	// a admitted 12:00:00
	// b reserved 12:01:00
	// c reserved 12:02:00
	// d refused 12:03:00
}

// A customer's own limit is a field of the hash {K}:limits. It applies from the
// next call on.
func ExampleParseLimit() {
	client, stop := exampleRedis()
	defer stop()
	ctx := context.Background()
	l, err := limiter.New(client, limiter.Config{Limit: 1, Window: time.Minute, Bases: []string{"queue"}})
	if err != nil {
		log.Fatal(err)
	}

	own, err := limiter.ParseLimit("100/60")
	if err != nil {
		log.Fatal(err)
	}
	if err := client.HSet(ctx, "{queue}:limits", "bob", own.String()).Err(); err != nil {
		log.Fatal(err)
	}
	verdicts, err := l.Judge(ctx, []limiter.Request{
		{CustomerID: "ann", Member: "a", At: noon.UnixMilli()},
		{CustomerID: "bob", Member: "b", At: noon.UnixMilli()},
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, v := range verdicts {
		fmt.Println(v.Decision, "under", v.Limit)
	}
	// Output:
	// admitted under 1/60
	// admitted under 100/60
}
