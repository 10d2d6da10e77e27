package streams

import "fmt"

// Faults says in sentences what is wrong with the account, by how much and
// where; none if it is balanced, or if what is known of it is.
func (a *Account) Faults() []string {
	var faults []string
	say := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	switch {
	case a.Opened() && !a.StreamThere:
		say("the stream is gone, and the consumer group with it: a worker makes both again when it next reads")
	case a.Opened() && !a.GroupThere:
		say("the consumer group %q is gone: a worker makes it again when it next reads", a.Group)
	}
	if gone := a.Gone(); gone < 0 {
		say("%s there or trimmed than were added: the stream was deleted and made again, or `trimmed` or `base` in the ledger was changed", plural(-gone, "more entry is", "more entries are"))
	}
	if rest := a.settlement().Difference(); rest > 0 {
		say("%s missing and not counted as such yet%s; a worker counts and logs them when it next looks", plural(rest, "entry is", "entries are"), a.unended(rest))
	} else if rest < 0 {
		say("%s than entries: some come again that were settled, for which a worker begins a new epoch when it next looks, or the ledger was changed", plural(-rest, "more end", "more ends"))
	}
	if d := a.deferral().Difference(); d > 0 {
		say("%s gone from the delayed set without going back on the stream", plural(d, "deferred record is", "deferred records are"))
	} else if d < 0 {
		say("%s or went back on the stream than were deferred", plural(-d, "more deferred record waits", "more deferred records wait"))
	}
	if d := a.burial().Difference(); d > 0 {
		say("%s deleted by somebody else, neither replayed nor purged", plural(d, "dead letter was", "dead letters were"))
	} else if d < 0 {
		say("%s there, replayed or purged than were written", plural(-d, "more dead letter is", "more dead letters are"))
	}
	return faults
}

// unended says what became of entries that have no end.
func (a *Account) unended(n int64) string {
	if a.GoneUnread() < n {
		return ": neither settled nor pending nor undelivered, but skipped (XGROUP SETID, a group made at `$`), dropped (XGROUP DELCONSUMER, XACK by hand) or deleted"
	}
	if a.FirstEntry != "" && before(a.LastDelivered, a.FirstEntry) {
		return fmt.Sprintf(": deleted by somebody else between %s, the last one delivered, and %s, the first one left", a.LastDelivered, a.FirstEntry)
	}
	return ": deleted by somebody else without having been delivered"
}

// Losses says in sentences what is missing, however the account balances.
func (a *Account) Losses() []string {
	if a.Missing == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s without an outcome: deleted, skipped or dropped by somebody else, as `entries_missing` in the workers' log says; lost unless the producer sends them again", plural(a.Missing, "entry is", "entries are"))}
}

// Notes says in sentences what is worth knowing beside the faults.
func (a *Account) Notes() []string {
	var notes []string
	say := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	switch {
	case !a.Opened():
		say("no worker has opened the ledger yet, or Redis has lost it: there is nothing to compare with")
	case a.Unaccounted:
		say("nothing can be compared: the group had been read when the ledger was opened, so the ledger before it was deleted, or others read through this group; a new account begins when the group is destroyed and made again")
	case !a.Known && a.StreamThere:
		say("how many entries were added is unknown: Redis counts them from 7.0 on, and had to when the group was made")
	}
	if gone := a.Gone(); gone > 0 {
		say("%s taken off the stream by somebody else%s", plural(gone, "entry was", "entries were"), a.goneFrom())
	}
	if a.Epoch > 1 {
		say("the counts are those of epoch %d: %s", a.Epoch, a.began())
	}
	for _, r := range a.Rewinds {
		if r.Before != "" {
			say("when epoch %d began, Redis had lost the entries between %s and %s, some of which workers had read", r.Epoch, r.After, r.Before)
		}
	}
	if a.GoneBefore > 0 {
		say("in earlier epochs %s taken off the stream by somebody else", plural(a.GoneBefore, "entry had been", "entries had been"))
	}
	if a.MissingBefore > 0 {
		say("in earlier epochs %s missing", plural(a.MissingBefore, "entry was", "entries were"))
	}
	return notes
}

func (a *Account) goneFrom() string {
	if !a.settlement().Known {
		return "; how many of these were undelivered is not known"
	}
	if a.settlement().Difference() != 0 {
		return ""
	}
	return "; all of these are settled, pending or counted as missing"
}

// began says why there is more than one epoch.
func (a *Account) began() string {
	last := Rewind{}
	if n := len(a.Rewinds); n > 0 {
		last = a.Rewinds[n-1]
	}
	switch {
	case last.Epoch < a.Epoch:
		return "the consumer group had vanished, and was made again"
	case last.WentBack:
		return "Redis had gone back to an earlier state, as in a failover"
	default:
		return "the consumer group had been set back (XGROUP SETID), so entries came again that were settled"
	}
}
