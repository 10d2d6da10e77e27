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

// The bounds of GEN_RPM and GEN_JITTER_MS. A record in two years, moved by ten,
// is still far within what a time.Duration can hold.
const (
	MinPerMinute = 1e-6
	MaxPerMinute = 60e6
	MaxJitter    = 10 * 365 * 24 * time.Hour
)

// Generated is one made-up body together with what a worker must make of it.
type Generated struct {
	Body []byte
	// Want is the outcome by the body alone: Ingested, Malformed or Invalid. The
	// rate limit may turn a good one away all the same.
	Want record.Outcome
	// CustomerID is the trimmed one of a readable body that has a valid one.
	CustomerID string
	// Due is the moment for which the record was planned.
	Due time.Time
}

// GeneratorOptions say what is generated and how fast.
type GeneratorOptions struct {
	Customers   []string      // GEN_CUSTOMERS, valid customer IDs, no two the same
	PerMinute   float64       // GEN_RPM: records a minute for each customer, MinPerMinute to MaxPerMinute
	Jitter      time.Duration // GEN_JITTER_MS: each record comes up to so much earlier or later, MaxJitter at most
	InvalidRate float64       // GEN_INVALID_RATE: share of spoilt records, 0 to 1

	// Seed determines the bodies and, together with the start, the times.
	Seed uint64
	// Epoch is the createdAt of the first records; zero takes one that depends
	// on Seed alone, so that the same seed gives the same bodies again.
	Epoch time.Time

	Count    int           // records in all; 0: no end
	Duration time.Duration // length of time in all; 0: no end

	Clock Clock // nil is the computer's
}

// Generator makes records up. It is not safe for concurrent use.
type Generator struct {
	opts  GeneratorOptions
	lines []*line
	made  int
}

// line is one customer and its own stream of random numbers, so that a
// customer's records don't depend on which others there are.
type line struct {
	customer string
	person   people.Person
	rand     *rand.Rand
	created  time.Time // the createdAt used last
	pace     pace
}

// NewGenerator checks the options; the error names the variable at fault.
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
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	fault(len(o.Customers) == 0, "GEN_CUSTOMERS: no customer is given")
	seen := map[string]bool{}
	for _, c := range o.Customers {
		c = strings.TrimSpace(c)
		fault(c == "" || len(c) > 256 || strings.ContainsFunc(c, unicode.IsControl), "GEN_CUSTOMERS: %.80q is no customer ID: want 1 to 256 bytes without control characters", c)
		fault(seen[c], "GEN_CUSTOMERS: %q is there twice", c)
		seen[c] = true
	}
	fault(!(o.PerMinute >= MinPerMinute && o.PerMinute <= MaxPerMinute), "GEN_RPM: %v is out of range: want 0.000001 to 60 million", o.PerMinute)
	fault(o.Jitter < 0 || o.Jitter > MaxJitter, "GEN_JITTER_MS: %v is out of range: want 0 to ten years", o.Jitter)
	fault(!(o.InvalidRate >= 0 && o.InvalidRate <= 1), "GEN_INVALID_RATE: %v is out of range: want 0 to 1", o.InvalidRate)
	fault(o.Count < 0, "count: %d is negative", o.Count)
	fault(o.Duration < 0, "duration: %v is negative", o.Duration)
	return errors.Join(faults...)
}

// Made is the number of records made so far.
func (g *Generator) Made() int { return g.made }

// epochOf spreads seeds over the minutes of about four years.
func epochOf(seed uint64) time.Time {
	minutes := rand.New(rand.NewPCG(seed, 0)).IntN(4 * 365 * 24 * 60)
	return time.Date(2021, 1, 1, 0, minutes, 0, 0, time.UTC)
}

// hash is FNV-1a, 64 bit.
func hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// next makes the customer's next record. Its createdAt is after that of every
// earlier one, so that no two have the same identity.
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

// Run makes records at each customer's own pace and hands those that are due
// together to emit, at most 500 at once, in the order of their times. It ends
// with nil when Count or Duration is reached, else with emit's or ctx's error.
// If emit takes so long that a customer falls more than a second and one
// interval behind, the records it missed are left out, like the ticks of a
// time.Ticker: an outage is not followed by a burst.
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

// collect makes all records that are due by now.
func (g *Generator) collect(agenda *agenda, start time.Time) []Generated {
	now := g.opts.Clock.Now().Sub(start)
	if g.opts.Duration > 0 {
		now = min(now, g.opts.Duration-1)
	}
	var out []Generated
	for len(out) < defaultBatch && !g.finished() {
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
