package producer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// Sink writes bodies to the queue. *Publisher implements it.
type Sink interface {
	Publish(ctx context.Context, bodies [][]byte) ([]Receipt, error)
}

// The limits of LoadOptions.Rate in records per second. One record in twelve days is
// well within the range of time.Duration.
const (
	MinRate = 1e-6
	MaxRate = 1e9
)

// CheckRate returns an error if rate is not valid for LoadOptions.Rate.
func CheckRate(rate float64) error {
	if rate == 0 || rate >= MinRate && rate <= MaxRate {
		return nil
	}
	return fmt.Errorf("%v is out of range: want 0.000001 to 1000000000, or 0 for no limit", rate)
}

// LoadOptions configures Load. The zero value is ready for use.
type LoadOptions struct {
	ReaderOptions

	Batch int     // maximum number of records per call of the sink; 0 means 500
	Rate  float64 // maximum records per second, MinRate to MaxRate; 0 means no limit

	// Validate, if not nil, is called with each body. A body for which it returns
	// an error is not sent.
	Validate func(body []byte) error
	// OnSkip, if not nil, is called for each body that Validate refuses.
	OnSkip func(line int, reason error)
	// OnBatch, if not nil, is called after each batch that is queued. All three are
	// called in the goroutine that called Load.
	OnBatch func(Progress)

	Clock Clock // nil means the system clock
}

// Progress describes a batch and the load up to its end.
type Progress struct {
	Records     int // number of records in this batch
	First, Last int // lines on which its first and last record begin
	// End is the offset of the end of the batch in the file, in bytes; -1 if the file
	// is compressed.
	End   int64
	Total Summary
}

// Summary is the result of loading a file.
type Summary struct {
	Sent    int // records known to be queued
	Skipped int // records that Validate refused
	Blank   int // blank lines
	// Next is the line to continue from (FromLine): all records that begin before it
	// are queued or skipped.
	Next    int
	Elapsed time.Duration
}

// Load sends the records of r unchanged and in order. If it ends early because of
// ctx, the sink or a line that can't be read (*LineError), the summary tells how far
// it got; if a reply was lost, records from Next on may be queued too. Load returns
// when ctx ends even if r blocks, but then leaves a goroutine that ends when r
// returns.
func Load(ctx context.Context, r io.Reader, sink Sink, o LoadOptions) (Summary, error) {
	if err := CheckRate(o.Rate); err != nil {
		return Summary{Next: max(o.FromLine, 1)}, fmt.Errorf("rate: %w", err)
	}
	o.setDefaults()
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

func (o *LoadOptions) setDefaults() {
	if o.Batch <= 0 {
		o.Batch = defaultBatch
	}
	if o.Rate > 0 { // at least ten batches per second, for an even flow
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

// send publishes the records of a batch that Validate accepts.
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

// countSome counts a batch that is only partly queued. Next becomes its first record
// that is not known to be queued, even if later ones are.
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
