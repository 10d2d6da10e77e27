package producer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
	"unicode"

	"ingestion/producer/people"
	"ingestion/record"
)

// The limits of GeneratorOptions. One record in two years, ten years late, is
// still well within the range of time.Duration.
const (
	MinPerMinute = 1e-6
	MaxPerMinute = 60e6
	MaxJitter    = 10 * 365 * 24 * time.Hour
)

// Generated is a body and the result that a worker must come to.
type Generated struct {
	Body []byte
	// Want is the outcome that follows from the body: Ingested, Malformed or
	// Invalid. A valid record may still be refused by the rate limit.
	Want record.Outcome
	// CustomerID is the trimmed customerId, if the body has a valid one.
	CustomerID string
	// Due is the time for which the record was planned.
	Due time.Time
}

// GeneratorOptions configures a Generator. Customers and PerMinute are required.
type GeneratorOptions struct {
	Customers   []string      // distinct, valid customer IDs
	PerMinute   float64       // records per minute and customer, MinPerMinute to MaxPerMinute
	Jitter      time.Duration // maximum random shift of a record, 0 to MaxJitter
	InvalidRate float64       // fraction of invalid records, 0 to 1

	// Seed determines the bodies and, with the start time, when they are due.
	Seed uint64
	// Epoch is the createdAt of the first records. If it is zero it follows from
	// Seed, so that a seed always gives the same bodies.
	Epoch time.Time

	Count    int           // total number of records; 0 means no limit
	Duration time.Duration // total time; 0 means no limit

	Clock Clock // nil means the system clock
}

// OptionError says which field of GeneratorOptions is not valid, and why.
type OptionError struct {
	Option  string // the name of the field
	Problem string
}

func (e *OptionError) Error() string { return e.Option + ": " + e.Problem }

// Generator generates records. It is not safe for concurrent use.
type Generator struct {
	opts  GeneratorOptions
	lines []*line
	made  int
}

// line is a customer with its own random numbers, so that its records do not
// depend on the other customers.
type line struct {
	customer string
	person   people.Person
	rand     *rand.Rand
	created  time.Time // the last createdAt
	pace     pace
}

// NewGenerator returns a Generator. Its error joins an *OptionError for each
// option that is not valid.
func NewGenerator(o GeneratorOptions) (*Generator, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.Clock == nil {
		o.Clock = systemClock{}
	}
	if o.Epoch.IsZero() {
		o.Epoch = epochOf(o.Seed)
	}
	g := &Generator{opts: o}
	for _, customer := range o.Customers {
		customer = strings.TrimSpace(customer)
		r := rand.New(rand.NewPCG(o.Seed, hash(customer)))
		g.lines = append(g.lines, &line{
			customer: customer,
			person:   people.Pick(r),
			rand:     r,
			pace:     pace{interval: time.Duration(float64(time.Minute) / o.PerMinute), jitter: o.Jitter},
		})
	}
	return g, nil
}

func (o GeneratorOptions) check() error {
	var faults []error
	fault := func(bad bool, option, format string, args ...any) {
		if bad {
			faults = append(faults, &OptionError{option, fmt.Sprintf(format, args...)})
		}
	}
	fault(len(o.Customers) == 0, "Customers", "there is no customer")
	seen := map[string]bool{}
	for _, c := range o.Customers {
		c = strings.TrimSpace(c)
		fault(c == "" || len(c) > 256 || strings.ContainsFunc(c, unicode.IsControl), "Customers", "%.80q is not a customer ID: want 1 to 256 bytes without control characters", c)
		fault(seen[c], "Customers", "%q occurs twice", c)
		seen[c] = true
	}
	fault(!(o.PerMinute >= MinPerMinute && o.PerMinute <= MaxPerMinute), "PerMinute", "%v is out of range: want 0.000001 to 60 million", o.PerMinute)
	fault(o.Jitter < 0 || o.Jitter > MaxJitter, "Jitter", "%v is out of range: want 0 to ten years", o.Jitter)
	fault(!(o.InvalidRate >= 0 && o.InvalidRate <= 1), "InvalidRate", "%v is out of range: want 0 to 1", o.InvalidRate)
	fault(o.Count < 0, "Count", "%d is negative", o.Count)
	fault(o.Duration < 0, "Duration", "%v is negative", o.Duration)
	return errors.Join(faults...)
}

// Made returns the number of records generated so far.
func (g *Generator) Made() int { return g.made }

// epochOf maps seeds to the minutes of about four years.
func epochOf(seed uint64) time.Time {
	minutes := rand.New(rand.NewPCG(seed, 0)).IntN(4 * 365 * 24 * 60)
	return time.Date(2021, 1, 1, 0, minutes, 0, 0, time.UTC)
}

// hash returns the 64-bit FNV-1a hash.
func hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// next generates the customer's next record. Its createdAt is later than all
// previous ones, so no two records have the same identity.
func (g *Generator) next(l *line, offset time.Duration) Generated {
	g.made++
	created := g.opts.Epoch.Add(offset).Truncate(time.Microsecond)
	if !created.After(l.created) {
		created = l.created.Add(time.Microsecond)
	}
	l.created = created
	good := fields{
		customerID: l.customer,
		name:       l.person.Name,
		email:      l.person.Email,
		createdAt:  isoForm(l.rand, created),
	}
	if l.rand.Float64() >= g.opts.InvalidRate {
		return Generated{Body: good.json(), Want: record.Ingested, CustomerID: l.customer}
	}
	return spoil(l.rand, good)
}

// Run generates records at each customer's rate and passes those that are due at
// the same time to emit, at most 500 per call, in the order of their times. It
// returns nil when Count or Duration is reached, otherwise emit's or ctx's error.
// If emit takes so long that a customer is late by more than one second and one
// interval, the missed records are skipped, like the ticks of a time.Ticker, so
// that no burst follows an outage.
func (g *Generator) Run(ctx context.Context, emit func(context.Context, []Generated) error) error {
	start := g.opts.Clock.Now()
	agenda := newAgenda(g.lines)
	for {
		due := start.Add(agenda.first().pace.due)
		if g.finished() || g.opts.Duration > 0 && due.Sub(start) >= g.opts.Duration {
			return nil
		}
		if err := g.opts.Clock.WaitUntil(ctx, due); err != nil {
			return err
		}
		if err := emit(ctx, g.collect(agenda, start)); err != nil {
			return err
		}
	}
}

func (g *Generator) finished() bool { return g.opts.Count > 0 && g.made >= g.opts.Count }

// collect generates all records that are due.
func (g *Generator) collect(agenda *agenda, start time.Time) []Generated {
	now := g.opts.Clock.Now().Sub(start)
	if g.opts.Duration > 0 {
		now = min(now, g.opts.Duration-1)
	}
	var out []Generated
	for len(out) < DefaultBatch && !g.finished() {
		l := agenda.first()
		if l.pace.due > now && len(out) > 0 {
			break
		}
		made := g.next(l, l.pace.due)
		made.Due = start.Add(l.pace.due)
		out = append(out, made)
		l.pace.advance(l.rand, now)
		agenda.moved()
	}
	return out
}
