package console

import (
	"net/http"
	"time"

	"ingestion/internal/answer"
	"ingestion/internal/inspect"
)

// queuePage is what queue.html shows.
type queuePage struct {
	*state
	Workers []inspect.Worker
	Held    heldTable
}

func (c *console) queue(w http.ResponseWriter, r *http.Request) {
	s, err := c.readings.state.get(r.Context())
	if err != nil {
		c.fail(w, r, err)
		return
	}
	page := queuePage{state: s, Workers: s.Status.Workers()}
	if !c.Source.IsList() {
		held, err := c.readings.held.get(r.Context())
		if err != nil {
			held.Err = err
		}
		page.Held = heldTableOf(held)
	}
	c.render(w, r, "queue.html", page)
}

// WorkersUnknown reports whether not all that tells of workers could be read.
func (p queuePage) WorkersUnknown() bool {
	return p.Registered.Err != nil || len(p.Accounts()) < len(p.Partitions)
}

// Shown tells what the form that pauses the queue was shown with: when that changes, an open page says so.
func (p queuePage) Shown() string {
	c := p.Control
	switch {
	case c.Err != nil:
		return unknown
	case c.Active:
		return "paused at " + c.At.UTC().Format(time.RFC3339Nano)
	default:
		return "reading"
	}
}

// heldTable counts pending entries by their age and by how often they were delivered.
type heldTable struct {
	Err    error // why nothing is known
	Unread []answer.Unread
	All    bool // otherwise there are more than were counted
	Seen   int
	Times  []string
	Rows   []heldRow
	Oldest []heldEntry
}

type heldRow struct {
	Age    string
	Counts []int
}

type heldEntry struct {
	inspect.HeldEntry
	Age time.Duration
}

var (
	heldAges = []struct {
		name  string
		below time.Duration
	}{{"less than 1s", time.Second}, {"1s to 10s", 10 * time.Second}, {"10s to 1m", time.Minute}, {"1m to 5m", 5 * time.Minute}, {"5m to 1h", time.Hour}, {"1h and more", 1 << 62}}
	heldTimes = []struct {
		name string
		most int64
	}{{"once", 1}, {"twice", 2}, {"3 to 5 times", 5}, {"more often", 1 << 62}}
)

// heldShown is how many of the oldest pending entries are listed.
const heldShown = 20

func heldTableOf(h inspect.Held) heldTable {
	t := heldTable{Unread: answer.UnreadPartitions(h.Unread), All: h.All, Seen: len(h.Entries)}
	if len(h.Unread) == 0 {
		t.Err = h.Err
	}
	for _, times := range heldTimes {
		t.Times = append(t.Times, times.name)
	}
	for _, age := range heldAges {
		t.Rows = append(t.Rows, heldRow{Age: age.name, Counts: make([]int, len(heldTimes))})
	}
	for i, e := range h.Entries {
		age := max(0, h.At.Sub(e.Arrived()))
		if i < heldShown {
			t.Oldest = append(t.Oldest, heldEntry{e, age})
		}
		row, column := 0, 0
		for age >= heldAges[row].below {
			row++
		}
		for e.Deliveries > heldTimes[column].most {
			column++
		}
		t.Rows[row].Counts[column]++
	}
	return t
}
