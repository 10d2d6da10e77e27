package streams

import (
	"context"
	"strings"

	"github.com/redis/go-redis/v9"
)

// The client library decodes replies of scripts into nested []any of string and
// int64. These functions take them apart; a value of another type is empty or 0.

func text(v any) string {
	s, _ := v.(string)
	return s
}

func texts(v any) []string {
	list, _ := v.([]any)
	out := make([]string, len(list))
	for i, item := range list {
		out[i] = text(item)
	}
	return out
}

// anySlice converts strings to arguments of a script.
func anySlice(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

func integer(v any) int64 {
	n, _ := v.(int64)
	return n
}

// named is a reply of alternating names and values.
type named map[string]any

func namedReply(v any) named {
	list, _ := v.([]any)
	n := make(named, len(list)/2)
	for i := 0; i+1 < len(list); i += 2 {
		n[text(list[i])] = list[i+1]
	}
	return n
}

func (n named) text(name string) string { return text(n[name]) }

func (n named) integer(name string) int64 { return integer(n[name]) }

// typedEntries decodes entries, each a pair of its ID and its fields.
// deliveries returns the delivery count of an ID.
func typedEntries(batch []Delivery, reply any, deliveries func(id string) int64) []Delivery {
	list, _ := reply.([]any)
	for _, item := range list {
		if pair, _ := item.([]any); len(pair) == 2 {
			id := text(pair[0])
			batch = append(batch, newDelivery(id, texts(pair[1]), deliveries(id)))
		}
	}
	return batch
}

// typedStreams decodes a reply of XREADGROUP: a map in RESP3, else pairs of a key
// and its entries.
func typedStreams(reply any) (batch []Delivery) {
	once := func(string) int64 { return 1 }
	switch streams := reply.(type) {
	case map[any]any:
		for _, entries := range streams {
			batch = typedEntries(batch, entries, once)
		}
	case []any:
		for _, stream := range streams {
			if pair, _ := stream.([]any); len(pair) == 2 {
				batch = typedEntries(batch, pair[1], once)
			}
		}
	}
	return batch
}

// firstOf names the first IDs of a list, which need not be contiguous.
func firstOf(ids []string) string {
	const most = 10
	if len(ids) <= most {
		return strings.Join(ids, " ")
	}
	return strings.Join(ids[:most], " ") + " …"
}

// serverInfo returns the fields of sections of INFO, without those that the server does
// not tell: the user may not run INFO, and embedded servers lack parts of it. On a
// Cluster any node answers.
func serverInfo(ctx context.Context, client redis.UniversalClient, sections ...string) map[string]string {
	info := map[string]string{}
	for _, section := range sections {
		text, err := client.Info(ctx, section).Result()
		if err != nil {
			continue
		}
		for line := range strings.SplitSeq(text, "\r\n") {
			if name, value, ok := strings.Cut(line, ":"); ok {
				info[name] = value
			}
		}
	}
	return info
}
