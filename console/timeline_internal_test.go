package console

import (
	"testing"
	"time"

	"ingestion/internal/inspect"
	"ingestion/limiter"
)

// A time line invents no number: of what was not read, it says that it is unknown or more.
func TestTimelineOfPlacesThatWereNotRead(t *testing.T) {
	const now = 1_000_000_000
	w := &inspect.CustomerWindow{Window: &limiter.Window{
		Now: now, Limit: limiter.Limit{Records: 5, Window: time.Minute}, Places: 44, First: 40,
		Around: []limiter.Place{{At: now - 30_000}, {At: now - 29_000}, {At: now + 10}, {At: now + 130_000}},
	}}
	line := newTimeline(w) // of columns of 3 s, from 2m before now to 1m after it
	for i, want := range map[int]string{0: "unknown", 18: "unknown", 19: "at least 0", 39: "at least 2", 59: "1"} {
		if got := line.Rows[i].InWindow; got != want {
			t.Errorf("column %d: %s, want %s", i, got, want)
		}
	}
	if !line.Partial || line.Later != 1 || line.Rows[40].Reserved != 1 || line.Rows[30].Admitted != 2 {
		t.Errorf("partial %v, %d later, %+v, %+v", line.Partial, line.Later, line.Rows[40], line.Rows[30])
	}
}

// A limit that is far above all else is not drawn, since all else would be flat.
func TestTimelineIsNotFlat(t *testing.T) {
	line := timeline{Rows: []lineRow{{Admitted: 2, Reserved: 1}}}
	for records, want := range map[int]int{1: 3, 12: 12, 13: 3, 1_000_000: 3} {
		if got := line.most(&inspect.CustomerWindow{Window: &limiter.Window{Limit: limiter.Limit{Records: records}}}); got != want {
			t.Errorf("a limit of %d: up to %d, want %d", records, got, want)
		}
	}
}
