package streams

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
	Limits        string // hash of per-customer limits, read by the limiter
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
		Limits:        tag + ":limits",
	}
}
