package check

// checkAccount: every partition's ledger closes, and says what is to be seen.
func (j *judge) checkAccount() {
	seen := j.seen()
	var ingested int64
	for p := range j.Partitions {
		j.checkPartition(p, seen[p])
		ingested += j.Partitions[p].Ledger["ingested"]
	}
	if n := int64(len(j.Documents)); ingested != n {
		j.bad(Unbalanced, "the ledgers count %d ingested, MongoDB has %d documents", ingested, n)
	}
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

	equal := func(what string, a, b int64) {
		if a != b {
			j.bad(Unbalanced, "partition %d: %s: %d is not %d; ledger %v", p, what, a, b, l)
		}
	}
	var settled int64
	for _, o := range outcomes {
		settled += l[o]
	}
	added := part.Added - l["base"]
	equal("entries added = trimmed + there", added, l["trimmed"]+part.Length)
	equal("entries added = outcomes + pending + undelivered + missing", added, settled+part.Pending+part.Undelivered+l["missing"])
	equal("deferred = returned + delayed", l["deferred"], l["returned"]+part.Delayed)
	equal("dead letters written = there + replayed + purged", l["dead"], part.Dead+l["replayed"]+l["purged"])
	equal("missing", l["missing"], 0)
	equal("epoch", l["epoch"], 1)

	equal("entries added, entries witnessed", added, seen.entries)
	equal("returned, entries with an origin", l["returned"], seen.back)
	for _, event := range refusals {
		equal(event+", dead letters of it", l[event], seen.dead[event])
	}
}
