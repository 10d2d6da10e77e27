package consumer

import (
	"context"
	"fmt"

	"ingestion/streams"
)

// settle logs the outcomes of a batch and settles them. It retries until ctx has ended,
// and grace longer. If the log can't be written, nothing more is received: refusals
// must not go unrecorded. It returns how many deliveries were settled, and those with
// an outcome that have to be returned to the queue.
func (c *Consumer) settle(ctx context.Context, b *batch) (settled int, unsettled []streams.Delivery) {
	c.logOutcomes(b.items)
	settlements := b.decided()
	if len(settlements) == 0 {
		return 0, nil
	}
	if err := c.opts.Flush(); err != nil {
		c.abort(err)
	}
	ctx, cancel := withGrace(ctx)
	defer cancel()
	settled, settlements = c.settleAll(ctx, settlements)
	if c.opts.Lease == 0 {
		return settled, nil // a list has no pending entries: nacked, they would be processed twice
	}
	for i := range settlements {
		unsettled = append(unsettled, *settlements[i].Delivery)
	}
	return settled, unsettled
}

// settleAll retries until the queue has taken all settlements or ctx ends. It returns
// how many were settled, and the rest if ctx has ended.
//
// The queue may keep some: then only those are settled again. Entries of two
// partitions may have the same ID, so settlements may contain more than the open ones;
// the others were settled before and count no more.
func (c *Consumer) settleAll(ctx context.Context, settlements []streams.Settlement) (settled int, rest []streams.Settlement) {
	attempts, open := 0, len(settlements)
	err := c.outages.retry(ctx, "Redis", func() error {
		attempts++
		done, err := c.queue.Settle(ctx, settlements)
		if err != nil {
			return err
		}
		if done.GroupGone {
			c.opts.Log.Warn("warning", "reason", fmt.Sprintf("settled %d of %d: the consumer group is gone", done.Count, len(settlements)))
		} else {
			settledNow := open - len(done.Kept) - len(done.Lost)
			if attempts > 1 {
				done.Count = settledNow // the reply of an earlier attempt may have been lost
			}
			if already := settledNow - done.Count; already > 0 {
				c.opts.Log.Debug("warning", "reason", fmt.Sprintf("%d of %d deliveries had been settled already", already, open))
			}
		}
		settled += done.Count
		settlements, open = withIDs(settlements, done.Kept), len(done.Kept)
		if open > 0 {
			return fmt.Errorf("%d refused or deferred records stay pending, since Redis can't take them: %w", open, done.Cause)
		}
		return nil
	})
	if err == nil {
		return settled, nil
	}
	c.abandon(fmt.Errorf("%d processed deliveries could not be settled: %w", len(settlements), err))
	return settled, settlements
}

// withIDs returns the settlements whose delivery has one of the IDs.
func withIDs(settlements []streams.Settlement, ids []string) []streams.Settlement {
	if len(ids) == 0 {
		return nil
	}
	wanted := make(map[string]bool, len(ids))
	for _, id := range ids {
		wanted[id] = true
	}
	var found []streams.Settlement
	for _, s := range settlements {
		if wanted[s.ID] {
			found = append(found, s)
		}
	}
	return found
}
