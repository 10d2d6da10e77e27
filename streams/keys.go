package streams

import "strings"

// Keys names all Redis keys of one list or of one partition of a stream. All but
// Main use a hash tag, so that they share Main's hash slot.
type Keys struct {
	Main          string // the list or stream
	Dead          string // stream of dead letters
	Delayed       string // sorted set of deferred entry IDs by due time in ms
	DelayedData   string // hash of the deferred records' fields by entry ID
	Ledger        string // hash of counts and bookkeeping
	AttemptCounts string // hash of quarantined attempts by entry ID
	Gone          string // hash of entry IDs dropped from the pending list because they no longer exist
	Scan          string // cursor of the scan for expired leases, shared by all workers
	Returns       string // hash of what was put back on the stream: origin and reserved slot by entry ID
	Control       string // hash of what operators ask of the workers
	Workers       string // hash of the live workers and their settings by consumer name
	Limits        string // hash of per-customer limits, read by the limiter
	HistoryMinute string // hash of what happened in each minute: see ReadHistory
	HistoryHour   string // the same for each hour
	Refused       string // hash of the customers most refused: see ReadRefused
	Audit         string // list of what people did by the console: see Activity
	Archiver      string // who archives the partition: see Archive.Lease
	Outcomes      string // stream of notes what became of entries, for the archive: see outcomes.lua

	OutcomesArchiver string // who archives Outcomes
}

// KeysOf derives all keys from the key of a list or of a partition's stream.
func KeysOf(main string) Keys {
	tag := "{" + main + "}"
	return Keys{
		Main:          main,
		Dead:          tag + ":dead",
		Delayed:       tag + ":delayed",
		DelayedData:   tag + ":delayed:data",
		Ledger:        tag + ":ledger",
		AttemptCounts: tag + ":suspects",
		Gone:          tag + ":gone",
		Scan:          tag + ":scan",
		Returns:       tag + ":returns",
		Control:       tag + ":control",
		Workers:       tag + ":workers",
		Limits:        tag + ":limits",
		HistoryMinute: tag + ":history:minute",
		HistoryHour:   tag + ":history:hour",
		Refused:       tag + ":refused",
		Audit:         tag + ":audit",
		Archiver:      tag + ":archiver",
		Outcomes:      tag + ":outcomes",

		OutcomesArchiver: tag + ":outcomes:archiver",
	}
}

// notesSuffix ends the key of the notes of outcomes; no queue's key has a brace.
const notesSuffix = "}:outcomes"

// keysAround is KeysOf for the stream of a partition, or for its notes of outcomes, which are
// read as a stream too. Of the keys beside the notes only the lease exists; all are in the hash
// slot of the partition.
func keysAround(key string) Keys {
	if !strings.HasSuffix(key, notesSuffix) {
		return KeysOf(key)
	}
	return Keys{
		Main: key, Dead: key + ":dead", Delayed: key + ":delayed", DelayedData: key + ":delayed:data",
		Ledger: key + ":ledger", Returns: key + ":returns", Archiver: key + ":archiver",
	}
}
