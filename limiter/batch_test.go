package limiter_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ingestion/limiter"
)

// TestManyCustomersInABatch judges batches of a thousand customers in two
// partitions, most of them with one record and some with many, IDs that come
// again, and own limits; in slices of any size up to what one call takes.
func TestManyCustomersInABatch(t *testing.T) {
	client := realRedis(t).Client(t)
	for _, slice := range []int{0, 100, 2000} {
		t.Run(fmt.Sprint("slices of ", slice), func(t *testing.T) {
			if err := client.FlushDB(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
			cfg := config(5, time.Minute)
			cfg.Bases, cfg.Slice = []string{"q", "r"}, slice
			cfg.Home = func(customer string) int { return int(customer[len(customer)-1]) % 2 }
			own := limiter.Limit{Records: 2, Window: time.Second}
			for _, customer := range []string{"customer-1", "customer-3", "customer-40", "customer-500"} {
				key := fmt.Sprintf("{%s}:limits", cfg.Bases[cfg.Home(customer)])
				if err := client.HSet(t.Context(), key, customer, own.String()).Err(); err != nil {
					t.Fatal(err)
				}
			}
			l := newLimiter(t, client, cfg)
			var model limiter.Model
			for batch := range 4 {
				requests := wide(rand.New(rand.NewPCG(1, uint64(batch))), 4000)
				for i, got := range judge(t, l, requests...) {
					limit := limiter.Limit{Records: 5, Window: time.Minute}
					switch requests[i].CustomerID {
					case "customer-1", "customer-3", "customer-40", "customer-500":
						limit = own
					}
					if diff := cmp.Diff(model.Judge(requests[i], limit), got); diff != "" {
						t.Fatalf("batch %d, record %d, %+v (-model +script):\n%s", batch, i, requests[i], diff)
					}
				}
			}
		})
	}
}

// wide is n records of a thousand customers within three minutes: few have most.
func wide(random *rand.Rand, n int) []limiter.Request {
	requests := make([]limiter.Request, n)
	for i := range requests {
		customer := int(1000 * math.Pow(random.Float64(), 4))
		id := fmt.Sprint(random.IntN(3 * n))
		requests[i] = at(fmt.Sprint("customer-", customer), id, someTime+random.Int64N(180_000))
	}
	return requests
}

// TestManyRecordsOfACustomer has more than one call takes, whatever Slice says.
func TestManyRecordsOfACustomer(t *testing.T) {
	cfg := config(5, time.Minute)
	cfg.Slice = 2000
	var requests []limiter.Request
	for i := range 12_000 {
		requests = append(requests, at("ann", fmt.Sprint(i), someTime))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	verdicts, err := newLimiter(t, realRedis(t).Client(t), cfg).Judge(ctx, requests)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range verdicts {
		if want := i < 5; (v.Decision == admitted) != want {
			t.Fatalf("record %d: %+v, want it admitted: %t", i, v, want)
		}
	}
}

// TestArrivalsOutOfBounds wants no arrival before the epoch, and none after the
// clock of Redis, but that clock.
func TestArrivalsOutOfBounds(t *testing.T) {
	client := realRedis(t).Client(t)
	before := client.Time(t.Context()).Val().UnixMilli()
	got := judge(t, newLimiter(t, client, config(1, time.Minute)),
		at("ann", "a", -5), at("bob", "b", math.MaxInt64), at("cyd", "c", 7), at("dan", "d", farAhead))
	after := client.Time(t.Context()).Val().UnixMilli()
	for i, v := range got {
		low, high := before, after
		if i == 2 {
			low, high = 7, 7
		}
		if v.Decision != admitted || v.Place < low || v.Place > high {
			t.Errorf("request %d: %+v, want a place from %d to %d", i, v, low, high)
		}
	}
}
