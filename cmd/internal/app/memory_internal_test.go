package app

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"ingestion/consumer"
)

func TestMemoryPressureShutsTheGateAndIsLoggedOnceAMinute(t *testing.T) {
	var out bytes.Buffer
	gate := consumer.NewGate()
	w := &memoryPressure{stream: "s", log: slog.New(slog.NewJSONHandler(&out, nil)), gate: gate}
	for range 3 {
		w.changed("OOM")
		if !strings.Contains(gate.Reason(), "maxmemory") {
			t.Fatalf("the gate is open, or shut for the reason %q", gate.Reason())
		}
		w.changed("")
		if gate.Reason() != "" {
			t.Fatalf("the gate is still shut: %s", gate.Reason())
		}
	}
	if n := strings.Count(out.String(), "retrying"); n != 2 {
		t.Errorf("%d lines, want one when memory is full and one when it is free again:\n%s", n, out.String())
	}
}
