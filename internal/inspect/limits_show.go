package inspect

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
	"ingestion/limiter"
	"ingestion/record"
	"ingestion/streams"
)

// CustomerWindow is a customer's sliding window, and what a new record would meet in it.
type CustomerWindow struct {
	*limiter.Window
	Applies CustomerLimit // the limit, read in the same step
	// InWindow is the number of places in the window that ends now, and Ahead of those
	// after that. They are lower bounds unless Exact.
	InWindow, Ahead int
	Exact           bool
	// Verdict is that on a new record now, if Known.
	Verdict limiter.Verdict
	Known   bool
	// Refusals are the times of arrival of the customer's newest rate-limited dead
	// letters, newest first. Without dead letters, refusals leave no trace.
	Refusals    []time.Time
	RefusalsErr error
	// Refused counts them by time.
	Refused RefusedCounts
	Looked  Looked // of the dead letters
	// Lately is how often the customer's records were over the limit lately; nil if that is
	// unknown, as in list mode.
	Lately    *Lately
	LatelyErr error // why Lately is unknown; nil in list mode
}

// Lately is how often a customer's records were over the limit lately: how many became
// rate_limited or deferred in its partition, as streams.ReadRefused counts them.
type Lately struct{ AtLeast, AtMost int64 }

// scanRefusals is how many dead letters are looked at for refusals, and mostRefusals how
// many are returned.
const (
	scanRefusals = 2000
	mostRefusals = 20
)

// ReadWindow reads a customer's window now.
func (t *Tracer) ReadWindow(ctx context.Context, customerID string) (*CustomerWindow, error) {
	w, err := t.window(ctx, customerID, time.Time{}, "")
	if err != nil {
		return nil, err
	}
	c := &CustomerWindow{Window: w, Applies: t.limitIn(w), Exact: true}
	if w.Limit.Mode == limiter.Windowed {
		var ahead bool
		c.InWindow, c.Exact = w.Count(w.Now-w.Limit.Window.Milliseconds()+1, w.Now+1)
		c.Ahead, ahead = w.Count(w.Now+1, 1<<62)
		c.Exact = c.Exact && ahead
	}
	c.Verdict, c.Known = w.Verdict(w.Now)
	t.readRefusals(ctx, c)
	if !t.IsList() {
		c.Lately, c.LatelyErr = t.readLately(ctx, customerID)
	}
	return c, nil
}

func (t *Tracer) readLately(ctx context.Context, customerID string) (*Lately, error) {
	most, err := streams.ReadRefused(ctx, t.Redis, t.Keys[homeOf(t.Source, customerID)])
	if err != nil {
		return nil, fmt.Errorf("reading the customers most refused: %w", redisconn.Plain(err))
	}
	for _, c := range most {
		if c.CustomerID == customerID {
			return &Lately{AtLeast: c.Count - c.Error, AtMost: c.Count}, nil
		}
	}
	if len(most) < streams.MaxRefused {
		return &Lately{}, nil
	}
	return &Lately{AtMost: most[len(most)-1].Count}, nil
}

func (t *Tracer) readRefusals(ctx context.Context, c *CustomerWindow) {
	key := t.Main()
	if !t.IsList() {
		key = t.Keys[homeOf(t.Source, c.CustomerID)]
	}
	c.Looked.Place = streams.KeysOf(key).Dead
	var all []time.Time
	c.RefusalsErr = t.pages(ctx, &c.Looked, "-", scanRefusals, func(m redis.XMessage) {
		fields := messageFields(m)
		if fields["event"] != record.RateLimited.String() {
			return
		}
		if id, ok := record.PeekCustomerID([]byte(fields["data"])); ok && id == c.CustomerID {
			at := arrivalOf(fields["streamId"])
			if at.IsZero() {
				at = letterTime(letterOf(m.ID, fields))
			}
			all = append(all, at)
		}
	})
	c.Refusals = all[:min(len(all), mostRefusals)]
	c.Refused = RefusedCounts{times: all, kept: t.KeepsRefused && c.RefusalsErr == nil}
	if c.Refused.kept {
		c.Refused.since = t.lettersSince(ctx, c.Looked)
	}
}
