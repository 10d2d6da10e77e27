package streams

import (
	"fmt"

	"ingestion/internal/plural"
	"ingestion/record"
)

// Equation compares two ways to count the same entries of an account.
type Equation struct {
	Name        string // for example "settlement"
	Formula     string // in words: left = right
	Known       bool   // false if Redis does not tell enough
	Left, Right int64
}

// Difference is Left minus Right; 0 if the equation is not Known.
func (e Equation) Difference() int64 {
	if !e.Known {
		return 0
	}
	return e.Left - e.Right
}

// Holds reports whether both sides are known and equal.
func (e Equation) Holds() bool { return e.Known && e.Left == e.Right }

// Equations lists the equations of the account.
func (a *Account) Equations() []Equation {
	settlement := a.settlement()
	if a.Uncounted {
		settlement = a.remainder()
	}
	return []Equation{a.presence(), settlement, a.deferral(), a.deadLetters()}
}

// presence: every entry that was added is on the stream, trimmed by the service, or
// deleted by another client.
func (a *Account) presence() Equation {
	return Equation{
		Name:    "presence",
		Formula: "entries added = trimmed + on the stream + gone",
		Known:   a.Known, Left: a.Added - a.Base, Right: a.Trimmed + a.Length + max(a.Gone(), 0),
	}
}

// settlement: every entry that was added has an outcome, or will have.
func (a *Account) settlement() Equation {
	return Equation{
		Name:    "settlement",
		Formula: "entries added = " + a.places(),
		Known:   a.Known && a.GroupThere && !a.BacklogUnknown, Left: a.Added - a.Base, Right: a.placed(),
	}
}

// placed is the number of entries that are settled, will be, or never will be.
func (a *Account) placed() int64 {
	return a.Settled() + a.Pending + a.Undelivered + a.Missing + a.Moved
}

// places names what placed adds up. Entries are rarely moved to a list.
func (a *Account) places() string {
	if a.Moved != 0 {
		return "all outcomes + pending + undelivered + missing + moved"
	}
	return "all outcomes + pending + undelivered + missing"
}

// remainder is what is left of settlement if Redis does not count added entries: every
// entry that is still known of has an outcome, or will have. If there are fewer
// entries than that, another client has deleted some, and nothing can be compared.
func (a *Account) remainder() Equation {
	e := Equation{
		Name:    "settlement",
		Formula: "trimmed + on the stream = " + a.places(),
		Left:    a.Trimmed + a.Length, Right: a.placed(),
	}
	e.Known = a.Uncounted && a.Opened() && a.GroupThere && !a.BacklogUnknown && e.Left >= e.Right
	return e
}

func (a *Account) deferral() Equation {
	return Equation{
		Name:    "deferral",
		Formula: "deferred = returned + delayed",
		Known:   a.Opened(), Left: a.Outcomes[record.Deferred], Right: a.Returned + a.Delayed,
	}
}

func (a *Account) deadLetters() Equation {
	return Equation{
		Name:    "dead letters",
		Formula: "dead letters written = there + replayed + purged",
		Known:   a.Opened(), Left: a.DeadWritten, Right: a.DeadKept + a.DeadReplayed + a.DeadPurged,
	}
}

// Verdict is the result of checking the equations.
type Verdict string

// The verdicts. Unknown means that no known equation fails, but that some are not
// known.
const (
	Balanced   Verdict = "balanced"
	Unbalanced Verdict = "unbalanced"
	Unknown    Verdict = "unknown"
)

// Verdict checks one partition's account. In a Total differences may cancel each
// other out: use Judge on the partitions instead.
func (a *Account) Verdict() Verdict {
	verdict := Balanced
	if a.Opened() && !a.GroupThere {
		return Unbalanced
	}
	for _, e := range a.Equations() {
		switch {
		case !e.Known:
			verdict = Unknown
		case !e.Holds():
			return Unbalanced
		}
	}
	return verdict
}

// Judge returns the worst verdict of several accounts.
func Judge(accounts []*Account) Verdict {
	verdict := Balanced
	for _, a := range accounts {
		switch a.Verdict() {
		case Unbalanced:
			return Unbalanced
		case Unknown:
			verdict = Unknown
		}
	}
	return verdict
}

// Documents compares the number of documents in a collection that only this stream
// feeds with the account.
type Documents struct {
	Count int64
	// Known means that Least, Most and Lost are known: a ledger counts what was ingested.
	Known       bool
	Least, Most int64 // how many there may be
	Lost        int64 // documents whose entries Redis has lost
}

// CompareDocuments computes how many documents there may be, counted between two
// readings of the account. At least those ingested before exist. At most those
// exist that were ingested since, whose entries have no outcome yet or were moved to a
// list, or whose entries Redis has lost. Entries of a new epoch may have been inserted in an
// earlier one, and a record that was put back then counts twice when its entries
// are read again.
func CompareDocuments(before *Account, count, lost int64, after *Account) Documents {
	if !before.Opened() || !after.Opened() {
		return Documents{Count: count}
	}
	d := Documents{Count: count, Known: true, Lost: lost, Least: max(before.Outcomes[record.Ingested]-before.PutBackBefore, 0)}
	d.Most = after.Outcomes[record.Ingested] + after.IngestedBefore + after.Pending + after.Missing + after.MissingBefore + after.Moved + after.MovedBefore + after.Outcomes[record.Poisoned] + lost
	if after.Epoch > 1 {
		d.Most += after.Undelivered
	}
	return d
}

// Holds reports whether the number of documents is within its bounds, and these are known.
func (d Documents) Holds() bool { return d.Known && d.Least <= d.Count && d.Count <= d.Most }

// Fault says what is wrong with the number of documents; empty if it holds or its bounds are
// unknown.
func (d Documents) Fault() string {
	switch {
	case !d.Known:
		return ""
	case d.Count < d.Least:
		return fmt.Sprintf("%s counted as ingested can't be found in MongoDB: another client deleted them, or this is another database or collection",
			plural.Of(d.Least-d.Count, "record", "records"))
	case d.Count > d.Most:
		return fmt.Sprintf("%s in MongoDB that this ledger does not know of: the collection has another source, or Redis has lost the ledger, or it has lost entries in a failover that no worker saw",
			plural.Of(d.Count-d.Most, "document is", "documents are"))
	default:
		return ""
	}
}

// Note explains documents whose entries are lost; empty if there are none.
func (d Documents) Note() string {
	if d.Lost == 0 {
		return ""
	}
	return fmt.Sprintf("%s in MongoDB whose entries Redis lost when it went back to an earlier state: they were ingested, but the ledger no longer counts them",
		plural.Of(d.Lost, "document is", "documents are"))
}
