package fold

import (
	"strconv"

	"ingestion/archive"
	"ingestion/streams"
)

// The fields of an entry that count here.
const (
	fieldOrigin  = "ingestion:origin"
	fieldAdmitAt = "ingestion:admitAt"
)

// delivery is an entry as a worker would get it. Its Source is the key of the partition,
// which tells apart two entries with the same ID.
func delivery(key string, e archive.Entry) streams.Delivery {
	d := streams.NewDelivery(e.ID, e.Fields)
	d.Source = key
	return d
}

// putBack is what the service wrote into an entry that it put back on the stream.
type putBack struct {
	origin string // the record's first entry
	slot   int64  // ms: the place that was reserved for a deferred record; 0 for a replayed dead letter
}

// readPutBack returns what the last fields of an entry say, or false if they say nothing
// that the service could have written. A worker believes them only if its own notes in
// Redis agree, but those are gone once the entry is settled.
func readPutBack(e archive.Entry) (b putBack, ok bool) {
	fields := e.Fields
	if slot, found := lastField(fields, fieldAdmitAt); found {
		at, err := strconv.ParseInt(slot, 10, 64)
		if err != nil || at <= 0 || at > arrival(e.ID) {
			return b, false
		}
		b.slot, fields = at, fields[:len(fields)-2]
	}
	b.origin, ok = lastField(fields, fieldOrigin)
	return b, ok && archive.IsID(b.origin) && archive.CompareIDs(b.origin, e.ID) < 0
}

func lastField(fields []string, name string) (value string, ok bool) {
	n := len(fields) - 2
	if n < 0 || fields[n] != name {
		return "", false
	}
	return fields[n+1], true
}
