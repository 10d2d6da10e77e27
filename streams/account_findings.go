package streams

import (
	"fmt"

	"ingestion/internal/plural"
)

// Faults describes each equation that does not hold, by how much and why. There
// are none if the account is balanced, or if what is known of it is.
func (a *Account) Faults() []string {
	var faults []string
	say := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	switch {
	case a.Opened() && !a.StreamThere:
		say("the stream is gone, and the consumer group with it: a worker creates both again when it next reads")
	case a.Opened() && !a.GroupThere:
		say("the consumer group %q is gone: a worker creates it again when it next reads", a.Group)
	}
	if gone := a.Gone(); gone < 0 {
		say("%s there or trimmed than were added: the stream was deleted and created again, or `trimmed` or `base` in the ledger was changed", plural.Of(-gone, "more entry is", "more entries are"))
	}
	if rest := a.settlement().Difference(); rest > 0 {
		say("%s missing and not counted as such yet%s; a worker counts and logs them when it next looks", plural.Of(rest, "entry is", "entries are"), a.without(rest))
	} else if rest < 0 {
		say("%s than entries: settled entries are delivered again, for which a worker begins a new epoch when it next looks, or the ledger was changed", plural.Of(-rest, "more outcome", "more outcomes"))
	}
	if rest := a.remainder().Difference(); rest > 0 {
		say("%s without an outcome: neither settled nor pending nor undelivered, but %s", plural.Of(rest, "entry is", "entries are"), skippedOrDropped)
	}
	if d := a.deferral().Difference(); d > 0 {
		say("%s gone from the delayed set without going back on the stream", plural.Of(d, "deferred record is", "deferred records are"))
	} else if d < 0 {
		say("%s or went back on the stream than were deferred", plural.Of(-d, "more deferred record waits", "more deferred records wait"))
	}
	if d := a.deadLetters().Difference(); d > 0 {
		say("%s deleted by another client, neither replayed nor purged", plural.Of(d, "dead letter was", "dead letters were"))
	} else if d < 0 {
		say("%s there, replayed or purged than were written", plural.Of(-d, "more dead letter is", "more dead letters are"))
	}
	return faults
}

const skippedOrDropped = "skipped (XGROUP SETID, a group created at `$`), dropped (XGROUP DELCONSUMER, XACK by another client)"

// without says what happened to entries that have no outcome.
func (a *Account) without(n int64) string {
	if a.GoneUnread() < n {
		return ": neither settled nor pending nor undelivered, but " + skippedOrDropped + " or deleted"
	}
	if a.FirstEntry != "" && before(a.LastDelivered, a.FirstEntry) {
		return fmt.Sprintf(": deleted by another client between %s, the last one delivered, and %s, the first one on the stream", a.LastDelivered, a.FirstEntry)
	}
	return ": deleted by another client without having been delivered"
}

// Losses describes missing entries, and those that Redis lost when the current epoch
// began, whether or not the account is balanced.
func (a *Account) Losses() []string {
	var losses []string
	if a.Missing > 0 {
		losses = append(losses, fmt.Sprintf("%s without an outcome: deleted, skipped or dropped by another client, as `entries_missing` in the workers' log says; lost unless the producer sends them again", plural.Of(a.Missing, "entry is", "entries are")))
	}
	for _, r := range a.Rewinds {
		if r.Epoch == a.Epoch && r.Before != "" {
			losses = append(losses, fmt.Sprintf("Redis has lost the entries between %s and %s, some of which workers had read: it went back to an earlier state, as in a failover; Redis can't tell how many, the log of the producer can", r.After, r.Before))
		}
	}
	return losses
}

// Notes explains what is not a fault but helps to read the account.
func (a *Account) Notes() []string {
	var notes []string
	say := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	switch {
	case !a.Opened():
		say("no worker has opened the ledger yet, or Redis has lost it: there is nothing to compare with")
	case a.Unaccounted:
		say("nothing can be compared: the group had been read when the ledger was opened, so the ledger before it was deleted, or other clients read through this group; a new account begins when the group is destroyed and created again")
	case a.Uncounted:
		say("this Redis does not count the entries ever added: Redis does from 7.0 on, the embedded one does not; so the account can't show whether another client deleted entries before they were delivered")
	case !a.Known && a.StreamThere:
		say("how many entries were added is unknown: Redis counts them from 7.0 on, and must have done so when the group was created")
	}
	if gone := a.Gone(); gone > 0 {
		say("%s deleted from the stream by another client%s", plural.Of(gone, "entry was", "entries were"), a.goneFrom())
	}
	if a.Epoch > 1 {
		say("the counts are those of epoch %d: %s", a.Epoch, a.began())
	}
	for _, r := range a.Rewinds {
		if r.Before != "" && r.Epoch < a.Epoch {
			say("when epoch %d began, Redis had lost the entries between %s and %s, some of which workers had read", r.Epoch, r.After, r.Before)
		}
	}
	if a.GoneBefore > 0 {
		say("in earlier epochs %s deleted from the stream by another client", plural.Of(a.GoneBefore, "entry had been", "entries had been"))
	}
	if a.MissingBefore > 0 {
		say("in earlier epochs %s missing", plural.Of(a.MissingBefore, "entry was", "entries were"))
	}
	return notes
}

func (a *Account) goneFrom() string {
	if !a.settlement().Known {
		return "; how many of them were undelivered is unknown"
	}
	if a.settlement().Difference() != 0 {
		return ""
	}
	return "; all of them are settled, pending or counted as missing"
}

// began says why the latest epoch began.
func (a *Account) began() string {
	last := Rewind{}
	if n := len(a.Rewinds); n > 0 {
		last = a.Rewinds[n-1]
	}
	switch {
	case last.Epoch < a.Epoch:
		return "the consumer group had vanished and was created again"
	case last.WentBack:
		return "Redis had gone back to an earlier state, as in a failover"
	default:
		return "the consumer group had been set back (XGROUP SETID, or a failover to a replica that lagged behind), so entries were delivered again"
	}
}
