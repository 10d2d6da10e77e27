package streams

import "strconv"

// Keys names everything that belongs to one list or to one partition of a
// stream. All but Main share their hash slot with it by a hash tag.
type Keys struct {
	Main        string // the list or the stream
	Dead        string // stream of dead letters
	Delayed     string // sorted set of entry IDs by due time, ms
	DelayedData string // hash of their fields
	Ledger      string // hash of counts and book-keeping
	Suspects    string // hash of lone attempts by entry ID
	Gone        string // hash of IDs that were dropped from the pending list since they no longer exist
	Scan        string // how far the workers have got with looking for lapsed leases
	Returns     string // hash by entry ID: what we put back on the stream, with its origin and place
	Limits      string // hash of customers' own limits, which the limiter reads
}

// KeysOf derives the keys from that of the list or the partition's stream.
func KeysOf(main string) Keys {
	tag := "{" + main + "}"
	return Keys{
		Main:        main,
		Dead:        tag + ":dead",
		Delayed:     tag + ":delayed",
		DelayedData: tag + ":delayed:data",
		Ledger:      tag + ":ledger",
		Suspects:    tag + ":suspects",
		Gone:        tag + ":gone",
		Scan:        tag + ":scan",
		Returns:     tag + ":returns",
		Limits:      tag + ":limits",
	}
}

// PartitionKeys lists the streams' keys by partition: the stream key itself if
// there is one partition only, else the key with ":0", ":1" and so on.
func PartitionKeys(streamKey string, partitions int) []string {
	if partitions <= 1 {
		return []string{streamKey}
	}
	keys := make([]string, partitions)
	for p := range keys {
		keys[p] = streamKey + ":" + strconv.Itoa(p)
	}
	return keys
}

// pending are the keys of the scripts that may drop an entry, by drop.lua.
func (k *Keys) pending() []string { return []string{k.Main, k.Ledger, k.Suspects, k.Gone, k.Returns} }
