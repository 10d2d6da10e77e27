package producer

import "ingestion/record"

// Target is where records go: a list, or the partitions of a stream.
type Target struct {
	list       bool
	key        string
	partitions int
}

// ToList appends to the list at key (QUEUE_KEY).
func ToList(key string) Target { return Target{list: true, key: key, partitions: 1} }

// ToStream adds to the stream at key (STREAM_KEY), or with more than one
// partition to key:0 … key:partitions-1, each record to its customer's home.
func ToStream(key string, partitions int) Target {
	return Target{key: key, partitions: max(partitions, 1)}
}

// Keys are all keys that records may be written to.
func (t Target) Keys() []string { return record.PartitionKeys(t.key, t.partitions) }

// home is the index in Keys for a body; what has no readable customer goes to 0.
func (t Target) home(body []byte) int {
	if t.partitions == 1 {
		return 0
	}
	customer, ok := record.PeekCustomerID(body)
	if !ok {
		return 0
	}
	return record.HomePartition(customer, t.partitions)
}

// kind is the Redis type that the keys must have, as TYPE names it.
func (t Target) kind() string {
	if t.list {
		return "list"
	}
	return "stream"
}

// variable is the setting that names the key.
func (t Target) variable() string {
	if t.list {
		return "QUEUE_KEY"
	}
	return "STREAM_KEY"
}
