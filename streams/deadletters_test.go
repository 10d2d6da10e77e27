package streams_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// bury writes dead letters of records with these bodies.
func (b *rig) bury(q *streams.Stream, bodies ...string) {
	b.t.Helper()
	for _, body := range bodies {
		push(b.t, b.client, body)
	}
	settleAll(b.t, q, record.Invalid, streamstest.Receive(b.t, q, len(bodies)))
}

func letters(t *testing.T, g *streams.DeadLetters, newestFirst bool) (found []streams.DeadLetter) {
	t.Helper()
	for letter, err := range g.Letters(t.Context(), newestFirst) {
		must(t, err)
		found = append(found, letter)
	}
	return found
}

func idsOf(letters []streams.DeadLetter) (ids []string) {
	for _, l := range letters {
		ids = append(ids, l.ID)
	}
	return ids
}

func TestDeadLettersAreListed(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	g := streams.NewDeadLetters(b.client, "s")
	if got := letters(t, g, false); len(got) != 0 {
		t.Fatalf("letters before any was written: %v", got)
	}
	var bodies []string
	for i := range 1200 {
		bodies = append(bodies, fmt.Sprintf("body %d %s", i, strings.Repeat("x", i)))
	}
	b.bury(q, bodies...)
	for _, newestFirst := range []bool{false, true} {
		var got []string
		for i, l := range letters(t, g, newestFirst) {
			got = append(got, l.Data)
			if l.Event != "validation_failed" || l.Reason != "because" || l.Worker != "c" || l.Deliveries != 1 || l.StreamID == "" || l.FailedAt == "" {
				t.Fatalf("letter %d is %+v", i, l)
			}
		}
		if newestFirst {
			slices.Reverse(got)
		}
		if !slices.Equal(got, bodies) {
			t.Errorf("newest first %v: %d letters, not the %d written, in their order", newestFirst, len(got), len(bodies))
		}
	}
}

func TestReplayedLettersKeepTheirFirstID(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	g := streams.NewDeadLetters(b.client, "s")
	b.bury(q, "one", "two", "three")
	first := letters(t, g, false)
	n, err := g.Replay(t.Context(), idsOf(first[:2]))
	must(t, err)
	if n != 2 {
		t.Errorf("%d replayed", n)
	}
	if a := b.wantBalanced(); a.DeadReplayed != 2 || a.DeadKept != 1 || a.Undelivered != 2 {
		t.Errorf("%+v", a)
	}
	again := streamstest.Receive(t, q, 2)
	for i, d := range again {
		if d.Origin != first[i].StreamID || string(d.Body) != first[i].Data {
			t.Errorf("came back as %+v, was %+v", d, first[i])
		}
	}
	// The origin stays if the record is refused and replayed again.
	settleAll(t, q, record.Invalid, again)
	_, err = g.Replay(t.Context(), idsOf(letters(t, g, false)[1:2]))
	must(t, err)
	if d := streamstest.Receive(t, q, 1)[0]; d.Origin != first[0].StreamID {
		t.Errorf("origin %q the second time, want %q", d.Origin, first[0].StreamID)
	}
	b.wantBalanced()
}

func TestRepeatedReplayAndPurgeChangeNothing(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	g := streams.NewDeadLetters(b.client, "s")
	b.bury(q, "one", "two", "three", "four")
	ids := idsOf(letters(t, g, false))
	lost := newClient(t, b.server)
	lost.AddHook(loseReplies{})
	mute := streams.NewDeadLetters(lost, "s")
	for range 2 {
		if _, err := mute.Replay(t.Context(), ids[:2]); !errors.Is(err, errLost) {
			t.Fatalf("the reply was not lost: %v", err)
		}
		if _, err := mute.Purge(t.Context(), ids[2:3]); !errors.Is(err, errLost) {
			t.Fatalf("the reply was not lost: %v", err)
		}
	}
	n, err := g.Replay(t.Context(), ids[:3])
	must(t, err)
	purged, err := g.Purge(t.Context(), ids)
	must(t, err)
	if a := b.wantBalanced(); n != 0 || purged != 1 || a.DeadReplayed != 2 || a.DeadPurged != 2 || a.DeadKept != 0 || a.Undelivered != 2 {
		t.Errorf("%d replayed, %d purged in the end: %+v", n, purged, a)
	}
}

var errLost = errors.New("the reply was lost")

// loseReplies is a hook that runs scripts and loses their replies.
type loseReplies struct{}

func (loseReplies) DialHook(next redis.DialHook) redis.DialHook { return next }
func (loseReplies) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (loseReplies) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if strings.HasPrefix(cmd.Name(), "eval") && err == nil {
			cmd.SetErr(errLost)
			return errLost
		}
		return err
	}
}

func TestAReplayAtMaxmemoryLosesNothing(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	g := streams.NewDeadLetters(b.client, "s")
	b.bury(q, "one", "two")
	ids := idsOf(letters(t, g, false))
	must(t, b.client.ConfigSet(t.Context(), "maxmemory", "1").Err())
	n, err := g.Replay(t.Context(), ids)
	if n != 0 || err == nil || !strings.Contains(err.Error(), "OOM") {
		t.Errorf("at maxmemory: %d, %v", n, err)
	}
	if a := b.wantBalanced(); a.DeadKept != 2 {
		t.Errorf("%+v", a)
	}
	must(t, b.client.ConfigSet(t.Context(), "maxmemory", "0").Err())
	n, err = g.Replay(t.Context(), ids)
	must(t, err)
	if a := b.wantBalanced(); n != 2 || a.DeadReplayed != 2 {
		t.Errorf("with free memory again: %d, %+v", n, a)
	}
}

func TestWithoutALedgerNothingIsCounted(t *testing.T) {
	b := newRig(t)
	g := streams.NewDeadLetters(b.client, "s")
	for _, body := range []string{"one", "two", "three"} {
		must(t, b.client.XAdd(t.Context(), &redis.XAddArgs{Stream: "{s}:dead", Values: []any{"data", body, "streamId", "1-1"}}).Err())
	}
	ids := idsOf(letters(t, g, false))
	_, err := g.Replay(t.Context(), ids[:1])
	must(t, err)
	_, err = g.Purge(t.Context(), ids[1:2])
	must(t, err)
	must(t, b.open("c", nil).Open(t.Context()))
	if a := b.wantBalanced(); a.DeadWritten != 1 || a.Undelivered != 1 {
		t.Errorf("%+v", a)
	}
}

func TestDeadLettersOfAListReturnToTheList(t *testing.T) {
	b := newRig(t)
	must(t, b.client.XAdd(t.Context(), &redis.XAddArgs{Stream: "{q}:dead", Values: []any{"data", "body", "streamId", ""}}).Err())
	g := streams.NewListDeadLetters(b.client, "q")
	n, err := g.Replay(t.Context(), idsOf(letters(t, g, false)))
	must(t, err)
	if got := b.client.LRange(t.Context(), "q", 0, -1).Val(); n != 1 || !slices.Equal(got, []string{"body"}) {
		t.Errorf("%d replayed, the list is %q", n, got)
	}
	if b.client.Exists(t.Context(), "{q}:ledger").Val() != 0 {
		t.Error("the list has a ledger")
	}
}
