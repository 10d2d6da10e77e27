package record

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
