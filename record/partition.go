package record

import "strconv"

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
