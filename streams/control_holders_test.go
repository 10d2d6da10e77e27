package streams_test

import (
	"slices"
	"testing"
	"time"

	"ingestion/streams"
	"ingestion/streams/streamstest"
)

func TestHoldersOfEntries(t *testing.T) {
	b := newRig(t)
	read := func(lease time.Duration) streams.Holders {
		t.Helper()
		h, err := streams.ReadHolders(t.Context(), b.client, "s", "g", lease)
		must(t, err)
		return h
	}
	if h := read(time.Hour); len(h.Live) > 0 || h.Delivered != "" {
		t.Errorf("without a stream: %+v", h)
	}
	ids := b.pushMany(3)
	if h := read(time.Hour); h.Delivered != "" {
		t.Errorf("without a group: %+v", h)
	}
	streamstest.Receive(t, b.open("a", nil), 2)
	streamstest.Receive(t, b.open("b", nil), 1)
	if h := read(time.Hour); !slices.Equal(h.Live, []string{"a", "b"}) || h.LivePending != 3 || h.Silent != 0 || h.Delivered != ids[2] {
		t.Errorf("live: %+v", h)
	}
	if h := read(0); len(h.Live) > 0 || h.LivePending != 0 || h.Silent != 3 {
		t.Errorf("silent: %+v", h)
	}
}
