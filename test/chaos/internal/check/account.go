package check

// checkAccount: every partition's ledger balances and agrees with what was
// observed.
func (c *checker) checkAccount() {
	seen := c.observed()
	var ingested int64
	rewound := len(c.Rewinds) > 0
	for p := range c.Partitions {
		c.checkPartition(p, seen[p])
		ingested += c.Partitions[p].Ledger["ingested"]
	}
	least, most := int64(len(c.Documents))-c.uncounted(), int64(len(c.Documents))
	if ingested > most || ingested < least && !rewound {
		c.failf(Unbalanced, "the ledgers count %d ingested, MongoDB has %d documents, of which %d may count as missing", ingested, most, most-least)
	}
}

// uncounted returns how many documents may belong to entries that were taken
// after they were stored and before they were counted.
func (c *checker) uncounted() (n int64) {
	ids := c.takenWhilePending()
	for _, d := range c.Documents {
		if c.isOf(d, ids) {
			n++
		}
	}
	return n
}

// observed is what the evidence says about a partition, apart from its ledger.
type observed struct {
	entries, returned int64
	dead              map[string]int64 // dead letters by event
}

func (c *checker) observed() []observed {
	all := make([]observed, len(c.Partitions))
	for p := range all {
		all[p].dead = map[string]int64{}
	}
	for id, e := range c.Entries {
		all[id.Partition].entries++
		if e.Origin != "" {
			all[id.Partition].returned++
		}
	}
	for _, d := range c.Dead {
		all[d.Entry.Partition].dead[d.Event]++
	}
	return all
}

// checkPartition checks one ledger. It covers the last epoch only, so it says less
// about the run if the group was set back.
func (c *checker) checkPartition(p int, seen observed) {
	part := &c.Partitions[p]
	l := part.Ledger
	none := func(what string, n int64) {
		if n != 0 {
			c.failf(Leftover, "partition %d: %d %s", p, n, what)
		}
	}
	none("entries pending", part.Pending)
	none("entries undelivered", part.Undelivered)
	none("records in the delayed set", part.Delayed)
	none("bodies of the delayed set", part.DelayedData)

	within := func(what string, n, least, most int64) {
		if n < least || n > most {
			c.failf(Unbalanced, "partition %d: %s: %d, want %d to %d; ledger %v", p, what, n, least, most, l)
		}
	}
	equal := func(what string, a, b int64) { within(what, a, b, b) }
	removed, pending, unread := c.taken(p)
	rewinds := c.Rewinds[p]
	least := func(n int64) int64 { // over all epochs
		if rewinds.Times > 0 {
			return 0
		}
		return n
	}
	added := part.Added - l["base"]
	within("entries added - trimmed - present, removed by other clients", added-l["trimmed"]-part.Length, least(removed), removed)
	equal("entries added = outcomes + pending + undelivered + missing", added, part.counted())
	equal("deferred = returned + delayed", l["deferred"], l["returned"]+part.Delayed)
	equal("dead letters written = present + replayed + purged", l["dead"], part.Dead+l["replayed"]+l["purged"])
	within("missing, taken by other clients", l["missing"], least(unread), unread+pending)
	within("epoch", l["epoch"], 1+c.leastRewinds(p), 1+int64(rewinds.Times))

	equal("entries added, entries observed", part.Added, seen.entries)
	// A deferred entry that is delivered and deferred again replaces the delayed
	// one, which then counts as returned.
	within("returned, entries with an origin", l["returned"], least(seen.returned), seen.returned+c.rewoundIn(p))
	for _, event := range refusals {
		within(event+", its dead letters", l[event], least(seen.dead[event]), seen.dead[event])
	}
}
