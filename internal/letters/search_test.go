package letters_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/letters"
	"ingestion/internal/test/env"
	"ingestion/streams"
)

// twoPartitions have six letters, of which each fifth is of another event.
func twoPartitions(t *testing.T) (*letters.Queue, *redis.Client) {
	t.Helper()
	client := env.Redis(t).Client(t)
	for i := 1; i <= 6; i++ {
		event := "rejected"
		if i%5 == 0 {
			event = "parse_error"
		}
		add(t, client, []string{"a", "b"}[i%2], fmt.Sprintf("%d000-0", i), event)
	}
	return letters.Of(streams.NewDeadLetters(client, "a"), streams.NewDeadLetters(client, "b")), client
}

func add(t *testing.T, client *redis.Client, key, id, event string) {
	t.Helper()
	args := redis.XAddArgs{Stream: streams.KeysOf(key).Dead, ID: id, Values: []any{"event", event, "reason", "because", "data", "{}"}}
	if err := client.XAdd(t.Context(), &args).Err(); err != nil {
		t.Fatal(err)
	}
}

// A search goes on where another one has ended: each letter is seen once, the newest first
// across partitions, and none that was written meanwhile.
func TestSearchGoesOn(t *testing.T) {
	q, client := twoPartitions(t)
	for _, bounds := range []letters.Search{{Most: 1, Scan: 9}, {Most: 9, Scan: 1}, {Most: 2, Scan: 4}, {Most: 9, Scan: 9}} {
		var names []string
		bounds.Filter = &letters.Filter{Events: []string{"rejected"}}
		for range 30 {
			done, err := q.Search(t.Context(), bounds, func(l *letters.Letter) { names = append(names, l.Name) })
			if err != nil {
				t.Fatal(err)
			}
			add(t, client, "a", "*", "rejected")
			if done.Next == nil {
				break
			}
			if bounds.From, err = q.ParseCursor(q.Cursor(done.Next)); err != nil {
				t.Fatal(err)
			}
		}
		names = slices.DeleteFunc(names, func(name string) bool { return len(name) > len("0:1000-0") }) // what earlier searches added
		if want := []string{"0:6000-0", "0:4000-0", "1:3000-0", "0:2000-0", "1:1000-0"}; !slices.Equal(names, want) {
			t.Errorf("%d of %d at a time: %v, want %v", bounds.Most, bounds.Scan, names, want)
		}
	}
}

// Letters that are too young are not looked at: neither by a search, of which they would use up the bound, nor by a
// change.
func TestTheYoungerOnesAreNotRead(t *testing.T) {
	q, client := twoPartitions(t)
	for range 10 {
		add(t, client, "a", "*", "rejected")
		add(t, client, "b", "*", "rejected")
	}
	f := &letters.Filter{OlderThan: 24 * time.Hour}
	if err := f.Fix(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	var names []string
	search := letters.Search{Filter: f, Most: 9, Scan: 4}
	for range 2 {
		done, err := q.Search(t.Context(), search, func(l *letters.Letter) { names = append(names, l.Name) })
		if err != nil {
			t.Fatal(err)
		}
		search.From = done.Next
	}
	if want := []string{"0:6000-0", "1:5000-0", "0:4000-0", "1:3000-0", "0:2000-0", "1:1000-0"}; !slices.Equal(names, want) || search.From != nil {
		t.Errorf("%v, want %v; the rest is %v", names, want, search.From)
	}
	for _, c := range []struct {
		through letters.Through
		want    int64
	}{{nil, 6}, {letters.Through{"9000-0", "3000-0"}, 5}, {letters.Through{"", "3000-0"}, 2}} {
		if p, err := q.Preview(t.Context(), f, 0, c.through); err != nil || p.Matched != c.want {
			t.Errorf("through %v: %+v, %v, want %d", c.through, p, err, c.want)
		}
	}
}

func TestCursorsOfOthersAreRefused(t *testing.T) {
	q := letters.Of(nil, nil)
	for _, text := range []string{"1-0", "1-0,2-0,3-0", "1-0,x", ","} {
		if _, err := q.ParseCursor(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func TestGroups(t *testing.T) {
	q, _ := twoPartitions(t)
	var g letters.Groups
	if _, err := q.Search(t.Context(), letters.Search{Filter: &letters.Filter{}, Most: 9, Scan: 9}, g.Add); err != nil {
		t.Fatal(err)
	}
	all, others := g.Largest(9)
	if len(all) != 2 || others != 0 || all[0].Event != "rejected" || all[0].Count != 5 || all[0].Oldest.Unix() != 1 || all[0].Newest.Unix() != 6 {
		t.Errorf("%+v, %d others", all, others)
	}
	if first, others := g.Largest(1); len(first) != 1 || others != 1 {
		t.Errorf("%+v, %d others", first, others)
	}
}

// Letters of partitions that can be read are found, and a later search finds the others if they can be read then.
func TestSearchWithoutAPartition(t *testing.T) {
	q, client := twoPartitions(t)
	dump, err := client.Dump(t.Context(), "{a}:dead").Result()
	if err != nil {
		t.Fatal(err)
	}
	client.Set(t.Context(), "{a}:dead", "x", 0)
	var names []string
	search := letters.Search{Filter: &letters.Filter{}, Most: 2, Scan: 9}
	find := func() letters.Searched {
		t.Helper()
		done, err := q.Search(t.Context(), search, func(l *letters.Letter) { names = append(names, l.Name) })
		if err != nil {
			t.Fatal(err)
		}
		if search.From, err = q.ParseCursor(q.Cursor(done.Next)); err != nil {
			t.Fatal(err)
		}
		return done
	}
	if done := find(); len(done.Unread) != 1 || done.Unread[0].Key != "{a}:dead" || done.Unread[0].Err == nil || done.Next == nil {
		t.Errorf("%+v", done)
	}
	if n, unread := q.Kept(t.Context()); n != 3 || len(unread) != 1 || unread[0].Key != "{a}:dead" {
		t.Errorf("%d kept, without %v", n, unread)
	}
	if n, err := q.Count(t.Context()); err == nil {
		t.Errorf("all are %d", n)
	}
	if err := client.RestoreReplace(t.Context(), "{a}:dead", 0, dump).Err(); err != nil {
		t.Fatal(err)
	}
	search.Most = 9
	if done := find(); len(done.Unread) > 0 || done.Next != nil {
		t.Errorf("%+v", done)
	}
	if want := []string{"1:5000-0", "1:3000-0", "0:6000-0", "0:4000-0", "0:2000-0", "1:1000-0"}; !slices.Equal(names, want) {
		t.Errorf("%v, want %v", names, want)
	}
	client.Set(t.Context(), "{a}:dead", "x", 0)
	client.Set(t.Context(), "{b}:dead", "x", 0)
	if done, err := q.Search(t.Context(), letters.Search{Filter: &letters.Filter{}, Most: 2, Scan: 9}, nil); err == nil {
		t.Errorf("without any partition: %+v", done)
	}
}
