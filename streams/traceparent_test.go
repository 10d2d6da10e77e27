package streams_test

import (
	"context"
	"testing"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"pgregory.net/rapid"

	"ingestion/streams"
)

const sampledTrace = "0af7651916cd43dd8448eb211c80319c"

func TestTraceIDIsThatOfSampledRecords(t *testing.T) {
	for parent, want := range map[string]string{
		"00-" + sampledTrace + "-b7ad6b7169203331-01":              sampledTrace,
		"00-" + sampledTrace + "-b7ad6b7169203331-03":              sampledTrace,
		"cc-" + sampledTrace + "-b7ad6b7169203331-01-extra":        sampledTrace,
		"00-" + sampledTrace + "-b7ad6b7169203331-00":              "",
		"00-" + sampledTrace + "-b7ad6b7169203331-01-extra":        "",
		"ff-" + sampledTrace + "-b7ad6b7169203331-01":              "",
		"00-00000000000000000000000000000000-b7ad6b7169203331-01":  "",
		"00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01":  "",
		"00-x\nf7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01": "",
		"": "", "00-1-2-01": "",
	} {
		if got := (&streams.Delivery{TraceParent: parent}).TraceID(); got != want {
			t.Errorf("%q: %q, want %q", parent, got, want)
		}
	}
}

// OpenTelemetry's reader of traceparent is the reference.
func TestTraceIDAgreesWithOpenTelemetry(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parent := rapid.StringMatching(`(00|01|ff|0g)-[0-9a-f]{31}[0-9a-fG]-(0{16}|[0-9a-f]{16})-0[0-3](-x)?`).Draw(t, "traceparent")
		carrier := propagation.MapCarrier{"traceparent": parent}
		c := trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), carrier))
		want := ""
		if c.IsSampled() {
			want = c.TraceID().String()
		}
		if got := (&streams.Delivery{TraceParent: parent}).TraceID(); got != want {
			t.Errorf("%q: %q, want %q", parent, got, want)
		}
	})
}

func TestTraceIDAllocatesNothing(t *testing.T) {
	d := &streams.Delivery{TraceParent: "00-" + sampledTrace + "-b7ad6b7169203331-01"}
	if n := testing.AllocsPerRun(100, func() { _ = d.TraceID() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
