package streams

import (
	"math"
	"strings"
	"time"

	"ingestion/record"
)

// Account says where the entries of one partition are at one moment: what the
// ledger has counted, and what Redis holds. Total adds up several.
type Account struct {
	Key   string // the partition's stream
	Group string // the consumer group that is accounted for
	Epoch int64  // the ledger's epoch; 0 if no worker has opened the ledger
	// partly means that a Total adds up ledgers of which at least one is not open.
	partly bool

	StreamThere, GroupThere bool

	// Known means that Added and Base are known.
	Known bool
	// Unaccounted means that they are unknown because the group had been read before
	// the ledger was opened.
	Unaccounted bool
	// Uncounted means that they are unknown because this Redis does not count the
	// entries ever added to a stream, as the embedded one does not.
	Uncounted   bool
	Added, Base int64 // entries ever added; those among them that do not belong to this epoch

	Trimmed     int64 // settled entries deleted by the service
	Length      int64 // entries on the stream
	Outcomes    map[record.Outcome]int64
	Pending     int64 // delivered and not settled
	Undelivered int64 // on the stream and not delivered, counted exactly, unlike the lag that Redis reports
	// BacklogUnknown means that Undelivered is not known. Only a Snapshot may have that:
	// there are too many undelivered entries to count, and nothing else tells their number.
	BacklogUnknown bool
	Missing        int64 // without an outcome: deleted, skipped or dropped by another client
	Moved          int64 // without an outcome: moved to a list

	Returned int64 // deferred records put back on the stream
	Delayed  int64 // deferred records that wait

	DeadWritten  int64 // dead letters ever written
	DeadKept     int64 // dead letters in Redis
	DeadReplayed int64 // dead letters put back on the stream
	DeadPurged   int64 // dead letters deleted by the service or by ingestctl

	// In earlier epochs: counted as ingested; missing; deleted from the stream by
	// another client, as far as is known.
	IngestedBefore, MissingBefore, GoneBefore int64
	MovedBefore                               int64 // moved to a list in earlier epochs
	// PutBackBefore is how many records were put back on the stream in earlier epochs:
	// each has two entries, and one document.
	PutBackBefore int64

	// Rewinds are the epochs that began because entries were delivered again or lost.
	Rewinds []Rewind

	// Entry IDs; empty if there is none.
	FirstEntry, LastEntry, LastDelivered, OldestPending, Watermark string
}

// Rewind is how an epoch began while the group existed.
type Rewind struct {
	Epoch int64
	// WentBack means that Redis lost its latest entries, as in a failover; otherwise
	// the group was set back, and nothing is lost.
	WentBack bool
	// After and Before are entry IDs: the entries between them were lost, some of
	// which a worker had read. Empty if there are none.
	After, Before string
}

// Lost reports whether an entry with this ID was lost when Redis went back.
func (a *Account) Lost(id string) bool {
	for _, r := range a.Rewinds {
		if r.Before != "" && before(r.After, id) && before(id, r.Before) {
			return true
		}
	}
	return false
}

// LostSpan returns a range of strings, in lexical order, that contains the IDs of
// all lost entries; two empty strings if none was lost.
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

// Unfinished is the number of entries that are not settled and of deferred records
// that wait.
func (a *Account) Unfinished() int64 { return a.Undelivered + a.Pending + a.Delayed }

// Behind is how long before the newest entry the last delivered one arrived; 0 if
// none was delivered.
func (a *Account) Behind() time.Duration {
	delivered := arrival(a.LastDelivered)
	if delivered == 0 || a.LastEntry == "" {
		return 0
	}
	const longest = int64(math.MaxInt64 / time.Millisecond)
	return time.Duration(min(max(0, arrival(a.LastEntry)-delivered), longest)) * time.Millisecond
}

// Waiting is how long before now the oldest pending entry arrived; 0 if none is
// pending.
func (a *Account) Waiting(now time.Time) time.Duration {
	if a.OldestPending == "" {
		return 0
	}
	return max(0, now.Sub(time.UnixMilli(arrival(a.OldestPending))))
}

// Opened reports whether a worker has opened the ledger; of a Total, all ledgers. If not,
// what only a ledger counts is unknown, and 0 here: outcomes, missing and moved entries,
// trimmed and returned ones, and the dead letters written, replayed and purged.
func (a *Account) Opened() bool { return a.Epoch > 0 && !a.partly }

// Gone is how many entries of this epoch another client has deleted from the
// stream; 0 if Known is false.
func (a *Account) Gone() int64 {
	if !a.Known {
		return 0
	}
	return a.Added - a.Base - a.Trimmed - a.Length
}

// GoneUnread is how many of them were never delivered and are not yet counted as
// missing; 0 if that is unknown because the group is gone.
func (a *Account) GoneUnread() int64 {
	return min(max(a.Gone(), 0), max(a.settlement().Difference(), 0))
}

// Total adds up the accounts of a stream's partitions. They are of different
// moments, but the equations of each hold, so those of the sum hold as well.
func Total(accounts []*Account) *Account {
	t := &Account{Outcomes: map[record.Outcome]int64{}, StreamThere: true, GroupThere: true, Known: true}
	for _, a := range accounts {
		t.Group, t.Epoch, t.partly = a.Group, max(t.Epoch, a.Epoch), t.partly || !a.Opened()
		t.BacklogUnknown = t.BacklogUnknown || a.BacklogUnknown
		t.Known, t.Uncounted = t.Known && a.Known, t.Uncounted || a.Uncounted
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
		&a.Added, &a.Base, &a.Trimmed, &a.Length, &a.Pending, &a.Undelivered, &a.Missing, &a.Moved, &a.MovedBefore, &a.Returned, &a.Delayed,
		&a.DeadWritten, &a.DeadKept, &a.DeadReplayed, &a.DeadPurged, &a.IngestedBefore, &a.MissingBefore, &a.GoneBefore, &a.PutBackBefore,
	}
}
