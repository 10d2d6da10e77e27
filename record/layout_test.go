package record_test

import (
	"slices"
	"testing"

	"ingestion/record"
)

func TestLayoutKeys(t *testing.T) {
	for _, c := range []struct {
		layout record.Layout
		want   []string
	}{
		{record.Layout{Key: "s", Partitions: 1}, []string{"s"}},
		{record.Layout{Key: "s", Partitions: 2}, []string{"s:0", "s:1"}},
		{record.Layout{Key: "s", Partitions: 1, Former: []int{2, 3}}, []string{"s", "s:0", "s:1", "s:2"}},
		{record.Layout{Key: "s", Partitions: 2, Former: []int{1, 3, 2}}, []string{"s:0", "s:1", "s", "s:2"}},
		{record.Layout{Key: "s", Partitions: 3, Former: []int{2}}, []string{"s:0", "s:1", "s:2"}},
	} {
		if got := c.layout.Keys(); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %q, want %q", c.layout, got, c.want)
		}
		if homes := c.layout.Homes(); !slices.Equal(homes, c.want[:c.layout.Partitions]) {
			t.Errorf("%+v: the homes are %q", c.layout, homes)
		}
	}
}

// An entry of a customer is in one of its places, whatever the number of partitions was.
func TestLayoutPlaces(t *testing.T) {
	layout := record.Layout{Key: "s", Partitions: 2, Former: []int{1, 4, 3}}
	keys := layout.Keys()
	for _, customer := range []string{"1", "42", "клиент", ""} {
		places := layout.Places(customer)
		if places[0] != layout.Home(customer) {
			t.Errorf("%q is at home in %d, but its first place is %d", customer, layout.Home(customer), places[0])
		}
		for _, n := range []int{1, 2, 3, 4} {
			key := record.PartitionKeys("s", n)[record.HomePartition(customer, n)]
			if !slices.ContainsFunc(places, func(p int) bool { return keys[p] == key }) {
				t.Errorf("%q: %s is none of the places %v", customer, key, places)
			}
		}
		if slices.Sort(places); len(slices.Compact(places)) != len(places) {
			t.Errorf("%q: a place occurs twice in %v", customer, places)
		}
	}
}
