package logging

import (
	"context"
	"io"
	"log/slog"
	"strconv"
	"sync"
	"time"
)

// jsonHandler is slog's own JSON handler. It can take many events at once too, for
// a tenth of the price: see Lines. What is derived from it is slog's alone.
type jsonHandler struct {
	slog.Handler
	out *oneAtATime
}

func newJSONHandler(w io.Writer, level slog.Level) *jsonHandler {
	out := &oneAtATime{w: w}
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: rename}
	return &jsonHandler{Handler: slog.NewJSONHandler(out, options), out: out}
}

// oneAtATime lets one Write at a time through to w.
type oneAtATime struct {
	mu sync.Mutex
	w  io.Writer
}

func (o *oneAtATime) Write(lines []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.w.Write(lines)
}

// Lines writes what happened at one moment: fill calls add once an event. The
// lines are the same, byte for byte, as if each event were handled as a record
// of its own, and in that order, but they are written together. The attributes may
// be changed once add has returned; add may not be kept. Levels are not checked.
// The error is the writer's first one; later lines are tried all the same.
func (h *jsonHandler) Lines(at time.Time, fill func(add func(level slog.Level, event string, attrs []slog.Attr))) error {
	b := batches.Get().(*batch)
	b.begin(h, at)
	fill(b.add)
	b.write()
	err := b.err
	b.free()
	return err
}

// batch is the lines of one moment that are not written yet.
type batch struct {
	handler *jsonHandler
	at      time.Time
	start   []byte // of every line, up to its level
	lines   []byte
	err     error
}

var batches = sync.Pool{New: func() any { return &batch{lines: make([]byte, 0, fullBytes+fullBytes/4)} }}

// fullBytes is when lines are written before their batch ends. The worker's
// Buffer has room for four times as much and a line each.
const fullBytes = 15 << 10

func (b *batch) begin(h *jsonHandler, at time.Time) {
	b.handler, b.at, b.start = h, at, append(b.start[:0], '{')
	if !at.IsZero() {
		b.start = append(b.start, `"timestamp":"`...)
		b.start = append(at.UTC().AppendFormat(b.start, TimeLayout), `",`...)
	}
	b.start = append(b.start, `"level":"`...)
}

func (b *batch) free() {
	if cap(b.lines) <= 2*fullBytes { // else one line was huge
		*b = batch{start: b.start, lines: b.lines}
		batches.Put(b)
	}
}

func (b *batch) write() {
	if len(b.lines) == 0 {
		return
	}
	_, err := b.handler.out.Write(b.lines)
	b.failed(err)
	b.lines = b.lines[:0]
}

func (b *batch) failed(err error) {
	if b.err == nil {
		b.err = err
	}
}

func (b *batch) add(level slog.Level, event string, attrs []slog.Attr) {
	before := len(b.lines)
	if !b.encode(level, event, attrs) {
		b.lines = b.lines[:before]
		b.leaveToSlog(level, event, attrs)
	}
	if len(b.lines) >= fullBytes {
		b.write()
	}
}

// leaveToSlog has slog encode an event, and write it after those before it.
func (b *batch) leaveToSlog(level slog.Level, event string, attrs []slog.Attr) {
	b.write()
	r := slog.NewRecord(b.at, level, event, 0)
	r.AddAttrs(attrs...)
	b.failed(b.handler.Handle(context.Background(), r))
}

// encode appends an event's line. False means that it can't, since not all
// attributes are plain: text, a whole number or a bool.
func (b *batch) encode(level slog.Level, event string, attrs []slog.Attr) bool {
	line := append(b.lines, b.start...)
	line = append(line, levelName(level)...)
	line = appendString(append(line, `","event":`...), event)
	plain := true
	for i := 0; i < len(attrs) && plain; i++ {
		line, plain = appendAttr(append(line, ','), &attrs[i])
	}
	b.lines = append(line, "}\n"...)
	return plain
}

func appendAttr(line []byte, a *slog.Attr) (_ []byte, plain bool) {
	key := a.Key
	if key == slog.MessageKey {
		key = eventKey
	}
	line = append(appendString(line, key), ':')
	switch a.Value.Kind() {
	case slog.KindString:
		return appendString(line, a.Value.String()), true
	case slog.KindInt64:
		return strconv.AppendInt(line, a.Value.Int64(), 10), true
	case slog.KindUint64:
		return strconv.AppendUint(line, a.Value.Uint64(), 10), true
	case slog.KindBool:
		return strconv.AppendBool(line, a.Value.Bool()), true
	default:
		return line, false
	}
}
