package inspect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
	"ingestion/limiter"
	"ingestion/record"
	"ingestion/store"
	"ingestion/streams"
)

// SimulationQuery says what to simulate.
type SimulationQuery struct {
	CustomerID string
	Limit      limiter.Limit
	Since      time.Time // arrivals before are left out; zero: all that are retained
	Reserve    bool      // records over the limit wait for a place
	MaxDelay   time.Duration
}

// Tally is what a limit makes of some arrivals.
type Tally struct {
	Limit                       limiter.Limit
	Admitted, Refused, Deferred int64
	LongestDelay                time.Duration // of those deferred
}

// Actual is what became of the arrivals, as far as something tells.
type Actual struct {
	Ingested int64 // entries with a document
	// IngestedErr is why Ingested is not known, or may be too low.
	IngestedErr error
	Refused     int64 // rate-limited dead letters
	Waiting     int64 // in the delayed set
}

// Simulation is what a limit would have made of a customer's arrivals.
type Simulation struct {
	At         time.Time // by the clock of Redis, UTC
	CustomerID string
	Since      time.Time
	Arrivals   int64 // valid records of the customer, each once
	Invalid    int64 // records of the customer that are refused before the limiter
	PutBack    int64 // entries that were put back: their records count when they came first
	From, To   time.Time
	Then       Tally // under the limit that was asked for
	Now        Tally // under the limit that applies now
	Actual     Actual
	Looked     []Looked
}

type arrived struct {
	entry, member string
	at            int64
}

// Simulate folds the retained arrivals of a customer through another limit, and through
// the one that applies. It judges each record once, by its time of arrival. If ctx ends
// meanwhile, it returns what it has read so far.
func (t *Tracer) Simulate(ctx context.Context, q SimulationQuery) (*Simulation, error) {
	if t.IsList() {
		return nil, errors.New("a list keeps no arrivals: records leave it when they are delivered")
	}
	current, err := t.ReadLimit(ctx, q.CustomerID)
	if err != nil {
		return nil, err
	}
	s := &Simulation{CustomerID: q.CustomerID, Since: q.Since}
	tr := &Trace{}
	if err := t.readClock(ctx, tr); err != nil {
		return nil, err
	}
	s.At = tr.At
	arrivals, err := t.readArrivals(ctx, s, q)
	if err = ended(ctx, err); err != nil {
		return nil, err
	}
	if s.Arrivals = int64(len(arrivals)); s.Arrivals > 0 {
		s.From, s.To = time.UnixMilli(arrivals[0].at).UTC(), time.UnixMilli(arrivals[len(arrivals)-1].at).UTC()
	}
	s.Then, s.Now = fold(arrivals, q, q.Limit), fold(arrivals, q, current.Limit)
	if ctx.Err() == nil {
		err = t.readActual(ctx, s, arrivals)
	}
	return s, err
}

// fold judges the arrivals, which are in order of time.
func fold(arrivals []arrived, q SimulationQuery, limit limiter.Limit) Tally {
	tally := Tally{Limit: limit}
	replay := limiter.NewReplay(limit, q.Reserve, q.MaxDelay)
	for _, a := range arrivals {
		switch v := replay.Judge(a.member, a.at); v.Decision {
		case limiter.Admitted:
			tally.Admitted++
		case limiter.Reserved:
			tally.Deferred++
			tally.LongestDelay = max(tally.LongestDelay, time.Duration(v.Place-a.at)*time.Millisecond)
		default:
			tally.Refused++
		}
	}
	return tally
}

// readArrivals returns the customer's valid records in the order of their arrival. One
// that was deferred and put back counts when it came first; one that was replayed counts
// again.
func (t *Tracer) readArrivals(ctx context.Context, s *Simulation, q SimulationQuery) ([]arrived, error) {
	from, left := "-", t.scan()
	if !q.Since.IsZero() {
		from = idAt(q.Since.UnixMilli())
	}
	first := map[string]arrived{} // by entry
	for _, i := range t.homeFirst(q.CustomerID) {
		looked := Looked{Place: t.Keys[i]}
		err := t.pages(ctx, &looked, from, left, func(m redis.XMessage) {
			t.addArrived(s, q, first, t.Keys[i], m)
		})
		left -= looked.Seen
		s.Looked = append(s.Looked, looked)
		if err != nil {
			return sorted(first), err
		}
	}
	return sorted(first), nil
}

func (t *Tracer) addArrived(s *Simulation, q SimulationQuery, first map[string]arrived, key string, m redis.XMessage) {
	body, _ := m.Values["data"].(string)
	if id, ok := record.PeekCustomerID([]byte(body)); !ok || id != q.CustomerID {
		return
	}
	r, err := t.Decoder.Decode([]byte(body))
	if err != nil {
		s.Invalid++
		return
	}
	a := arrived{entry: m.ID, member: r.ID, at: streams.ArrivalOf(m.ID).UnixMilli()}
	origin, _ := m.Values["ingestion:origin"].(string)
	if admitAt, _ := m.Values["ingestion:admitAt"].(string); admitAt != "" && IsEntryID(origin) && compareIDs(origin, m.ID) < 0 {
		s.PutBack++
		a.entry, a.at = origin, streams.ArrivalOf(origin).UnixMilli()
		if !q.Since.IsZero() && a.at < q.Since.UnixMilli() {
			return
		}
	}
	first[key+" "+a.entry] = a
}

func sorted(first map[string]arrived) []arrived {
	all := make([]arrived, 0, len(first))
	for _, a := range first {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b arrived) int { return cmp.Or(cmp.Compare(a.at, b.at), compareIDs(a.entry, b.entry)) })
	return all
}

// readActual looks for what the arrivals have left.
func (t *Tracer) readActual(ctx context.Context, s *Simulation, arrivals []arrived) error {
	entries := make(map[string]bool, len(arrivals))
	for _, a := range arrivals {
		entries[a.entry] = true
	}
	documents, err := t.find(ctx, store.ByCustomer, s.CustomerID, scanActual)
	if s.Actual.IngestedErr = err; err == nil && len(documents) == scanActual {
		s.Actual.IngestedErr = fmt.Errorf("only the first %d documents of the customer were looked at", scanActual)
	}
	for _, d := range documents {
		if entries[d.StreamID] {
			s.Actual.Ingested++
		}
	}
	for _, key := range t.Keys {
		if err := t.countWaiting(ctx, s, key, arrivals); err != nil {
			return err
		}
		if err := t.countRefused(ctx, s, key, entries); err != nil {
			return err
		}
	}
	return nil
}

// scanActual is how many documents of the customer are read.
const scanActual = 10_000

func (t *Tracer) countWaiting(ctx context.Context, s *Simulation, key string, arrivals []arrived) error {
	delayed := streams.KeysOf(key).Delayed
	if n, err := t.Redis.ZCard(ctx, delayed).Result(); err != nil || n == 0 {
		return redisconn.Plain(err)
	}
	for page := range slices.Chunk(arrivals, 500) {
		ids := make([]string, len(page))
		for i, a := range page {
			ids[i] = a.entry
		}
		scores, err := t.Redis.ZMScore(ctx, delayed, ids...).Result()
		if err != nil {
			return fmt.Errorf("looking at %s: %w", delayed, redisconn.Plain(err))
		}
		for _, due := range scores {
			if due > 0 { // 0 where there is none
				s.Actual.Waiting++
			}
		}
	}
	return nil
}

func (t *Tracer) countRefused(ctx context.Context, s *Simulation, key string, entries map[string]bool) error {
	looked := Looked{Place: streams.KeysOf(key).Dead}
	err := t.pages(ctx, &looked, "-", t.scan(), func(m redis.XMessage) {
		fields := messageFields(m)
		if fields["event"] == record.RateLimited.String() && entries[cmp.Or(fields["origin"], fields["streamId"])] {
			s.Actual.Refused++
		}
	})
	s.Looked = append(s.Looked, looked)
	return err
}
