package streams_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ingestion/internal/test/env"
	"ingestion/streams"
)

func TestLayout(t *testing.T) {
	client := env.Redis(t).Client(t)
	ctx := t.Context()
	want := func(want streams.Layout) func(streams.Layout, error) {
		return func(got streams.Layout, err error) {
			t.Helper()
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%v, (-want +got):\n%s", err, diff)
			}
			read, err := streams.ReadLayout(ctx, client, "s")
			if diff := cmp.Diff(want, read); err != nil || diff != "" {
				t.Errorf("read: %v, (-want +got):\n%s", err, diff)
			}
		}
	}
	want(streams.Layout{})(streams.ReadLayout(ctx, client, "s"))
	want(streams.Layout{Partitions: 2})(streams.RecordLayout(ctx, client, "s", 2))
	want(streams.Layout{Partitions: 2})(streams.RecordLayout(ctx, client, "s", 7))
	want(streams.Layout{Partitions: 2})(streams.EndLayout(ctx, client, "s", 4)) // none has begun
	for range 2 {
		want(streams.Layout{Partitions: 2, Next: 4})(streams.BeginLayout(ctx, client, "s", 9, 4))
	}
	want(streams.Layout{Partitions: 2, Next: 4})(streams.EndLayout(ctx, client, "s", 3)) // another one has
	for range 2 {
		want(streams.Layout{Partitions: 4, Former: []int{2}})(streams.EndLayout(ctx, client, "s", 4))
	}
	want(streams.Layout{Partitions: 4, Next: 1, Former: []int{2}})(streams.BeginLayout(ctx, client, "s", 4, 1))
	want(streams.Layout{Partitions: 4, Next: 3, Former: []int{2, 1}})(streams.BeginLayout(ctx, client, "s", 4, 3)) // instead
	want(streams.Layout{Partitions: 3, Former: []int{2, 4, 1}})(streams.EndLayout(ctx, client, "s", 3))
	want(streams.Layout{Partitions: 3, Next: 2, Former: []int{2, 4, 1}})(streams.BeginLayout(ctx, client, "s", 3, 2))
	want(streams.Layout{Partitions: 2, Former: []int{4, 1, 3}})(streams.EndLayout(ctx, client, "s", 2))

	must(t, client.Del(ctx, streams.LayoutKey("s")).Err())
	want(streams.Layout{Partitions: 1, Next: 2})(streams.BeginLayout(ctx, client, "s", 1, 2))
}

func TestALayoutOfOthers(t *testing.T) {
	client := env.Redis(t).Client(t)
	for _, fields := range [][]any{{"partitions", "two"}, {"partitions", 2, "next", 0}, {"partitions", 2, "former", "1 x"}} {
		must(t, client.Del(t.Context(), streams.LayoutKey("s")).Err())
		must(t, client.HSet(t.Context(), streams.LayoutKey("s"), fields...).Err())
		if _, err := streams.ReadLayout(t.Context(), client, "s"); !errors.Is(err, streams.ErrLayout) {
			t.Errorf("%v: %v", fields, err)
		}
	}
}
