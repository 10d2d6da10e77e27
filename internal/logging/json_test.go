package logging_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ingestion/internal/logging"
)

// newReference returns slog's JSON handler with our keys, which defines how a line
// looks, apart from the characters that are escaped in addition.
func newReference(w io.Writer) slog.Handler {
	return slog.NewJSONHandler(w, &slog.HandlerOptions{
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) > 0 {
				return a
			}
			switch v := a.Value.Any().(type) {
			case time.Time:
				if a.Key == slog.TimeKey {
					return slog.String("timestamp", v.UTC().Format("2006-01-02T15:04:05.000Z07:00"))
				}
			case slog.Level:
				if a.Key == slog.LevelKey && v > slog.LevelError {
					return slog.String("level", "critical")
				}
				if a.Key == slog.LevelKey {
					return slog.String("level", strings.ToLower(v.String()))
				}
			}
			if a.Key == slog.MessageKey {
				a.Key = "event"
			}
			return a
		},
	})
}

// texts generates strings with everything that JSON or slog escapes, and with bytes
// that are not UTF-8.
func texts() *rapid.Generator[string] {
	special := rapid.SampledFrom([]string{
		"\x00", "\x1f", " ", "\x7f", "\x80", "\xc3", "\xe2\x80", "\xed\xa0\x80", "\xff", "\n", "\r", "\t", "\b", `"`, `\`, "/",
		"<", ">", "&", "'", "\u009b", "\u061c", "\u202e", "\u2069", "\u206a", "\u00a0", "\u2027", "\u2028", "\u2029", "\ufffd", "é", "世", "😀", "plain", "eight by", "0123456789abcdef",
	})
	return rapid.OneOf(
		rapid.String(),
		rapid.Map(rapid.SliceOf(special), func(parts []string) string { return strings.Join(parts, "") }),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
		rapid.SampledFrom([]string{"", "msg", "time", "level", "source"}),
	)
}

// plainAttrs generates attributes that encode supports.
func plainAttrs() *rapid.Generator[slog.Attr] {
	return rapid.Custom(func(t *rapid.T) slog.Attr {
		key := texts().Draw(t, "key")
		return rapid.OneOf(
			rapid.Map(texts(), func(v string) slog.Attr { return slog.String(key, v) }),
			rapid.Map(rapid.Int64(), func(v int64) slog.Attr { return slog.Int64(key, v) }),
			rapid.Map(rapid.Uint64(), func(v uint64) slog.Attr { return slog.Uint64(key, v) }),
			rapid.Map(rapid.Bool(), func(v bool) slog.Attr { return slog.Bool(key, v) }),
		).Draw(t, "attribute")
	})
}

// valuer is a slog.LogValuer.
type valuer struct{ slog.Value }

func (v valuer) LogValue() slog.Value { return v.Value }

// otherAttrs generates attributes that encode leaves to slog.
func otherAttrs() *rapid.Generator[slog.Attr] {
	return rapid.Custom(func(t *rapid.T) slog.Attr {
		key, inner := texts().Draw(t, "key"), plainAttrs().Draw(t, "inner")
		return rapid.SampledFrom([]slog.Attr{
			{},
			slog.Float64(key, 1.5),
			slog.Duration(key, time.Second),
			slog.Time(key, time.Unix(1, 2)),
			slog.Any(key, nil),
			slog.Any(key, errors.New(inner.Key)),
			slog.Any(key, []string{inner.Key}),
			slog.Any(key, slog.LevelWarn),
			slog.Any(key, valuer{inner.Value}),
			slog.Any(key, valuer{slog.GroupValue(inner)}),
			slog.Group(key, inner),
			slog.Group(key),
		}).Draw(t, "attribute")
	})
}

func moments() *rapid.Generator[time.Time] {
	const year, day = 366 * 86400, 86400
	return rapid.Custom(func(t *rapid.T) time.Time {
		seconds := rapid.OneOf(rapid.Int64Range(-1, 1), rapid.Int64Range(0, 100*year), rapid.Int64Range(-3000*year, 9000*year))
		moment := time.Unix(seconds.Draw(t, "s"), rapid.Int64Range(0, 1e9-1).Draw(t, "ns"))
		zone := rapid.IntRange(-day/2, day/2).Draw(t, "zone")
		return rapid.SampledFrom([]time.Time{moment, moment.UTC(), moment.In(time.FixedZone("", zone)), time.UnixMilli(0), time.Now(), {}}).Draw(t, "time")
	})
}

type addLine = func(level slog.Level, event string, attrs []slog.Attr)

// writeLines calls the handler's method Lines as the worker does.
func writeLines(h slog.Handler, at time.Time, fill func(addLine)) error {
	return h.(interface {
		Lines(time.Time, func(add func(slog.Level, string, []slog.Attr))) error
	}).Lines(at, fill)
}

// event is the content of a line, except its time.
type event struct {
	level slog.Level
	name  string
	attrs []slog.Attr
}

func events(attrs *rapid.Generator[slog.Attr]) *rapid.Generator[event] {
	levels := rapid.OneOf(
		rapid.SampledFrom([]slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError, slog.LevelError + 4}),
		rapid.Map(rapid.IntRange(-12, 20), func(n int) slog.Level { return slog.Level(n) }))
	return rapid.Custom(func(t *rapid.T) event {
		return event{levels.Draw(t, "level"), texts().Draw(t, "event"), rapid.SliceOfN(attrs, 0, 8).Draw(t, "attributes")}
	})
}

// additional escapes what slog does not: the C1 control characters, and all that
// Unicode lists as Bidi_Control.
var additional = func() *strings.Replacer {
	var pairs []string
	for _, span := range [][2]rune{{0x80, 0x9f}, {0x61c, 0x61c}, {0x200e, 0x200f}, {0x202a, 0x202e}, {0x2066, 0x2069}} {
		for r := span[0]; r <= span[1]; r++ {
			pairs = append(pairs, string(r), fmt.Sprintf(`\u%04x`, r))
		}
	}
	return strings.NewReplacer(pairs...)
}()

// checkLines compares Lines with slog handling the same events one by one.
func checkLines(t *testing.T, attrs *rapid.Generator[slog.Attr]) {
	var got, want bytes.Buffer
	ours, reference := logging.New(&got, "json", slog.LevelInfo, false).Handler(), newReference(&want)
	rapid.Check(t, func(t *rapid.T) {
		got.Reset()
		want.Reset()
		at, list := moments().Draw(t, "time"), rapid.SliceOfN(events(attrs), 0, 5).Draw(t, "events")
		for _, e := range list {
			r := slog.NewRecord(at, e.level, e.name, 0)
			r.AddAttrs(e.attrs...)
			_ = reference.Handle(t.Context(), r)
		}
		err := writeLines(ours, at, func(add addLine) {
			for _, e := range list {
				add(e.level, e.name, e.attrs)
			}
		})
		if wanted := additional.Replace(want.String()); err != nil || got.String() != wanted {
			t.Fatalf("%v\nours  %q\nslog's %q", err, got.String(), wanted)
		}
	})
}

func TestPlainLinesEqualThoseOfSlog(t *testing.T) { checkLines(t, plainAttrs()) }

func TestLinesEqualThoseOfSlog(t *testing.T) {
	checkLines(t, rapid.OneOf(plainAttrs(), otherAttrs()))
}

var attrs = []slog.Attr{
	slog.String("status", "success"), slog.String("customerId", "customer-4711"),
	slog.String("_id", strings.Repeat("0a1b2c3d", 8)), slog.String("streamId", "1718000000000-123"),
}

// ingested adds the event of an ingested record.
func ingested(add addLine) { add(slog.LevelInfo, "ingested", attrs) }

func TestLinesWritesManyWholeLines(t *testing.T) {
	const lines, size = 1000, 16 << 10
	out := &chunks{}
	log := logging.New(out, "json", slog.LevelInfo, false).Handler()
	err := writeLines(log, time.Now(), func(add addLine) {
		for range lines {
			ingested(add)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	writes := out.all()
	if n := strings.Count(strings.Join(writes, ""), "\n"); n != lines || len(writes) > lines/50 {
		t.Errorf("%d lines in %d writes", n, len(writes))
	}
	for _, w := range writes {
		if !strings.HasSuffix(w, "\n") || len(w) > size {
			t.Errorf("a write of %d bytes ends with %q", len(w), w[len(w)-5:])
		}
	}
}

func TestLinesWritesALongLineWhole(t *testing.T) {
	out := &chunks{}
	log := logging.New(out, "json", slog.LevelInfo, false).Handler()
	err := writeLines(log, time.Now(), func(add addLine) {
		add(slog.LevelError, strings.Repeat("long", 100_000), nil)
		ingested(add)
	})
	writes := out.all()
	if err != nil || len(writes) != 2 || !strings.HasSuffix(writes[0], "longlong\"}\n") {
		t.Errorf("%v, %d writes", err, len(writes))
	}
}

func TestLinesReturnsTheWritersError(t *testing.T) {
	full := errors.New("disk full")
	out := &chunks{err: full}
	log := logging.New(out, "json", slog.LevelInfo, false).Handler()
	err := writeLines(log, time.Now(), func(add addLine) {
		ingested(add)
		add(slog.LevelInfo, "slow", []slog.Attr{slog.Duration("for", 1)})
		out.err = nil
		ingested(add)
	})
	if !errors.Is(err, full) || len(out.all()) != 3 {
		t.Errorf("%v after %d writes, want the first error and three writes", err, len(out.all()))
	}
	if err := writeLines(log, time.Now(), ingested); err != nil {
		t.Errorf("the next lines: %v", err)
	}
}

func TestConcurrentLines(t *testing.T) {
	const each = 200
	var out bytes.Buffer
	log := logging.New(&out, "json", slog.LevelInfo, false)
	var writers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for range each {
				log.Info("ingested")
				if err := writeLines(log.Handler(), time.Now(), ingested); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	n := 0
	for line := range strings.Lines(out.String()) {
		n++
		if !json.Valid([]byte(line)) {
			t.Errorf("broken line %q", line)
		}
	}
	if n != 4*2*each {
		t.Errorf("%d lines, want %d", n, 4*2*each)
	}
}

func TestLinesDoesNotAllocatePerLine(t *testing.T) {
	log := logging.New(io.Discard, "json", slog.LevelInfo, false).Handler()
	const lines = 1000
	all := testing.AllocsPerRun(10, func() {
		_ = writeLines(log, time.Now(), func(add addLine) {
			for range lines {
				ingested(add)
			}
		})
	})
	if all > lines/50 {
		t.Errorf("%v allocations for %d lines", all, lines)
	}
}
