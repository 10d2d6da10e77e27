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
	if gone := a.Gone(); gone > 0 {
		say("%s taken off the stream by somebody else%s", plural(gone, "entry was", "entries were"), a.unread())
	} else if gone < 0 {
		say("%s there or trimmed than were added: the stream was deleted and made again, or `trimmed` or `base` in the ledger was changed", plural(-gone, "more entry is", "more entries are"))
	}
	if rest := a.settlement().Difference() - a.GoneUnread(); rest > 0 {
		say("%s no end: neither settled nor pending, undelivered or missing", plural(rest, "entry has", "entries have"))
	} else if rest < 0 {
		say("%s than entries: some were counted twice, or the ledger was changed", plural(-rest, "more end", "more ends"))
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

func (a *Account) unread() string {
	if !a.settlement().Known {
		return "; how many of these were undelivered is not known"
	}
	n := a.GoneUnread()
	if n == 0 {
		return "; all of these are settled, pending or counted as missing"
	}
	where := ""
	if a.FirstEntry != "" && before(a.LastDelivered, a.FirstEntry) {
		where = fmt.Sprintf(", between %s, the last one delivered, and %s, the first one left", a.LastDelivered, a.FirstEntry)
	}
	return fmt.Sprintf("; %s never delivered%s: lost unless the producer sends them again", plural(n, "was", "were"), where)
}

// Notes says in sentences what is worth knowing beside the faults.
func (a *Account) Notes() []string {
	var notes []string
	say := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	switch {
	case !a.Opened():
		say("no worker has opened the ledger yet, or Redis has lost it: there is nothing to compare with")
	case !a.Known && a.StreamThere:
		say("how many entries were added is unknown: Redis counts them from 7.0 on, and had to when the group was made")
	}
	if a.Missing > 0 {
		say("%s deleted by somebody else before being settled: lost unless the producer sends them again", plural(a.Missing, "entry was", "entries were"))
	}
	if a.Epoch > 1 {
		say("the consumer group was made %d times; the counts are those since the last time", a.Epoch)
	}
	if a.GoneBefore > 0 {
		say("before the group was made again, %s taken off the stream by somebody else", plural(a.GoneBefore, "entry had been", "entries had been"))
	}
	return notes
}
