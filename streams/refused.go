package streams

import (
	"cmp"
	"context"
	_ "embed"
	"math"
	"slices"
	"strconv"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
	"ingestion/record"
)

var (
	//go:embed refused.lua
	refusedSource string
	//go:embed refused_top.lua
	topSource string
	topScript = redis.NewScript(refusedSource + topSource)
)

// MaxRefused is how many customers the sketch of the most refused ones holds.
const MaxRefused = 100

// maxRefusedID is the longest customerId that is counted, in bytes; a valid record has
// none that is longer.
const maxRefusedID = 256

// Refusals is how often a customer has hit its limit lately.
type Refusals struct {
	CustomerID string
	// Count is at least the true number, and Count-Error at most. Both are rounded away
	// from it, and halved at every full hour.
	Count, Error int64
}

// ReadRefused returns the customers of a partition that hit their limit most often, that
// is, whose records were rate_limited or deferred: up to MaxRefused, by count, then by
// customerId. A list has none.
//
// They come from a sketch of constant size. Of N records that hit a limit, halved
// every hour, no error is above N / MaxRefused, and no customer that is absent has had
// more than that. Each settled record counts once, even if the reply to its settlement is lost.
// It does not count if the workers' user may not write the sketch.
//
// It is one call. Errors come from Redis.
func ReadRefused(ctx context.Context, client redis.UniversalClient, key string) ([]Refusals, error) {
	sketch := KeysOf(key).Refused
	reply, err := redisconn.Run(ctx, client, topScript, []string{sketch}).Slice()
	if err != nil {
		return nil, wrap(err, "reading the customers most refused from %s", sketch)
	}
	fields := texts(reply)
	var list []Refusals
	for i := 0; i+2 < len(fields); i += 3 {
		count, _ := strconv.ParseFloat(fields[i+1], 64)
		wrong, _ := strconv.ParseFloat(fields[i+2], 64)
		r := Refusals{CustomerID: fields[i], Count: int64(math.Ceil(count))}
		r.Error = r.Count - int64(math.Floor(count-wrong))
		if count >= 0.5 { // what is left of older ones
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b Refusals) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.CustomerID, b.CustomerID))
	})
	return list, nil
}

// noCustomer is the customer of a settlement that the sketch does not count.
var noCustomer = ""

// refusedCustomer is the customer that hit its limit, or noCustomer.
func (s *Settlement) refusedCustomer() *string {
	limited := s.Outcome == record.RateLimited || s.Outcome == record.Deferred
	if !limited || len(s.CustomerID) > maxRefusedID {
		return &noCustomer
	}
	return &s.CustomerID
}
