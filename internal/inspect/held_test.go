package inspect_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/inspect"
	"ingestion/internal/test/env"
	"ingestion/streams"
)

func TestReadHeld(t *testing.T) {
	client := env.Redis(t).Client(t)
	src := inspect.Source{Redis: client, Keys: []string{"s0", "s1"}, Group: "g"}
	if h := inspect.ReadHeld(t.Context(), src, 10); h.Err != nil || !h.All || len(h.Entries) > 0 {
		t.Errorf("without a group: %+v", h)
	}
	for i, key := range []string{"s0", "s0", "s0", "s1"} {
		must(t, client.XAdd(t.Context(), &redis.XAddArgs{Stream: key, ID: fmt.Sprintf("%d-0", 4-i+10*i), Values: []any{"data", "x"}}).Err())
	}
	for _, key := range src.Keys {
		must(t, client.XGroupCreate(t.Context(), key, "g", "0").Err())
		must(t, client.XReadGroup(t.Context(), &redis.XReadGroupArgs{Group: "g", Consumer: "w", Streams: []string{key, ">"}}).Err())
	}
	must(t, client.XClaim(t.Context(), &redis.XClaimArgs{Stream: "s0", Group: "g", Consumer: "v", Messages: []string{"13-0"}}).Err())
	for most, want := range map[int]struct {
		ids []string
		all bool
	}{
		100: {[]string{"4-0", "13-0", "22-0", "31-0"}, true},
		4:   {[]string{"4-0", "13-0", "22-0", "31-0"}, true},
		3:   {[]string{"4-0", "13-0", "22-0"}, false}, // all of one partition
	} {
		h := inspect.ReadHeld(t.Context(), src, most)
		var ids []string
		for _, e := range h.Entries {
			ids = append(ids, e.ID)
		}
		if h.Err != nil || h.All != want.all || fmt.Sprint(ids) != fmt.Sprint(want.ids) {
			t.Fatalf("at most %d: %+v, want %+v", most, h, want)
		}
		if e := h.Entries[1]; e.Consumer != "v" || e.Deliveries != 2 || e.Key != "s0" {
			t.Errorf("%+v", e)
		}
	}
}

// What is beside a partition that can't be read is known of the others.
func TestOneUnreadablePartitionSpoilsOnlyWhatIsItsOwn(t *testing.T) {
	client := env.Redis(t).Client(t)
	src := inspect.Source{Redis: client, Keys: []string{"s0", "s1"}, Group: "g"}
	for _, key := range []string{"{s0}:history:minute", "{s0}:refused", "{s0}:dead"} {
		must(t, client.Set(t.Context(), key, "x", 0).Err())
	}
	must(t, client.XAdd(t.Context(), &redis.XAddArgs{Stream: "s1", Values: []any{"data", "x"}}).Err())
	must(t, client.XGroupCreate(t.Context(), "s1", "g", "0").Err())
	must(t, client.XReadGroup(t.Context(), &redis.XReadGroupArgs{Group: "g", Consumer: "w", Streams: []string{"s1", ">"}}).Err())
	must(t, client.Set(t.Context(), "s0", "x", 0).Err())
	now := client.Time(t.Context()).Val()
	start := now.Truncate(time.Minute)
	must(t, client.HSet(t.Context(), "{s1}:history:minute", start.Unix()/60%1440, fmt.Sprintf("%d ingested=7", start.UnixMilli())).Err())
	must(t, client.XAdd(t.Context(), &redis.XAddArgs{Stream: "{s1}:dead", Values: []any{"event", "rejected", "data", "x"}}).Err())

	history, refused := inspect.ReadHistory(t.Context(), src, streams.Minutes, time.Hour), inspect.ReadRefused(t.Context(), src)
	letters, held := inspect.ReadLetters(t.Context(), src, 9), inspect.ReadHeld(t.Context(), src, 9)
	if len(history.Periods) != 1 || len(letters.Letters) != 1 || len(held.Entries) != 1 || held.All {
		t.Errorf("%+v, %+v, %+v", history, letters, held)
	}
	for name, got := range map[string]struct {
		unread []inspect.Unread
		err    error
	}{"history": {history.Unread, history.Err}, "refused": {refused.Unread, refused.Err}, "letters": {letters.Unread, letters.Err}, "held": {held.Unread, held.Err}} {
		if len(got.unread) != 1 || got.unread[0].Key != "s0" || got.err == nil || !strings.Contains(got.err.Error(), "without s0: ") {
			t.Errorf("%s: %+v, %v", name, got.unread, got.err)
		}
	}
	src.Keys = src.Keys[:1]
	if held := inspect.ReadHeld(t.Context(), src, 9); held.Err == nil || len(held.Unread) > 0 {
		t.Errorf("without a readable partition: %+v", held)
	}
}
