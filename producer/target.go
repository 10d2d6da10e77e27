package producer

import (
	"errors"

	"ingestion/record"
)

// Target is where records are written: a list, or the partitions of a stream.
type Target struct {
	list       bool
	key        string
	partitions int
}

// ToList returns the list at key.
func ToList(key string) Target { return Target{list: true, key: key, partitions: 1} }

// ToStream returns the stream at key, divided into partitions if there is more
// than one. Each record is written to its customer's partition.
func ToStream(key string, partitions int) Target {
	return Target{key: key, partitions: partitions}
}

func (t Target) check() error {
	var faults []error
	if t.key == "" {
		faults = append(faults, errors.New("the target has no key"))
	}
	if t.partitions < 1 {
		faults = append(faults, errors.New("the target has no partition"))
	}
	return errors.Join(faults...)
}

// Keys returns all keys that records may be written to, by partition.
func (t Target) Keys() []string { return record.PartitionKeys(t.key, t.partitions) }

// home returns the index in Keys for a body. A body without a valid customerId
// belongs to partition 0.
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

// kind returns the Redis type of the keys, as returned by TYPE.
func (t Target) kind() string {
	if t.list {
		return "list"
	}
	return "stream"
}
