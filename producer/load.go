package producer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"ingestion/producer/file"
)

// Sink writes records to the queue in order. *Publisher implements it.
type Sink interface {
	Send(ctx context.Context, messages []Message) ([]Receipt, error)
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
	file.Options

	Batch int     // maximum number of records in a batch; 0 means 500
	Rate  float64 // maximum records per second, MinRate to MaxRate; 0 means no limit

	// Source, if not empty, is the name of the file in Message.Source, before a colon
	// and the number of the line.
	Source string

	// Validate, if not nil, is called with each body. A body for which it returns
	// an error is rejected: it is not sent.
	Validate func(body []byte) error
	// OnReject, if not nil, is called for each row that is not sent, because it is
	// not a record (file.Line.Err) or Validate refuses it. It is called in the order
	// of the file, once all rows before it are queued or rejected.
	OnReject func(line file.Line, reason error)
	// OnNote, if not nil, is called with what is to be told about the file, as in
	// file.Line.
	OnNote func(note string)
	// OnBatch, if not nil, is called after each batch that is queued. All of
	// them are called in the goroutine that called Load.
	OnBatch func(Progress)

	Clock Clock // nil means the system clock
}

// Progress describes a batch and the load up to its end.
type Progress struct {
	Records     int // number of records in this batch; 0 if all its rows were rejected
	First, Last int // lines on which its first and last record begin
	// End is the number of bytes of the file that are read, as in file.Line.
	End   int64
	Total Summary
}

// Summary is the result of loading a file.
type Summary struct {
	Sent     int // records known to be queued
	Rejected int // rows that were not sent
	Blank    int // blank lines
	// Next is the line to continue from (FromLine): all rows that begin before it are
	// queued or rejected.
	Next    int
	Elapsed time.Duration
}

// Load sends the records of r: it is Open and File.Load.
func Load(ctx context.Context, r io.Reader, sink Sink, o LoadOptions) (Summary, error) {
	f, err := Open(r, o)
	if err != nil {
		return Summary{Next: max(o.FromLine, 1)}, err
	}
	defer f.Close()
	return f.Load(ctx, sink)
}

// Load sends the records unchanged and in order. If it ends early because of ctx, the
// sink or a line that can't be read (*file.LineError), the summary tells how far it
// got; if a reply was lost, records from Next on may be queued too. Load returns when
// ctx ends even if reading blocks. It can be called once.
//
// If the sink is a Publisher for a single server that waits for no replicas, and the
// rate is not limited, two batches are in flight.
func (f *File) Load(ctx context.Context, sink Sink) (Summary, error) {
	o := f.opts
	width := inFlight
	if o.Rate > 0 {
		width = 1 // an even flow
	}
	l := &load{
		opts: o, lane: newLane(sink, width), begin: o.Clock.Now(),
		throttle: throttle{clock: o.Clock, rate: o.Rate},
		sum:      Summary{Next: max(o.FromLine, 1)},
	}
	defer l.lane.close()
	err := l.run(ctx, f.feed)
	l.sum.Elapsed = l.elapsed()
	return l.sum, err
}

// inFlight is the number of batches that are sent before the first is confirmed.
const inFlight = 2

func (o *LoadOptions) setDefaults() {
	if o.Batch <= 0 {
		o.Batch = DefaultBatch
	}
	if o.Rate > 0 { // at least ten batches per second, for an even flow
		o.Batch = max(1, min(o.Batch, int(o.Rate/10)))
	}
	if o.Clock == nil {
		o.Clock = systemClock{}
	}
	if o.OnReject == nil {
		o.OnReject = func(file.Line, error) {}
	}
	if o.OnNote == nil {
		o.OnNote = func(string) {}
	}
	if o.OnBatch == nil {
		o.OnBatch = func(Progress) {}
	}
}

type load struct {
	opts     LoadOptions
	lane     lane
	batches  []*batch // in flight
	throttle throttle
	begin    time.Time
	sum      Summary
}

func (l *load) elapsed() time.Duration { return l.opts.Clock.Now().Sub(l.begin) }

func (l *load) run(ctx context.Context, f *feed) error {
	for {
		lines, err := f.gather(ctx, len(l.batches) > 0)
		if err == nil && len(lines) > 0 {
			err = l.send(ctx, lines)
		}
		if err != nil {
			return l.finish(ctx, f, err)
		}
		if len(l.batches) == l.lane.width() || len(lines) == 0 {
			done, err := l.await(ctx)
			if err != nil {
				return err
			}
			f.release(done.lines)
		}
	}
}

// finish awaits what is in flight and returns the error because of which the load
// ends, or nil at the end of the file.
func (l *load) finish(ctx context.Context, f *feed, cause error) error {
	for len(l.batches) > 0 {
		if _, err := l.await(ctx); err != nil {
			return err
		}
	}
	end := f.last()
	l.note(&end)
	if ctx.Err() == nil { // the file has ended, or can't be read further
		l.sum.Blank = end.Blank
	}
	if errors.Is(cause, io.EOF) {
		l.sum.Next = max(end.After, l.sum.Next)
		return nil
	}
	return cause
}

// batch is some lines of the file: the good ones are sent.
type batch struct {
	lines    []file.Line
	good     []*file.Line
	rejected []rejected
}

type rejected struct {
	line   *file.Line
	reason error
}

// send begins to send the records of some lines.
func (l *load) send(ctx context.Context, lines []file.Line) error {
	b := l.judged(lines)
	if len(b.good) > 0 {
		if err := l.throttle.wait(ctx, len(b.good)); err != nil {
			return err
		}
		l.lane.begin(ctx, messagesFrom(b.good, l.opts.Source))
	}
	l.batches = append(l.batches, b)
	return nil
}

func (l *load) judged(lines []file.Line) *batch {
	b := &batch{lines: lines, good: make([]*file.Line, 0, len(lines))}
	for i := range lines {
		line := &lines[i]
		l.note(line)
		reason := line.Err
		if reason == nil && l.opts.Validate != nil {
			reason = l.opts.Validate(line.Body)
		}
		if reason != nil {
			b.rejected = append(b.rejected, rejected{line, reason})
			continue
		}
		b.good = append(b.good, line)
	}
	return b
}

func (l *load) note(line *file.Line) {
	for _, note := range line.Notes {
		l.opts.OnNote(note)
	}
}

// await waits until the oldest batch is queued and counts it.
func (l *load) await(ctx context.Context) (*batch, error) {
	b := l.batches[0]
	if len(b.good) > 0 {
		receipts, err := l.lane.end(ctx)
		if err != nil {
			l.countSome(b, receipts)
			return b, err
		}
	}
	l.batches = l.batches[1:]
	l.count(b)
	return b, nil
}

func (l *load) count(b *batch) {
	last := &b.lines[len(b.lines)-1]
	l.sum.Sent += len(b.good)
	l.sum.Blank, l.sum.Next = last.Blank, last.After
	l.sum.Elapsed = l.elapsed()
	l.reject(b.rejected)
	p := Progress{Records: len(b.good), End: last.End, Total: l.sum}
	if len(b.good) > 0 {
		p.First, p.Last = b.good[0].Number, b.good[len(b.good)-1].Number
	}
	l.opts.OnBatch(p)
}

func (l *load) reject(all []rejected) {
	for _, r := range all {
		l.sum.Rejected++
		l.opts.OnReject(*r.line, r.reason)
	}
}

// countSome counts a batch that is only partly queued. Next becomes its first record
// that is not known to be queued, even if later ones are.
func (l *load) countSome(b *batch, receipts []Receipt) {
	l.sum.Next = 0
	for i, r := range receipts {
		switch {
		case r.Queued:
			l.sum.Sent++
		case l.sum.Next == 0:
			l.sum.Next, l.sum.Blank = b.good[i].Number, b.good[i].Blank
		}
	}
	before := 0
	for before < len(b.rejected) && b.rejected[before].line.Number < l.sum.Next {
		before++
	}
	l.reject(b.rejected[:before])
}

// messagesFrom returns the bodies of lines as messages from a source.
func messagesFrom(lines []*file.Line, source string) []Message {
	messages := make([]Message, len(lines))
	for i, line := range lines {
		messages[i].Body = line.Body
	}
	if source == "" {
		return messages
	}
	const digits = 10
	text := make([]byte, 0, len(lines)*(len(source)+1+digits))
	ends := make([]int, len(lines))
	for i, line := range lines {
		text = strconv.AppendInt(append(append(text, source...), ':'), int64(line.Number), 10)
		ends[i] = len(text)
	}
	all, begin := string(text), 0 // one string for all
	for i, end := range ends {
		messages[i].Source = all[begin:end]
		begin = end
	}
	return messages
}
