package consumer

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"ingestion/streams"
)

// hangSlack is how much longer than necessary a loop may take, on a machine that is
// busy with other things.
const hangSlack = 10 * time.Second

const waitingForBatches = "waiting for a batch to end"

// Pulse tells whether the loops of a consumer turn: the reader, and the heartbeat that
// renews leases. A loop that waits for a server, or for something that proceeds, is not
// taken for one that hangs. The zero value is ready for use, by one consumer. It is safe
// for concurrent use.
type Pulse struct {
	reader, heartbeat loop
	progressed        atomic.Int64 // when a batch last did something, in ns since 1970
	gate              atomic.Pointer[Gate]
}

// Hang is a loop that has not turned for longer than it should.
type Hang struct {
	Loop  string        // reader or heartbeat
	Doing string        // what it does
	Since time.Time     // when it began to
	Limit time.Duration // how long that should take at most
}

// Hangs returns the loops that hang.
func (p *Pulse) Hangs() []Hang {
	var hangs []Hang
	check := func(name string, h Hang) {
		if h.Limit > 0 && time.Since(h.Since) > h.Limit {
			h.Loop = name
			hangs = append(hangs, h)
		}
	}
	reader := p.reader.state()
	if reader.Doing == waitingForBatches {
		reader.Since = latest(reader.Since, time.Unix(0, p.progressed.Load()), p.gate.Load().lastShut())
	}
	check("reader", reader)
	check("heartbeat", p.heartbeat.state())
	return hangs
}

// start returns the observer by which the pulse learns of progress.
func (p *Pulse) start(gate *Gate) Observer {
	p.gate.Store(gate)
	return progress{p}
}

func latest(times ...time.Time) time.Time {
	var last time.Time
	for _, t := range times {
		if t.After(last) {
			last = t
		}
	}
	return last
}

// loop is what a loop does.
type loop struct {
	mu  sync.Mutex
	now Hang
}

// doing says what the loop does now, and how long that takes at most.
func (l *loop) doing(what string, limit time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now = Hang{Doing: what, Since: time.Now(), Limit: limit}
}

// idle says that the loop has ended, or waits for something that may take any time.
func (l *loop) idle() { l.doing("", 0) }

func (l *loop) state() Hang {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now
}

// progress is an Observer that notes when batches proceed. A retry is progress: the
// batch waits for a server.
type progress struct{ *Pulse }

func (p progress) note() { p.progressed.Store(time.Now().UnixNano()) }

func (p progress) Begin(ctx context.Context, _ Stage, _ []streams.Delivery) context.Context {
	p.note()
	return ctx
}

func (p progress) End(context.Context, Stage, Result)      { p.note() }
func (p progress) Retrying(context.Context, string, error) { p.note() }
