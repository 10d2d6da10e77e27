package streams_test

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/streams"
)

func TestConstructorsRejectInvalidOptions(t *testing.T) {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	t.Cleanup(func() { must(t, client.Close()) })
	stream := func(change func(*streams.StreamOptions)) error {
		opts := streamOptions(client, "c")
		change(&opts)
		_, err := streams.NewStream(opts)
		return err
	}
	list := func(change func(*streams.ListOptions)) error {
		opts := streams.ListOptions{Client: client, Key: "q"}
		change(&opts)
		_, err := streams.NewList(opts)
		return err
	}
	partitions := func(changes ...func(*streams.StreamOptions)) error {
		var all []*streams.Stream
		for _, change := range changes {
			opts := streamOptions(client, "c")
			change(&opts)
			all = append(all, newStream(t, opts))
		}
		_, err := streams.NewPartitions(all, streams.PartitionsOptions{})
		return err
	}
	key := func(k string) func(*streams.StreamOptions) { return func(o *streams.StreamOptions) { o.Key = k } }
	for want, err := range map[string]error{
		"no client":                           stream(func(o *streams.StreamOptions) { o.Client = nil }),
		"no key":                              stream(key("")),
		"no consumer group":                   stream(func(o *streams.StreamOptions) { o.Group = "" }),
		"no consumer name":                    stream(func(o *streams.StreamOptions) { o.Consumer = "" }),
		"the poll timeout is negative":        stream(func(o *streams.StreamOptions) { o.PollTimeout = -1 }),
		"the lease is shorter than 1 ms":      stream(func(o *streams.StreamOptions) { o.ClaimIdle = time.Microsecond }),
		"the limit of entries is negative":    stream(func(o *streams.StreamOptions) { o.MaxEntries = -1 }),
		"the limit of deliveries is negative": stream(func(o *streams.StreamOptions) { o.MaxDeliveries = -1 }),
		"the limit of dead letters is":        stream(func(o *streams.StreamOptions) { o.DeadLetters.Max = -1 }),
		`the list "": no key`:                 list(func(o *streams.ListOptions) { o.Key = "" }),
		`the list "q": no client`:             list(func(o *streams.ListOptions) { o.Client = nil }),
		"there are none":                      partitions(),
		`the key "s:0" occurs twice`:          partitions(key("s:0"), key("s:0")),
		`"s:0" and "s:1" differ`: partitions(key("s:0"), func(o *streams.StreamOptions) {
			o.Key, o.Group = "s:1", "other"
		}),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestConstructorsAcceptZeroOptions(t *testing.T) {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	t.Cleanup(func() { must(t, client.Close()) })
	_, err := streams.NewStream(streams.StreamOptions{Client: client, Key: "s", Group: "g", Consumer: "c", ClaimIdle: time.Second})
	must(t, err)
	_, err = streams.NewList(streams.ListOptions{Client: client, Key: "q"})
	must(t, err)
}
