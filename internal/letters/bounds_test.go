package letters_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/letters"
	"ingestion/streams"
)

// failing is a Redis that does not answer pages of dead letters of one key after the first ones.
type failing struct {
	key   string
	pages int
}

func (*failing) DialHook(next redis.DialHook) redis.DialHook { return next }

func (*failing) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (f *failing) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() == "xrevrange" && fmt.Sprint(cmd.Args()[1]) == f.key && fmt.Sprint(cmd.Args()[2]) != "+" { // not that of the newest ID
			if f.pages--; f.pages < 0 {
				cmd.SetErr(errors.New("no answer"))
				return cmd.Err()
			}
		}
		return next(ctx, cmd)
	}
}

// What could not be read of a partition is found by a later search, and what could be is not found twice.
func TestSearchThatFailsMidway(t *testing.T) {
	for name, ids := range map[string][]string{ // the newest first; the first page has four
		"within a millisecond": {"9-5", "9-4", "9-3", "9-2", "9-1", "8-6"},
		"after one":            {"9-3", "9-2", "9-1", "9-0", "8-18446744073709551615", "8-6"},
	} {
		t.Run(name, func(t *testing.T) {
			q, client := twoPartitions(t)
			client.Del(t.Context(), "{a}:dead", "{b}:dead")
			var want []string
			for i, id := range ids {
				add(t, client, "a", ids[len(ids)-1-i], "rejected")
				want = append(want, "0:"+id)
			}
			add(t, client, "b", "1-1", "rejected")
			add(t, client, "b", "2-1", "rejected")
			fault := &failing{key: "{a}:dead", pages: 1}
			client.AddHook(fault)
			var names []string
			visit := func(l *letters.Letter) { names = append(names, l.Name) }
			search := letters.Search{Filter: &letters.Filter{}, Most: 5, Scan: 9}
			done, err := q.Search(t.Context(), search, visit)
			if first := append(slices.Clone(want[:4]), "1:2-1"); err != nil || len(done.Unread) != 1 || !slices.Equal(names, first) {
				t.Fatalf("%+v, %v: %v, want %v", done, err, names, first)
			}
			fault.pages = 100
			if search.From, err = q.ParseCursor(q.Cursor(done.Next)); err != nil || search.From == nil {
				t.Fatalf("%v, %v", search.From, err)
			}
			names = nil
			done, err = q.Search(t.Context(), search, visit)
			if rest := append(slices.Clone(want[4:]), "1:1-1"); err != nil || done.Next != nil || !slices.Equal(names, rest) {
				t.Errorf("%+v, %v: %v, want %v", done, err, names, rest)
			}
		})
	}
}

// A search whose time is over says so, and does not blame a partition.
func TestASearchThatIsEnded(t *testing.T) {
	q, _ := twoPartitions(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if done, err := q.Search(ctx, letters.Search{Filter: &letters.Filter{}, Most: 9, Scan: 9}, func(*letters.Letter) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("%+v, %v", done, err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	q, client := twoPartitions(t)
	client.Set(t.Context(), "{a}:dead", "x", 0)
	done, err := q.Search(ctx, letters.Search{Filter: &letters.Filter{}, Most: 9, Scan: 9}, func(*letters.Letter) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("ended midway: %+v, %v", done, err)
	}
}

// A search looks at so many letters, and finds so many.
func TestBoundsOfASearch(t *testing.T) {
	q, _ := twoPartitions(t)
	for _, c := range []struct{ most, scan, matched, seen int }{{9, 4, 3, 4}, {2, 9, 2, 3}, {9, 9, 5, 6}, {1, 1, 1, 1}} {
		done, err := q.Search(t.Context(), letters.Search{Filter: &letters.Filter{Events: []string{"rejected"}}, Most: c.most, Scan: c.scan}, func(*letters.Letter) {})
		if err != nil || done.Matched != c.matched || done.Seen != c.seen || (done.Next == nil) != (c.seen == 6) {
			t.Errorf("%d of %d: %+v, %v", c.most, c.scan, done, err)
		}
	}
}

// Reasons that nobody foresaw do not fill memory: they are counted as others.
func TestManyGroups(t *testing.T) {
	var g letters.Groups
	for i := range 1005 {
		g.Add(&letters.Letter{DeadLetter: streams.DeadLetter{ID: "1-0", Event: "rejected", Reason: fmt.Sprint(i)}})
	}
	g.Add(&letters.Letter{DeadLetter: streams.DeadLetter{ID: "2-0", Event: "rejected", Reason: "7"}})
	if all, others := g.Largest(2000); len(all) != 1000 || others != 5 || all[0].Reason != "7" || all[0].Count != 2 {
		t.Errorf("%d groups, %d others, first %+v", len(all), others, all[0])
	}
}

// A change is made in steps of one partition each, of a bounded size, and up to its limit.
func TestStepsOfAChange(t *testing.T) {
	for name, c := range map[string]struct {
		limit int64
		body  string
		want  []int64 // done after each step
	}{
		"small":   {0, "x", []int64{3, 6}},
		"large":   {0, strings.Repeat("x", 1<<20), []int64{1, 2, 3, 4, 5, 6}},
		"limited": {4, "x", []int64{3, 4}},
	} {
		t.Run(name, func(t *testing.T) {
			q, client := twoPartitions(t)
			for _, key := range []string{"a", "b"} {
				client.Del(t.Context(), streams.KeysOf(key).Dead)
				for i := range 3 {
					args := redis.XAddArgs{Stream: streams.KeysOf(key).Dead, ID: fmt.Sprintf("%d-1", i+1), Values: []any{"event", "rejected", "data", c.body}}
					if err := client.XAdd(t.Context(), &args).Err(); err != nil {
						t.Fatal(err)
					}
				}
			}
			var steps []int64
			change := letters.Change{Queue: q, Action: letters.Purge, Filter: &letters.Filter{}, Limit: c.limit, Progress: func(done int64) { steps = append(steps, done) }}
			done, err := change.Run(t.Context())
			if last := c.want[len(c.want)-1]; err != nil || done.Changed != last || !slices.Equal(steps, c.want) {
				t.Errorf("%+v, %v: steps %v, want %v", done, err, steps, c.want)
			}
			if n, err := q.Count(t.Context()); err != nil || n != 6-done.Changed {
				t.Errorf("%d are left, %v", n, err)
			}
		})
	}
}

// Letters that are older than an age were written before, by the clock of Redis.
func TestOlderLetters(t *testing.T) {
	q, client := twoPartitions(t)
	add(t, client, "a", "*", "rejected")
	f := &letters.Filter{OlderThan: time.Hour}
	if err := f.Fix(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	if p, err := q.Preview(t.Context(), f, 0, nil); err != nil || p.Matched != 6 || p.Newest.Unix() != 6 {
		t.Errorf("%+v, %v", p, err)
	}
}

// A letter that is named twice is one.
func TestNamesAreSelectedOnce(t *testing.T) {
	q, _ := twoPartitions(t)
	var names []string
	for l, err := range q.Selected(t.Context(), &letters.Filter{Names: []string{"1:1000-0", "0:2000-0", "1:1000-00", "1:9-9"}}, nil, false) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, l.Name)
	}
	if want := []string{"0:2000-0", "1:1000-0"}; !slices.Equal(names, want) {
		t.Errorf("%v, want %v", names, want)
	}
}
