package streams

import (
	"fmt"

	"ingestion/record"
)

// Equation is one of the account's: two ways to count the same.
type Equation struct {
	Name        string // for example "settlement"
	Formula     string // in words: left = right
	Known       bool   // false where Redis does not tell enough to judge it
	Left, Right int64
}

// Difference is how much more there is on the left; 0 where it isn't known.
func (e Equation) Difference() int64 {
	if !e.Known {
		return 0
	}
	return e.Left - e.Right
}

// Holds says that both sides are known and equal.
func (e Equation) Holds() bool { return e.Known && e.Left == e.Right }

// Equations are those of one account.
func (a *Account) Equations() []Equation {
	return []Equation{a.presence(), a.settlement(), a.deferral(), a.burial()}
}

// presence: every entry that was added is still there, or trimmed by the
// service, or somebody else has taken it, which the account goes on without.
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
		Formula: "entries added = all outcomes + pending + undelivered + missing",
		Known:   a.Known && a.GroupThere, Left: a.Added - a.Base, Right: a.Settled() + a.Pending + a.Undelivered + a.Missing,
	}
}

func (a *Account) deferral() Equation {
	return Equation{
		Name:    "deferral",
		Formula: "deferred = returned + delayed",
		Known:   a.Opened(), Left: a.Outcomes[record.Deferred], Right: a.Returned + a.Delayed,
	}
}

func (a *Account) burial() Equation {
	return Equation{
		Name:    "dead letters",
		Formula: "dead letters written = there + replayed + purged",
		Known:   a.Opened(), Left: a.DeadWritten, Right: a.DeadKept + a.DeadReplayed + a.DeadPurged,
	}
}

// Verdict is what an account comes to.
type Verdict string

// The verdicts. Unknown is never a good sign: nothing that can be judged is
// wrong, but not all can be.
const (
	Balanced   Verdict = "balanced"
	Unbalanced Verdict = "unbalanced"
	Unknown    Verdict = "unknown"
)

// Verdict judges one partition's account. That of a Total may hide differences
// that cancel out: judge the partitions, with Judge.
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

// Judge is the gravest verdict of several accounts.
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

// Documents is what the database holds beside the accounts, for a collection
// that only this stream feeds.
type Documents struct {
	Count       int64
	Least, Most int64
	Lost        int64 // among them, of entries that Redis lost
}

// CompareDocuments says how many documents there may be, counted between two
// readings of the account: none that was ingested before is missing, and each
// was ingested since, or its entry has no outcome yet, or Redis has lost it.
// After a new epoch has begun, its entries may have been inserted in an earlier
// one; and a record that was put back in one counts for two entries that are
// read again.
func CompareDocuments(before *Account, count, lost int64, after *Account) Documents {
	d := Documents{Count: count, Lost: lost, Least: max(before.Outcomes[record.Ingested]-before.PutBackBefore, 0)}
	d.Most = after.Outcomes[record.Ingested] + after.IngestedBefore + after.Pending + after.Missing + after.MissingBefore + after.Outcomes[record.Poisoned] + lost
	if after.Epoch > 1 {
		d.Most += after.Undelivered
	}
	return d
}

// Holds says that the number of documents is one that may be.
func (d Documents) Holds() bool { return d.Least <= d.Count && d.Count <= d.Most }

// Fault says what is wrong with the number of documents; empty if nothing is.
func (d Documents) Fault() string {
	switch {
	case d.Count < d.Least:
		return fmt.Sprintf("%s counted as ingested can't be found in MongoDB: somebody has deleted them, or MONGO_DB or MONGO_COLLECTION is another one",
			plural(d.Least-d.Count, "record", "records"))
	case d.Count > d.Most:
		return fmt.Sprintf("%s in MongoDB that this ledger does not know of: something else feeds the collection, or Redis has lost its ledger, or entries in a failover that no worker saw",
			plural(d.Count-d.Most, "document is", "documents are"))
	default:
		return ""
	}
}

// Note says what is worth knowing of the documents; empty if nothing is.
func (d Documents) Note() string {
	if d.Lost == 0 {
		return ""
	}
	return fmt.Sprintf("%s in MongoDB whose entries Redis lost when it went back: they were ingested, and are in no count of the ledger",
		plural(d.Lost, "document is", "documents are"))
}

func plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
