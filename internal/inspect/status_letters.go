package inspect

import (
	"cmp"
	"context"
	"slices"

	"ingestion/record"
	"ingestion/streams"
)

// Letters are the newest dead letters of all partitions.
type Letters struct {
	Err     error    // why not all is known; nil if it is
	Unread  []Unread // the partitions that are left out; all that is known is of the others
	Letters []Letter
}

// Letter is a dead letter, without its body.
type Letter struct {
	streams.DeadLetter
	Key        string // of its partition or list
	CustomerID string // empty if its body does not tell
}

// ReadLetters reads the n newest dead letters.
func ReadLetters(ctx context.Context, src Source, n int) Letters {
	lists, unread, err := each(src.all(), func(key string) ([]Letter, error) { return newest(ctx, src, key, n) })
	all := slices.Concat(lists...)
	slices.SortStableFunc(all, func(a, b Letter) int {
		return cmp.Compare(streams.ArrivalOf(b.ID).UnixMilli(), streams.ArrivalOf(a.ID).UnixMilli())
	})
	return Letters{Err: err, Unread: unread, Letters: all[:min(n, len(all))]}
}

func newest(ctx context.Context, src Source, key string, n int) ([]Letter, error) {
	var letters []Letter
	if n <= 0 {
		return nil, nil
	}
	for l, err := range src.deadLetters(key).Letters(ctx, true) {
		if err != nil {
			return nil, err
		}
		customer := ""
		if l.Fields == nil {
			customer, _ = record.PeekCustomerID([]byte(l.Data))
		}
		l.Data, l.Fields = "", nil
		letters = append(letters, Letter{DeadLetter: l, Key: key, CustomerID: customer})
		if len(letters) == n {
			break
		}
	}
	return letters, nil
}
