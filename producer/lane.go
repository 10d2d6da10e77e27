package producer

import (
	"context"
	"slices"

	"github.com/redis/go-redis/v9"
)

// lane sends batches in order and has some of them in flight. One goroutine uses it:
// it begins batches, at most width before it ends the oldest.
type lane interface {
	width() int
	// begin sends a batch, if that is possible before the replies to earlier ones.
	begin(ctx context.Context, messages []Message)
	// end waits until the oldest batch is queued, as Sink.Send does. After an error the
	// lane must not begin another batch.
	end(ctx context.Context) ([]Receipt, error)
	close()
}

// newLane returns a lane to the sink.
func newLane(sink Sink, width int) lane {
	if p, ok := sink.(*Publisher); ok && width > 1 && p.opts.Replicas == 0 {
		if client, ok := p.client.(*redis.Client); ok {
			return &fastLane{publisher: p, client: client, batches: width}
		}
	}
	return &slowLane{sink: sink}
}

// slowLane has one batch in flight.
type slowLane struct {
	sink     Sink
	messages []Message
}

func (l *slowLane) width() int { return 1 }

func (l *slowLane) begin(_ context.Context, messages []Message) { l.messages = messages }

func (l *slowLane) end(ctx context.Context) ([]Receipt, error) { return l.sink.Send(ctx, l.messages) }

func (l *slowLane) close() {}

// fastLane has several batches in flight on one connection to one server. It handles
// only what goes well. If Redis refuses a record or the connection fails, whatever
// is not confirmed is sent again by the Publisher, which knows what to do about each
// error, and nothing is written on the connection until that has succeeded.
type fastLane struct {
	publisher *Publisher
	client    *redis.Client
	batches   int
	wire      *wire // nil if there is no connection
	flights   []*flight
	failure   error // the one at which end gave up
}

// flight is a batch that has begun.
type flight struct {
	messages []Message
	receipts []Receipt
	written  bool // the replies are still to be read
	traced   func([]Receipt, error)
}

func (f *flight) confirmed() bool {
	return !slices.ContainsFunc(f.receipts, func(r Receipt) bool { return !r.Queued })
}

func (l *fastLane) width() int { return l.batches }

func (l *fastLane) begin(ctx context.Context, messages []Message) {
	messages, traced := l.publisher.trace(ctx, messages)
	f := &flight{messages: messages, receipts: l.publisher.addressed(messages), traced: traced}
	inOrder := !slices.ContainsFunc(l.flights, func(earlier *flight) bool { return !earlier.written })
	l.flights = append(l.flights, f)
	if !inOrder || ctx.Err() != nil {
		return
	}
	if l.wire == nil {
		w, err := dialWire(ctx, l.client)
		if err != nil {
			return // the Publisher will find out why
		}
		l.wire = w
	}
	f.written = true
	if err := l.write(f); err != nil {
		l.drop()
	}
}

func (l *fastLane) write(f *flight) error {
	l.wire.begin()
	if target := l.publisher.target; target.list {
		l.wire.push(target.key, f.messages)
	} else {
		for i := range f.messages {
			l.wire.add(f.receipts[i].Key, &f.messages[i])
		}
	}
	return l.wire.flush()
}

func (l *fastLane) end(ctx context.Context) ([]Receipt, error) {
	f := l.flights[0]
	l.read(f)
	if !f.confirmed() {
		for _, later := range l.flights[1:] {
			l.read(later)
		}
		if err := l.publisher.complete(ctx, f.messages, f.receipts); err != nil {
			l.failure = err
			return f.receipts, err
		}
	}
	l.flights = l.flights[1:]
	f.traced(f.receipts, nil)
	return f.receipts, nil
}

// read reads the replies to a batch and marks what Redis confirms.
func (l *fastLane) read(f *flight) {
	if !f.written {
		return
	}
	f.written = false
	read := l.readEntries
	if l.publisher.target.list {
		read = l.readPush
	}
	if err := read(f); err != nil {
		l.drop()
	}
}

func (l *fastLane) readPush(f *flight) error {
	if err := l.wire.expect(); err != nil {
		return err
	}
	_, ok, err := l.wire.reply()
	for i := range f.receipts {
		f.receipts[i].Queued = ok
	}
	return err
}

func (l *fastLane) readEntries(f *flight) error {
	if err := l.wire.expect(); err != nil {
		return err
	}
	var failure error
	ends := make([]int, 0, len(f.receipts)) // of the IDs
	for i := range f.receipts {
		id, ok, err := l.wire.reply()
		if err != nil {
			failure = err
			break
		}
		f.receipts[i].Queued = ok
		l.wire.ids = append(l.wire.ids, id...)
		ends = append(ends, len(l.wire.ids))
	}
	ids, begin := string(l.wire.ids), 0 // one allocation for all
	for i, end := range ends {
		f.receipts[i].StreamID = ids[begin:end]
		begin = end
	}
	return failure
}

// drop gives up the connection. What was written on it and is not confirmed may have
// been executed.
func (l *fastLane) drop() {
	_ = l.wire.close()
	l.wire = nil
	for _, f := range l.flights {
		f.written = false
	}
}

func (l *fastLane) close() {
	if l.wire != nil {
		l.drop()
	}
	for _, f := range l.flights {
		f.traced(f.receipts, l.failure)
	}
}
