package producer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// Sink takes bodies for the queue: a *Publisher.
type Sink interface {
	Publish(ctx context.Context, bodies [][]byte) ([]Receipt, error)
}

// The bounds of a load's rate, in records a second: a record in twelve days is
// still far within what a time.Duration can hold.
const (
	MinRate = 1e-6
	MaxRate = 1e9
)

// CheckRate says what is wrong with LoadOptions.Rate.
func CheckRate(rate float64) error {
	if rate == 0 || rate >= MinRate && rate <= MaxRate {
		return nil
	}
	return fmt.Errorf("%v is out of range: want 0.000001 to a billion, or 0 for no limit", rate)
}

// LoadOptions say how a file is sent; the zero value of each is usable.
type LoadOptions struct {
	ReaderOptions

	Batch int     // records in one call of the sink at most; 0 means 500
	Rate  float64 // records a second at most, MinRate to MaxRate; 0: as fast as it goes

	// Validate, if given, judges each body; what it returns an error for is not
	// sent but told to OnSkip.
	Validate func(body []byte) error
	OnSkip   func(line int, reason error)
	// OnBatch is told of each batch that is queued. Both are called by the
	// goroutine that called Load.
	OnBatch func(Progress)

	Clock Clock // nil is the computer's
}

// Progress is one batch and all that came before it.
type Progress struct {
	Records     int // in this batch
	First, Last int // the lines on which its first and last record begin
	// End is the offset in the file, in bytes, up to which all is queued or
	// skipped; -1 where the file is compressed.
	End   int64
	Total Summary
}

// Summary is what became of a file.
type Summary struct {
	Sent    int // records queued for certain
	Skipped int // records that Validate refused
	Blank   int // blank lines
	// Next is the line to go on from (FromLine): every record that begins
	// before it is queued or skipped.
	Next    int
	Elapsed time.Duration
}

// Load sends the records of r in their order, each as it is. When it ends early,
// by ctx, by the sink or by a line that can't be read (*LineError), the summary
// says how far it came; records at Next and after it may have been queued too
// where a reply was lost. While r itself blocks, the end of ctx is heeded, but
// one goroutine stays until r returns.
func Load(ctx context.Context, r io.Reader, sink Sink, o LoadOptions) (Summary, error) {
	if err := CheckRate(o.Rate); err != nil {
		return Summary{Next: max(o.FromLine, 1)}, fmt.Errorf("rate: %w", err)
	}
	o.fillIn()
	l := &load{
		opts: o, sink: sink, begin: o.Clock.Now(),
		throttle: throttle{clock: o.Clock, rate: o.Rate},
		sum:      Summary{Next: max(o.FromLine, 1)},
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	err := l.run(ctx, newFeed(ctx, r, o.ReaderOptions))
	l.sum.Elapsed = l.elapsed()
	return l.sum, err
}

func (o *LoadOptions) fillIn() {
	if o.Batch <= 0 {
		o.Batch = defaultBatch
	}
	if o.Rate > 0 { // ten batches a second or more make an even flow
		o.Batch = max(1, min(o.Batch, int(o.Rate/10)))
	}
	if o.Clock == nil {
		o.Clock = systemClock{}
	}
	if o.OnSkip == nil {
		o.OnSkip = func(int, error) {}
	}
	if o.OnBatch == nil {
		o.OnBatch = func(Progress) {}
	}
}

type load struct {
	opts     LoadOptions
	sink     Sink
	throttle throttle
	begin    time.Time
	sum      Summary
}

func (l *load) elapsed() time.Duration { return l.opts.Clock.Now().Sub(l.begin) }

func (l *load) run(ctx context.Context, f *feed) error {
	for {
		batch, err := f.gather(ctx, l.opts.Batch)
		if len(batch) == 0 {
			if errors.Is(err, io.EOF) {
				l.sum.Blank, l.sum.Next = f.end.blank, max(f.end.After, l.sum.Next)
				return nil
			}
			return err
		}
		if err := l.send(ctx, batch); err != nil {
			return err
		}
		f.release(batch)
	}
}

// send queues a batch, but for what Validate refuses.
func (l *load) send(ctx context.Context, batch []Line) error {
	good := l.validated(batch)
	if len(good) > 0 {
		if err := l.throttle.wait(ctx, len(good)); err != nil {
			return err
		}
		receipts, err := l.sink.Publish(ctx, bodiesOf(good))
		if err != nil {
			l.countSome(batch, good, receipts)
			return err
		}
	}
	last := batch[len(batch)-1]
	l.sum.Sent += len(good)
	l.sum.Skipped += len(batch) - len(good)
	l.sum.Blank, l.sum.Next = last.blank, last.After
	l.sum.Elapsed = l.elapsed()
	if len(good) > 0 {
		l.opts.OnBatch(Progress{Records: len(good), First: good[0].Number, Last: good[len(good)-1].Number, End: last.End, Total: l.sum})
	}
	return nil
}

func (l *load) validated(batch []Line) []Line {
	if l.opts.Validate == nil {
		return batch
	}
	good := make([]Line, 0, len(batch))
	for _, line := range batch {
		if err := l.opts.Validate(line.Body); err != nil {
			l.opts.OnSkip(line.Number, err)
			continue
		}
		good = append(good, line)
	}
	return good
}

// countSome counts a batch that was not queued as a whole. It is to be resumed
// at its first open record, even if later ones are queued.
func (l *load) countSome(batch, good []Line, receipts []Receipt) {
	l.sum.Next = 0
	for i, r := range receipts {
		switch {
		case r.Queued:
			l.sum.Sent++
		case l.sum.Next == 0:
			l.sum.Next = good[i].Number
			l.sum.Blank = good[i].blank
		}
	}
	before := 0
	for _, line := range batch {
		if line.Number < l.sum.Next {
			before++
		}
	}
	for _, line := range good {
		if line.Number < l.sum.Next {
			before--
		}
	}
	l.sum.Skipped += before
}

func bodiesOf(lines []Line) [][]byte {
	bodies := make([][]byte, len(lines))
	for i, line := range lines {
		bodies[i] = line.Body
	}
	return bodies
}
