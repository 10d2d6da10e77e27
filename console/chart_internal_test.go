package console

import (
	"errors"
	"testing"
	"time"

	"ingestion/internal/inspect"
	"ingestion/record"
	"ingestion/streams"
)

func TestNiceScale(t *testing.T) {
	for most, want := range map[int64][2]int64{
		0: {2, 1}, 2: {2, 1}, 3: {3, 1}, 4: {4, 2}, 7: {10, 5}, 60: {60, 20}, 61: {100, 50}, 999: {1000, 500}, 1_000_001: {1_500_000, 500_000},
	} {
		top, step := niceScale(most)
		if top != want[0] || step != want[1] {
			t.Errorf("%d: up to %d by %d, want %v", most, top, step, want)
		}
	}
	for most := int64(0); most < 100_000; most++ {
		if top, step := niceScale(most); top < most || top%step != 0 || top/step > 4 {
			t.Fatalf("%d: up to %d by %d", most, top, step)
		}
	}
}

// Minutes add up to columns; what waited is that of the last minute; minutes without a worker
// are unknown.
func TestPastOfADay(t *testing.T) {
	end := time.Date(2026, 1, 31, 12, 7, 30, 0, time.UTC)
	minute := func(hour, min int, ingested, undelivered int64) streams.Period {
		return streams.Period{
			Start: time.Date(2026, 1, 31, hour, min, 0, 0, time.UTC), Outcomes: map[record.Outcome]int64{record.Ingested: ingested},
			Undelivered: undelivered, UndeliveredKnown: true,
		}
	}
	old := minute(11, 0, 100, 100)
	old.Start = old.Start.Add(-24 * time.Hour)
	p := pastOf(inspect.History{Periods: []streams.Period{old, minute(11, 46, 3, 9), minute(11, 59, 4, 8), minute(12, 1, 5, 7)}}, spans[1], end)
	n := len(p.Settled.Points)
	if n != 96 || !p.Settled.Points[n-1].Start.Equal(end.Truncate(15*time.Minute)) {
		t.Fatalf("%d columns up to %v", n, p.Settled.Points[n-1].Start)
	}
	before, last, waited := p.Settled.Points[n-2], p.Settled.Points[n-1], p.Waiting[0].Points[n-2]
	if before.Value != 7 || last.Value != 5 || waited.Value != 8 || !waited.Known {
		t.Errorf("%+v, %+v, waiting %+v", before, last, waited)
	}
	if p.Waiting[1].Points[n-1].Known || p.Settled.Points[0].Known || p.Gaps != 94 || len(p.Rows) != 2 {
		t.Errorf("%d gaps, %d rows, pending %+v", p.Gaps, len(p.Rows), p.Waiting[1].Points[n-1])
	}
	if len(p.Charts) != 1 || p.Charts[0].Summary != "12 in all, at most 7" {
		t.Errorf("%+v", p.Charts)
	}
}

// What waited when it was known last is not what waits now.
func TestASummaryOfWhatIsKnownNoMore(t *testing.T) {
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	points := []point{{at, 9, true}, {at.Add(time.Minute), 7, true}, {Start: at.Add(2 * time.Minute)}}
	for want, points := range map[string][]point{
		"7 at the end, at most 9":             points,
		"7 at 12:01, then unknown, at most 9": append(points, point{Start: at.Add(3 * time.Minute)}),
		"nothing is known":                    points[2:],
	} {
		if got := summaryOf(points, ""); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestRates(t *testing.T) {
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	before := reading{at: at, settled: 100, known: true}
	for name, c := range map[string]struct {
		now  reading
		want string
	}{
		"steady":            {reading{at.Add(2 * time.Second), 103, true}, "1.5/s now"},
		"fast":              {reading{at.Add(time.Second), 5100, true}, "5,000/s now"},
		"unknown now":       {reading{at.Add(time.Second), 0, false}, "rate unknown"},
		"a new epoch":       {reading{at.Add(time.Second), 3, true}, "rate unknown"},
		"after a while":     {reading{at.Add(time.Minute), 400, true}, "5.0/s in the last 1m"},
		"after a long time": {reading{at.Add(6 * time.Minute), 300, true}, "rate unknown"},
		"the same moment":   {reading{at, 100, true}, "rate unknown"},
	} {
		if got := c.now.since(before).String(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// What a partition that can't be read has settled is no part of a rate.
func TestRatesAreOfAllPartitions(t *testing.T) {
	account := &streams.Account{Epoch: 1}
	read, unread := inspect.Partition{Snapshot: &streams.Snapshot{Account: account}}, inspect.Partition{Err: errors.New("x")}
	for name, c := range map[string]struct {
		partitions []inspect.Partition
		known      bool
	}{"all": {[]inspect.Partition{read, read}, true}, "one of two": {[]inspect.Partition{read, unread}, false}, "none": {nil, false}} {
		if got := readingOf(&inspect.Status{Partitions: c.partitions}); got.known != c.known {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// A reading after a change comes some ms after the one before, in which little is settled at once or nothing.
func TestRatesAreNotOfAnInstant(t *testing.T) {
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	var p pace
	for _, step := range []struct {
		ms, settled int64
		want        string
	}{{0, 100, "rate unknown"}, {40, 200, "rate unknown"}, {540, 640, "880/s now"}, {545, 640, "871/s now"}, {1545, 1640, "1,000/s now"}} {
		now := reading{at.Add(time.Duration(step.ms) * time.Millisecond), step.settled, true}
		if got := p.next(now).String(); got != step.want {
			t.Errorf("after %d ms: %s, want %s", step.ms, got, step.want)
		}
	}
}
