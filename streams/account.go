package streams

import (
	"math"
	"strings"
	"time"

	"ingestion/record"
)

// Account says where the entries of one partition are, at one moment: what the
// ledger has counted, and what is there. Total adds up several.
type Account struct {
	Key   string // the partition's stream
	Group string // whose account it is
	Epoch int64  // how often the group was made; 0 where no worker has opened the ledger

	StreamThere, GroupThere bool

	// Known says that Added and Base are known.
	Known bool
	// Unaccounted says why not: the group had been read when the ledger was opened.
	Unaccounted bool
	Added, Base int64 // entries ever added; those among them that were gone when the group was made

	Trimmed     int64 // settled entries that the service deleted
	Length      int64 // entries on the stream
	Outcomes    map[record.Outcome]int64
	Pending     int64 // delivered and not settled
	Undelivered int64 // on the stream and not delivered: counted, which Redis' `lag` is not
	Missing     int64 // deleted by somebody else before they were settled

	Returned int64 // deferred records that were put back on the stream
	Delayed  int64 // deferred records that wait

	DeadWritten  int64 // dead letters ever written
	DeadKept     int64 // dead letters there are
	DeadReplayed int64 // dead letters put back on the stream
	DeadPurged   int64 // dead letters deleted by the service or its tool

	// Of earlier epochs: counted as ingested; missing; taken off the stream by
	// somebody else, as far as that is known.
	IngestedBefore, MissingBefore, GoneBefore int64
	// PutBackBefore is how many records had been put back on the stream then:
	// they are on it twice, each time with the same document.
	PutBackBefore int64

	// Rewinds are the epochs that began since entries came again, or were lost.
	Rewinds []Rewind

	// Entry IDs; empty where there is none.
	FirstEntry, LastEntry, LastDelivered, OldestPending, Watermark string
}

// Rewind is how an epoch began whose group was there.
type Rewind struct {
	Epoch int64
	// WentBack says that Redis lost what it had taken last, as in a failover; else
	// the group was set back, and nothing is lost.
	WentBack bool
	// After and Before are IDs: the entries between them were lost, though a worker
	// had read some. Empty where there are none.
	After, Before string
}

// Lost says that an entry of this ID was lost when Redis went back.
func (a *Account) Lost(id string) bool {
	for _, r := range a.Rewinds {
		if r.Before != "" && before(r.After, id) && before(id, r.Before) {
			return true
		}
	}
	return false
}

// LostSpan is a range of texts in which the IDs of all lost entries are; two
// empty ones where none was lost.
func (a *Account) LostSpan() (from, to string) {
	for _, r := range a.Rewinds {
		if r.Before == "" {
			continue
		}
		first, _, _ := strings.Cut(r.After, "-")
		last, _, _ := strings.Cut(r.Before, "-")
		if to == "" || first < from {
			from = first
		}
		to = max(to, last+"~")
	}
	return from, to
}

// Settled is the number of settled entries.
func (a *Account) Settled() int64 {
	var n int64
	for _, count := range a.Outcomes {
		n += count
	}
	return n
}

// Unfinished is what a worker still has to do: entries that are not settled,
// and records that wait in the delayed set.
func (a *Account) Unfinished() int64 { return a.Undelivered + a.Pending + a.Delayed }

// Behind is how much earlier the last delivered entry arrived than the newest;
// 0 where none was delivered.
func (a *Account) Behind() time.Duration {
	delivered := arrival(a.LastDelivered)
	if delivered == 0 || a.LastEntry == "" {
		return 0
	}
	const longest = int64(math.MaxInt64 / time.Millisecond)
	return time.Duration(min(max(0, arrival(a.LastEntry)-delivered), longest)) * time.Millisecond
}

// Waiting is how long before the given moment the oldest pending entry arrived;
// 0 where none is pending.
func (a *Account) Waiting(now time.Time) time.Duration {
	if a.OldestPending == "" {
		return 0
	}
	return max(0, now.Sub(time.UnixMilli(arrival(a.OldestPending))))
}

// Opened says that a worker has opened the ledger.
func (a *Account) Opened() bool { return a.Epoch > 0 }

// Gone is how many entries somebody else has taken off the stream, since the
// group was made; 0 where Known is false.
func (a *Account) Gone() int64 {
	if !a.Known {
		return 0
	}
	return a.Added - a.Base - a.Trimmed - a.Length
}

// GoneUnread is how many of them were never delivered and are not counted as
// missing yet; 0 where the group is gone, too, and it isn't known.
func (a *Account) GoneUnread() int64 {
	return min(max(a.Gone(), 0), max(a.settlement().Difference(), 0))
}

// Total adds up the accounts of a stream's partitions. Each is of one moment,
// though not the same, and holds by itself; so does their sum.
func Total(accounts []*Account) *Account {
	t := &Account{Outcomes: map[record.Outcome]int64{}, StreamThere: true, GroupThere: true, Known: true}
	for _, a := range accounts {
		t.Group, t.Epoch = a.Group, max(t.Epoch, a.Epoch)
		t.Known = t.Known && a.Known
		t.Rewinds = append(t.Rewinds, a.Rewinds...)
		t.StreamThere, t.GroupThere = t.StreamThere && a.StreamThere, t.GroupThere && a.GroupThere
		for outcome, n := range a.Outcomes {
			t.Outcomes[outcome] += n
		}
		from := a.counts()
		for i, sum := range t.counts() {
			*sum += *from[i]
		}
	}
	return t
}

func (a *Account) counts() []*int64 {
	return []*int64{
		&a.Added, &a.Base, &a.Trimmed, &a.Length, &a.Pending, &a.Undelivered, &a.Missing, &a.Returned, &a.Delayed,
		&a.DeadWritten, &a.DeadKept, &a.DeadReplayed, &a.DeadPurged, &a.IngestedBefore, &a.MissingBefore, &a.GoneBefore, &a.PutBackBefore,
	}
}
