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

// writeDeadLetters writes dead letters of records with these bodies.
func (b *rig) writeDeadLetters(q *streams.Stream, bodies ...string) {
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
	b.writeDeadLetters(q, bodies...)
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
	b.writeDeadLetters(q, "one", "two", "three")
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
	b.writeDeadLetters(q, "one", "two", "three", "four")
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

func TestAnEditedLetterKeepsItsOrigin(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	g := streams.NewDeadLetters(b.client, "s")
	for _, fields := range [][]any{
		{"data", "one", "source", "a.csv:1", "traceparent", "00-1-2-01", "tracestate", "x=1", "other", "field"},
		{"data", "two", "data", "bodies", "source", "a.csv:2"},
	} {
		must(t, b.client.XAdd(t.Context(), &redis.XAddArgs{Stream: "s", Values: fields}).Err())
	}
	settleAll(t, q, record.Invalid, streamstest.Receive(t, q, 2))
	first := letters(t, g, false)
	if first[0].TraceParent != "00-1-2-01" || first[0].TraceState != "x=1" {
		t.Errorf("%+v", first[0])
	}
	for i, l := range first {
		found, err := g.Edit(t.Context(), l.ID, []byte("mended\x00\xff"))
		must(t, err)
		a := b.wantBalanced()
		if !found || a.DeadReplayed != int64(i+1) || a.DeadKept != int64(1-i) || a.Undelivered != int64(i+1) {
			t.Errorf("letter %d: %v, %+v", i, found, a)
		}
	}
	for i, d := range streamstest.Receive(t, q, 2) {
		if string(d.Body) != "mended\x00\xff" || d.Fields != nil || d.Origin != first[i].StreamID || d.Source != first[i].Source || d.TraceParent != first[i].TraceParent || d.TraceState != first[i].TraceState {
			t.Errorf("came back as %+v, was %+v", d, first[i])
		}
	}
}

// The reply may be lost, and the edit be repeated.
func TestARepeatedEditChangesNothing(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	g := streams.NewDeadLetters(b.client, "s")
	b.writeDeadLetters(q, "one", "two")
	id := idsOf(letters(t, g, false))[0]
	lost := newClient(t, b.server)
	lost.AddHook(loseReplies{})
	for range 2 {
		if _, err := streams.NewDeadLetters(lost, "s").Edit(t.Context(), id, []byte("mended")); !errors.Is(err, errLost) {
			t.Fatalf("the reply was not lost: %v", err)
		}
	}
	found, err := g.Edit(t.Context(), id, []byte("mended"))
	must(t, err)
	if a := b.wantBalanced(); found || a.DeadReplayed != 1 || a.DeadKept != 1 || a.Undelivered != 1 {
		t.Errorf("found again: %v, %+v", found, a)
	}
	if _, there, err := g.Letter(t.Context(), id); there || err != nil {
		t.Errorf("the letter is still there: %v, %v", there, err)
	}
}

func TestLettersThroughAnID(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	g := streams.NewDeadLetters(b.client, "s")
	if newest, err := g.Newest(t.Context()); newest != "" || err != nil {
		t.Errorf("the newest of none is %q, %v", newest, err)
	}
	b.writeDeadLetters(q, "one", "two", "three")
	ids := idsOf(letters(t, g, false))
	for n, last := range append([]string{""}, ids...) {
		var got []string
		for l, err := range g.LettersThrough(t.Context(), last, false) {
			must(t, err)
			got = append(got, l.ID)
		}
		if !slices.Equal(got, ids[:n]) {
			t.Errorf("through %q: %v, want %v", last, got, ids[:n])
		}
	}
	if newest, err := g.Newest(t.Context()); newest != ids[2] || err != nil {
		t.Errorf("the newest is %q, %v", newest, err)
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
	b.writeDeadLetters(q, "one", "two")
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
