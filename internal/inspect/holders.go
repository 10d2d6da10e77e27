package inspect

import (
	"context"
	"slices"

	"ingestion/streams"
)

// Holders adds up who holds entries of the partitions; nil for a list, which does not tell.
// Delivered is that of all partitions.
func (s Source) Holders(ctx context.Context) (*streams.Holders, error) {
	if s.IsList() {
		return nil, nil
	}
	var total streams.Holders
	for _, key := range s.Keys {
		h, err := streams.ReadHolders(ctx, s.Redis, key, s.Group, s.Lease)
		if err != nil {
			return nil, err
		}
		total.Live = append(total.Live, h.Live...)
		total.LivePending += h.LivePending
		total.Silent += h.Silent
		total.Delivered += h.Delivered + " "
	}
	slices.Sort(total.Live)
	total.Live = slices.Compact(total.Live) // a worker has the same name in all partitions
	return &total, nil
}
