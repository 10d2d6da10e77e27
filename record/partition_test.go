package record_test

import (
	"hash/fnv"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"ingestion/record"
)

// The home partition is the 32-bit FNV-1a hash modulo the number of partitions.
func TestHomePartition(t *testing.T) {
	for _, partitions := range []int{-1, 0, 1} {
		if got := record.HomePartition("42", partitions); got != 0 {
			t.Errorf("of %d: %d, want 0", partitions, got)
		}
	}
	// FNV's published test vectors: 0x811c9dc5 for "", 0xe40c292c for "a", 0xbf9cf968 for "foobar".
	for text, hash := range map[string]uint32{"": 0x811c9dc5, "a": 0xe40c292c, "foobar": 0xbf9cf968} {
		if got := record.HomePartition(text, 1000); got != int(hash%1000) {
			t.Errorf("%q: %d, want %d", text, got, hash%1000)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "customerId")
		partitions := rapid.IntRange(2, 64).Draw(t, "partitions")
		h := fnv.New32a()
		_, _ = h.Write([]byte(text))
		if got, want := record.HomePartition(text, partitions), int(h.Sum32()%uint32(partitions)); got != want {
			t.Fatalf("%q of %d: %d, want %d", text, partitions, got, want)
		}
	})
}

func TestPartitionKeys(t *testing.T) {
	for partitions, want := range map[int][]string{
		0: {"s"},
		1: {"s"},
		3: {"s:0", "s:1", "s:2"},
	} {
		if got := record.PartitionKeys("s", partitions); !slices.Equal(got, want) {
			t.Errorf("%d partitions: got %q, want %q", partitions, got, want)
		}
	}
}
