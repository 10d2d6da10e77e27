package check

// checkAccount: every partition's ledger closes, and says what is to be seen.
func (j *judge) checkAccount() {
	seen := j.seen()
	var ingested int64
	rewound := len(j.Rewinds) > 0
	for p := range j.Partitions {
		j.checkPartition(p, seen[p])
		ingested += j.Partitions[p].Ledger["ingested"]
	}
	least, most := int64(len(j.Documents))-j.uncounted(), int64(len(j.Documents))
	if ingested > most || ingested < least && !rewound {
		j.bad(Unbalanced, "the ledgers count %d ingested, MongoDB has %d documents, of which %d may count as missing", ingested, most, most-least)
	}
}

// uncounted is how many documents may be of entries that were taken after they
// were stored and before they were counted.
func (j *judge) uncounted() (n int64) {
	ids := map[string]bool{}
	for id, t := range j.Taken {
		if !t.Pending {
			continue
		}
		ids[id.ID] = true
		if origin := j.Entries[id].Origin; origin != "" {
			ids[origin] = true
		}
	}
	for _, d := range j.Documents {
		if ids[d.StreamID] {
			n++
		}
	}
	return n
}

// seen is what the evidence says of a partition, beside its ledger.
type seen struct {
	entries, back int64
	dead          map[string]int64 // dead letters by event
}

func (j *judge) seen() []seen {
	all := make([]seen, len(j.Partitions))
	for p := range all {
		all[p].dead = map[string]int64{}
	}
	for id, e := range j.Entries {
		all[id.Partition].entries++
		if e.Origin != "" {
			all[id.Partition].back++
		}
	}
	for _, d := range j.Dead {
		all[d.Entry.Partition].dead[d.Event]++
	}
	return all
}

// checkPartition: the ledger is of the last epoch, so where the group was set
// back it says less about the whole run.
func (j *judge) checkPartition(p int, seen seen) {
	part := &j.Partitions[p]
	l := part.Ledger
	nothing := func(what string, n int64) {
		if n != 0 {
			j.bad(Leftover, "partition %d: %d %s", p, n, what)
		}
	}
	nothing("entries pending", part.Pending)
	nothing("entries undelivered", part.Undelivered)
	nothing("records in the delayed set", part.Delayed)
	nothing("bodies of the delayed set", part.DelayedData)

	within := func(what string, n, least, most int64) {
		if n < least || n > most {
			j.bad(Unbalanced, "partition %d: %s: %d is not within %d and %d; ledger %v", p, what, n, least, most, l)
		}
	}
	equal := func(what string, a, b int64) { within(what, a, b, b) }
	removed, pending, unread := j.lossyTaken(p)
	rewinds := j.Rewinds[p]
	least := func(n int64) int64 { // of what was counted in all epochs
		if rewinds.Most > 0 {
			return 0
		}
		return n
	}
	var settled int64
	for _, o := range outcomes {
		settled += l[o]
	}
	added := part.Added - l["base"]
	within("entries added less trimmed and there, of those that strangers took", added-l["trimmed"]-part.Length, least(removed), removed)
	equal("entries added = outcomes + pending + undelivered + missing", added, settled+part.Pending+part.Undelivered+l["missing"])
	equal("deferred = returned + delayed", l["deferred"], l["returned"]+part.Delayed)
	equal("dead letters written = there + replayed + purged", l["dead"], part.Dead+l["replayed"]+l["purged"])
	within("missing, of those that strangers took", l["missing"], least(unread), unread+pending)
	within("epoch", l["epoch"], int64(1+rewinds.Least), int64(1+rewinds.Most))

	equal("entries added, entries witnessed", part.Added, seen.entries)
	// A deferred entry that came again and is deferred again takes the place of
	// what waits, which counts as returned.
	within("returned, entries with an origin", l["returned"], least(seen.back), seen.back+j.rewoundIn(p))
	for _, event := range refusals {
		within(event+", dead letters of it", l[event], least(seen.dead[event]), seen.dead[event])
	}
}
