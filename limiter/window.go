package limiter

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
)

var (
	//go:embed window_read.lua
	windowReadSource string
	windowReadScript = redis.NewScript(windowReadSource)
)

// Window is a customer's places at one moment, all of them or those around a time.
// Times are in ms since 1970. It is not for concurrent use.
type Window struct {
	CustomerID string
	Now        int64  // by the clock of Redis
	Limit      Limit  // that applies: the own limit, or the default
	Own        string // own limit as written; empty if the customer has none
	OwnFault   error  // why Own is not used: ParseLimit rejects it; else nil
	Places     int    // how many the customer has
	First      int    // how many of them are earlier than Around
	Around     []Place
	Of         int64 // latest place of the record that was asked for; 0 if it has none

	delay int64 // ms that a place may lie ahead; -1: never reserved
}

// Place is the admission time of one record.
type Place struct {
	Member string // the record's ID
	At     int64
}

// WindowQuery says what to read of a customer's window.
type WindowQuery struct {
	CustomerID string
	At         int64  // the time around which places are read; 0: now
	Most       int    // how many places are read, 1 or more
	Member     string // the ID of a record whose place is wanted; may be empty
}

// Window reads what is known of a customer's window, in one step, and writes nothing.
// The error is a [*KeyError] if the customer's key has the wrong type. If the limiter is
// off, Window reads all the same, and the limit is Off.
func (l *Limiter) Window(ctx context.Context, q WindowQuery) (*Window, error) {
	if l.client == nil || len(l.cfg.Bases) == 0 {
		return nil, errors.New("limiter: Window needs a client and Config.Bases")
	}
	base := l.cfg.Bases[l.cfg.Home(q.CustomerID)]
	keys := []string{limitsKey(base), windowKey(base, q.CustomerID)}
	raw, err := redisconn.Run(ctx, l.client, windowReadScript, keys, q.CustomerID, q.At, max(q.Most, 1), q.Member).Slice()
	if err != nil {
		return nil, fmt.Errorf("limiter: reading %s: %w", keys[1], err)
	}
	w := &Window{CustomerID: q.CustomerID}
	if err := w.parse(raw); err != nil {
		return nil, fmt.Errorf("limiter: reading %s: %w", keys[1], err)
	}
	if w.Places < 0 {
		return nil, &KeyError{CustomerID: q.CustomerID, Key: keys[1]}
	}
	l.setLimit(w)
	return w, nil
}

func (w *Window) parse(raw []any) error {
	if len(raw) != 6 {
		return fmt.Errorf("script replied %d fields, want six", len(raw))
	}
	now, ok1 := raw[0].(int64)
	own, ok2 := raw[1].(string)
	places, ok3 := raw[2].(int64)
	first, ok4 := raw[3].(int64)
	place, ok5 := raw[4].(string)
	rows, err := pairs(raw[5])
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || err != nil {
		return fmt.Errorf("script replied %T, %T, %T, %T, %T and %T", raw[0], raw[1], raw[2], raw[3], raw[4], raw[5])
	}
	w.Now, w.Own, w.Places, w.First, w.Of = now, own, int(places), int(first), score(place)
	for i := 0; i < len(rows); i += 2 {
		member, at := fmt.Sprint(rows[i]), fmt.Sprint(rows[i+1])
		member, _, _ = strings.Cut(member, "@")
		w.Around = append(w.Around, Place{Member: member, At: score(at)})
	}
	return nil
}

func score(text string) int64 {
	at, _ := strconv.ParseFloat(text, 64)
	return int64(at)
}

// setLimit sets the limit that applies, as the script decides it.
func (l *Limiter) setLimit(w *Window) {
	w.Limit, w.delay = l.primary, -1
	if l.cfg.Limit == 0 {
		w.Limit = Limit{Mode: Off}
		return
	}
	if w.Own != "" {
		if own, err := ParseLimit(w.Own); err == nil {
			w.Limit = own
		} else {
			w.OwnFault = err
		}
	}
	if l.cfg.Reserve && w.Limit.Mode == Windowed {
		w.delay = min(l.cfg.MaxDelay.Milliseconds(), MaxWindowsAhead*w.Limit.Window.Milliseconds())
	}
}

// Count returns the number of places in the half-open time [from, to), and whether it is
// exact: it is a lower bound if places of that time were not read.
func (w *Window) Count(from, to int64) (n int, exact bool) {
	lo, hi := w.rank(from), w.rank(to)
	begun := w.First == 0 || lo > 0
	ended := w.First+len(w.Around) == w.Places || hi < len(w.Around)
	return hi - lo, begun && ended
}

// rank is the number of the places read that lie before a time.
func (w *Window) rank(at int64) int {
	return sort.Search(len(w.Around), func(i int) bool { return w.Around[i].At >= at })
}

// Verdict is what the limiter would answer to a new record that arrived at a time, if
// nothing changed since the window was read. It reports false if the answer depends on
// places that were not read.
func (w *Window) Verdict(at int64) (Verdict, bool) {
	switch w.Limit.Mode {
	case Off:
		return Verdict{Decision: Admitted, Place: at, Limit: w.Limit}, true
	case Block:
		return Verdict{Decision: Refused, Limit: w.Limit}, true
	}
	place := w.earliest(at)
	if from := at - w.Limit.Window.Milliseconds() + 1; w.First > 0 && w.rank(from) == 0 {
		return Verdict{}, false
	}
	if read := w.First + len(w.Around); read < w.Places && w.rank(place+w.Limit.Window.Milliseconds()) == len(w.Around) {
		return Verdict{}, false
	}
	switch {
	case place-at > max(w.delay, 0):
		return Verdict{Decision: Refused, RetryAt: place, Limit: w.Limit}, true
	case place > at:
		return Verdict{Decision: Reserved, Place: place, Limit: w.Limit}, true
	default:
		return Verdict{Decision: Admitted, Place: place, Limit: w.Limit}, true
	}
}

// earliest is the first time from t on with room: in the words of search.lua, t or a
// window after the first place of a block. First places of later blocks only move it on.
func (w *Window) earliest(t int64) int64 {
	window, limit := w.Limit.Window.Milliseconds(), w.Limit.Records
	for i := 0; i+limit <= len(w.Around); i++ {
		first, last := w.Around[i].At, w.Around[i+limit-1].At
		if last-first < window && t-first < window && last-t < window {
			t = first + window
		}
	}
	return t
}

// Default returns the limit of a customer without one of its own. It is Off if the
// limiter is off.
func (l *Limiter) Default() Limit {
	if l.cfg.Limit == 0 {
		return Limit{Mode: Off}
	}
	return l.primary
}

// Reserves reports whether a record over its limit gets a place ahead, and how far ahead that
// may be.
func (l *Limiter) Reserves() (reserves bool, most time.Duration) {
	return l.cfg.Reserve, l.cfg.MaxDelay
}
