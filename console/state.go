package console

import (
	"context"
	"encoding/json"
	"time"

	"ingestion/internal/inspect"
	"ingestion/streams"
)

// What is read, and how long it is good.
const (
	stateKept   = 900 * time.Millisecond // a little less than the rhythm of the live pages
	minutesKept = 10 * time.Second
	dayKept     = time.Minute
	heldKept    = 5 * time.Second
	mongoKept   = 5 * time.Second
	longestRead = 5 * time.Second
	// heldSeen is how many of the oldest pending entries are looked at.
	heldSeen = 1000
)

// MongoDB is asked beside the rest, which does not wait for it for long: then it shows what MongoDB answered
// lately.
const (
	mongoWait = 500 * time.Millisecond
	mongoOld  = 5 * time.Second // after mongoKept
)

// readings are what several pages share.
type readings struct {
	state cached[*state]
	mongo cached[*inspect.Mongo]
	hour  cached[inspect.History]
	day   cached[inspect.History]
	held  cached[inspect.Held]
}

func (c *console) newReadings() *readings {
	failed := func(h inspect.History) bool { return h.Err != nil }
	return &readings{
		state: cached[*state]{keep: stateKept, read: c.stateReader()},
		mongo: cached[*inspect.Mongo]{keep: mongoKept, failed: func(m *inspect.Mongo) bool { return m.Err != nil }, read: func(ctx context.Context) *inspect.Mongo {
			return inspect.ReadMongo(ctx, c.Store)
		}},
		hour: cached[inspect.History]{keep: minutesKept, failed: failed, read: c.historyReader(time.Hour)},
		day:  cached[inspect.History]{keep: dayKept, failed: failed, read: c.historyReader(24 * time.Hour)},
		held: cached[inspect.Held]{keep: heldKept, failed: func(h inspect.Held) bool { return h.Err != nil }, read: func(ctx context.Context) inspect.Held {
			ctx, cancel := context.WithTimeout(ctx, longestRead)
			defer cancel()
			return inspect.ReadHeld(ctx, c.Source, heldSeen)
		}},
	}
}

func (c *console) historyReader(since time.Duration) func(context.Context) inspect.History {
	return func(ctx context.Context) inspect.History {
		ctx, cancel := context.WithTimeout(ctx, longestRead)
		defer cancel()
		return inspect.ReadHistory(ctx, c.Source, streams.Minutes, since)
	}
}

// state is the queue at one moment, as all pages show it.
type state struct {
	*inspect.Status
	Findings []inspect.Finding
	Asking   bool // MongoDB was asked, and has not answered yet
	Rate     speed
	Live     values
	encoded  []byte // Live, as JSON
}

// stateReader returns a reader that compares each reading with those before.
func (c *console) stateReader() func(context.Context) *state {
	var pace pace
	return func(ctx context.Context) *state {
		ctx, cancel := context.WithTimeout(ctx, longestRead)
		defer cancel()
		if c.Store != nil {
			c.readings.mongo.current(ctx) // begins a reading if need be, which goes on beside the following
		}
		status := inspect.ReadStatus(ctx, c.Source, inspect.Options{})
		s := &state{Status: status}
		if c.Store != nil {
			var known bool
			status.Mongo, known = c.readings.mongo.soon(ctx, mongoWait, mongoOld)
			s.Asking = !known
		}
		s.Findings = status.Findings(inspect.Limits{})
		s.Rate = pace.next(readingOf(status))
		s.Live = valuesOf(s)
		s.encoded, _ = json.Marshal(s.Live) // texts by name can always be encoded
		return s
	}
}

// reading is how much was settled at one moment.
type reading struct {
	at      time.Time
	settled int64
	known   bool
}

func readingOf(s *inspect.Status) reading {
	accounts := s.Accounts()
	if len(accounts) == 0 || len(accounts) < len(s.Partitions) {
		return reading{}
	}
	total := streams.Total(accounts)
	return reading{at: s.At, settled: total.Settled(), known: total.Opened()}
}

// speed is how much is settled a second.
type speed struct {
	PerSecond float64
	Over      time.Duration // between the readings that were compared
	Known     bool
}

const (
	// leastSpan is the time between two readings below which their difference says little.
	leastSpan = 500 * time.Millisecond
	// nowSpan is the longest one whose rate is that of now.
	nowSpan = 10 * time.Second
	// mostSpan is the longest one that is compared at all.
	mostSpan = 5 * time.Minute
)

func (r reading) since(before reading) speed {
	took := r.at.Sub(before.at)
	if !r.known || !before.known || took <= 0 || took > mostSpan || r.settled < before.settled {
		return speed{}
	}
	return speed{PerSecond: float64(r.settled-before.settled) / took.Seconds(), Over: took, Known: true}
}

// pace compares each reading with the latest one that is not too near. It is not for concurrent use.
type pace struct{ last, before reading }

func (p *pace) next(now reading) speed {
	if now.at.Sub(p.last.at) >= leastSpan || !p.before.known {
		p.before = p.last
	}
	p.last = now
	if now.at.Sub(p.before.at) < leastSpan {
		return speed{}
	}
	return now.since(p.before)
}
