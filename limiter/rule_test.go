package limiter_test

import (
	"slices"

	"ingestion/limiter"
)

// rule is the admitted set: the places of each customer by record.
type rule map[string]map[place]bool

type place struct {
	member string
	at     int64
}

// fataler is *testing.T or *rapid.T.
type fataler interface{ Fatalf(string, ...any) }

// check adds the verdict's place and wants no window that holds it, under the
// limit that was applied, to hold more than the limit.
func (r rule) check(t fataler, request limiter.Request, v limiter.Verdict) {
	if v.Decision == limiter.Refused || v.Limit.Mode == limiter.Off {
		return
	}
	if r[request.CustomerID] == nil {
		r[request.CustomerID] = map[place]bool{}
	}
	new := place{request.Member, v.Place}
	if r[request.CustomerID][new] {
		return
	}
	r[request.CustomerID][new] = true
	if n := r.most(request.CustomerID, v.Place, v.Limit.Window.Milliseconds()); n > v.Limit.Records {
		t.Fatalf("%+v was admitted at %d: a window of %v holds %d records, the limit is %d",
			request, v.Place, v.Limit.Window, n, v.Limit.Records)
	}
}

func (r rule) size() int {
	n := 0
	for _, places := range r {
		n += len(places)
	}
	return n
}

// most is the number of places in the fullest window that holds t.
func (r rule) most(customer string, t, window int64) int {
	var times []int64
	for p := range r[customer] {
		if t-window < p.at && p.at < t+window {
			times = append(times, p.at)
		}
	}
	slices.Sort(times)
	most, from := 0, 0
	for to, last := range times {
		for last-times[from] >= window {
			from++
		}
		if times[from] <= t && t <= last {
			most = max(most, to-from+1)
		}
	}
	return most
}

// holds wants no window of a customer to hold more than the limit.
func (r rule) holds(t fataler, limit limiter.Limit) {
	window := limit.Window.Milliseconds()
	for customer, places := range r {
		var times []int64
		for p := range places {
			times = append(times, p.at)
		}
		slices.Sort(times)
		for i := limit.Records; i < len(times); i++ {
			if times[i]-times[i-limit.Records] < window {
				t.Fatalf("%s: %d records between %d and %d, less than %v", customer, limit.Records+1, times[i-limit.Records], times[i], limit.Window)
			}
		}
	}
}
