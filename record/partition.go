package record

import (
	"slices"
	"strconv"
)

// HomePartition returns the partition of a customer, 0 to partitions-1: the
// FNV-1a hash (32 bits) of the trimmed customerId, modulo partitions.
func HomePartition(customerID string, partitions int) int {
	if partitions <= 1 {
		return 0
	}
	const offset, prime = 2166136261, 16777619
	h := uint32(offset)
	for i := range len(customerID) {
		h = (h ^ uint32(customerID[i])) * prime
	}
	return int(h % uint32(partitions))
}

// PartitionKeys returns the Redis key of each partition's stream: streamKey
// itself if there is only one partition, otherwise streamKey with ":0", ":1" and
// so on.
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

// Layout is how the customers of a stream are spread over partitions, and how they were.
type Layout struct {
	Key        string // of the stream, from which those of its partitions are made
	Partitions int
	// Former are other numbers of partitions that the stream has had. Nothing is at home in
	// their streams, but what is in them still counts.
	Former []int
}

// Keys returns the keys of all streams: first those of the partitions, in their order,
// then those that only former numbers have.
func (l Layout) Keys() []string {
	keys := PartitionKeys(l.Key, l.Partitions)
	for _, n := range l.Former {
		for _, key := range PartitionKeys(l.Key, n) {
			if !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

// Homes returns the keys of the partitions, in which customers are at home.
func (l Layout) Homes() []string { return PartitionKeys(l.Key, l.Partitions) }

// Home returns the partition of a customer, an index of Keys and of Homes.
func (l Layout) Home(customerID string) int { return HomePartition(customerID, l.Partitions) }

// Places returns where entries of a customer may be: the indexes in Keys of its home, and of
// its homes by the former numbers.
func (l Layout) Places(customerID string) []int {
	keys := l.Keys()
	places := []int{l.Home(customerID)}
	for _, n := range l.Former {
		home := PartitionKeys(l.Key, n)[HomePartition(customerID, n)]
		if place := slices.Index(keys, home); !slices.Contains(places, place) {
			places = append(places, place)
		}
	}
	return places
}
