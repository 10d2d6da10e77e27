package app

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"ingestion/consumer"
)

func TestARedisWithoutRoomShutsTheGateAndIsSpokenOfOnceAMinute(t *testing.T) {
	var out bytes.Buffer
	gate := consumer.NewGate()
	w := newRoomWatch("s", slog.New(slog.NewJSONHandler(&out, nil)), gate)
	for range 3 {
		w.tell("OOM")
		if !strings.Contains(gate.Reason(), "maxmemory") {
			t.Fatalf("the gate is open, or shut because of %q", gate.Reason())
		}
		w.tell("")
		if gate.Reason() != "" {
			t.Fatalf("the gate is still shut: %s", gate.Reason())
		}
	}
	if n := strings.Count(out.String(), "retrying"); n != 2 {
		t.Errorf("%d lines, want that there is no room, and that there is some again:\n%s", n, out.String())
	}
}
