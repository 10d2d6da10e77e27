package record

import "strconv"

// HomePartition is the partition, 0 to partitions-1, to which a customer
// belongs: FNV-1a (32 bit) of the trimmed customerId, modulo partitions.
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

// PartitionKeys returns the stream key of each partition: the given key if there is
// one partition, otherwise key:0 to key:partitions-1.
func PartitionKeys(key string, partitions int) []string {
	if partitions <= 1 {
		return []string{key}
	}
	keys := make([]string, partitions)
	for p := range keys {
		keys[p] = key + ":" + strconv.Itoa(p)
	}
	return keys
}
