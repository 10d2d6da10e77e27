package letters_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/letters"
	"ingestion/streams"
)

// late is a context whose deadline is over, and whose timer was not served yet.
type late struct{ context.Context }

func (late) Deadline() (time.Time, bool) { return time.Now().Add(-time.Millisecond), true }

// The connection fails at the deadline of a context, which may end some time later.
func TestAChangeStopsAtItsDeadline(t *testing.T) {
	q, plain := twoPartitions(t)
	options := *plain.Options()
	options.ContextTimeoutEnabled = true // as the programs have it
	client := redis.NewClient(&options)
	t.Cleanup(func() { _ = client.Close() })
	q = letters.Of(streams.NewDeadLetters(client, "a"), streams.NewDeadLetters(client, "b"))
	change := letters.Change{Queue: q, Action: letters.Purge, Filter: &letters.Filter{}}
	if done, err := change.Run(late{t.Context()}); !errors.Is(err, letters.ErrStopped) || done.Changed != 0 {
		t.Errorf("%+v, %v", done, err)
	}
	if n, err := q.Count(t.Context()); err != nil || n == 0 {
		t.Errorf("%d left, %v", n, err)
	}
}

// An exact reason is this one and no other: not one that contains it, and none is no condition.
func TestAnExactReason(t *testing.T) {
	q, client := twoPartitions(t)
	for i, reason := range []string{"Because", "because of it", ""} {
		fields := map[string]string{"event": "rejected", "reason": reason, "data": "{}"}
		if err := client.XAdd(t.Context(), &redis.XAddArgs{Stream: streams.KeysOf("a").Dead, ID: fmt.Sprintf("900%d-0", i), Values: fields}).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for reason, want := range map[string]string{"Because": "0:9000-0", "because of it": "0:9001-0", "": "0:9002-0"} {
		f := &letters.Filter{Reason: reason, Exact: true}
		var names []string
		for l, err := range q.Selected(t.Context(), f, nil, false) {
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, l.Name)
		}
		if len(names) != 1 || names[0] != want || !f.Narrow() {
			t.Errorf("exactly %q: %v", reason, names)
		}
		token := q.Token("purge", f, letters.Through{"9002-0", ""})
		if _, err := q.ParseToken(token, "purge", &letters.Filter{Reason: reason}); !errors.Is(err, letters.ErrOtherFilter) {
			t.Errorf("a token of exactly %q is one of all that contain it: %v", reason, err)
		}
	}
}
