package consumer

import (
	"context"
	"fmt"
	"slices"

	"ingestion/internal/plural"
	"ingestion/streams"
)

// settle logs the outcomes of a batch and settles them. It retries until ctx has ended,
// and grace longer. If the log can't be written, nothing more is received: refusals
// must not go unrecorded. It returns how many deliveries were settled, and those with
// an outcome that have to be returned to the queue.
func (c *Consumer) settle(ctx context.Context, b *batch) (settled int, unsettled []streams.Delivery) {
	settlements := b.decided()
	if len(settlements) == 0 {
		return 0, nil
	}
	if err := c.writeLog(ctx, b, len(settlements)); err != nil {
		c.abort(err)
	}
	ctx, cancel := withGrace(ctx)
	defer cancel()
	settled, settlements = c.settleAll(ctx, settlements, b.conflicts())
	if c.opts.Lease == 0 {
		return settled, nil // a list has no pending entries: nacked, they would be processed twice
	}
	for i := range settlements {
		unsettled = append(unsettled, *settlements[i].Delivery)
	}
	return settled, unsettled
}

func (c *Consumer) writeLog(ctx context.Context, b *batch, lines int) error {
	_, stage := c.observers.begin(ctx, Log, nil)
	c.logOutcomes(ctx, b.items)
	err := c.opts.Flush()
	stage.end(Result{Err: err, Records: lines})
	return err
}

// settleAll retries until the queue has taken all settlements or ctx ends. It returns
// how many were settled, and the rest if ctx has ended.
//
// The queue may keep some: then only those are settled again. Entries of two
// partitions may have the same ID, so settlements may contain more than the open ones;
// the others were settled before and count no more.
func (c *Consumer) settleAll(ctx context.Context, settlements []streams.Settlement, conflicts int) (settled int, rest []streams.Settlement) {
	attempts, open := 0, len(settlements)
	err := c.outages.retry(ctx, "Redis", func() error {
		attempts++
		done, err := c.settleOnce(ctx, settlements, conflicts)
		if err != nil {
			return err
		}
		conflicts = 0 // a duplicate is never kept
		if done.GroupGone {
			c.opts.Log.Warn("warning", "reason", fmt.Sprintf("settled %d of %d: the consumer group is gone", done.Count, len(settlements)))
		} else {
			settledNow := open - len(done.Kept) - len(done.Lost)
			if attempts > 1 {
				done.Count = settledNow // the reply of an earlier attempt may have been lost
			}
			if already := settledNow - done.Count; already > 0 {
				c.opts.Log.Debug("warning", "reason", fmt.Sprintf("%d of %s had been settled already", already, plural.Of(open, "delivery", "deliveries")))
			}
		}
		settled += done.Count
		settlements, _ = splitByID(settlements, done.Kept)
		open = len(done.Kept)
		if open > 0 {
			return fmt.Errorf("%s: Redis can't take more: %w",
				plural.Of(open, "refused or deferred record stays pending", "refused or deferred records stay pending"), done.Cause)
		}
		return nil
	})
	if err == nil {
		return settled, nil
	}
	c.abandon(fmt.Errorf("%s could not be settled: %w", plural.Of(len(settlements), "processed delivery", "processed deliveries"), err))
	return settled, settlements
}

func (c *Consumer) settleOnce(ctx context.Context, settlements []streams.Settlement, conflicts int) (streams.Settled, error) {
	ctx, stage := c.observers.begin(ctx, Settle, nil)
	done, err := c.queue.Settle(ctx, settlements)
	r := Result{Err: err, Records: len(settlements)}
	if err == nil && (!done.GroupGone || done.Count == len(settlements)) {
		_, r.Settled = splitByID(settlements, done.Kept, done.Lost)
		r.Conflicts = conflicts
	}
	stage.end(r)
	return done, err
}

// splitByID separates the settlements whose delivery has one of the IDs from the others.
func splitByID(settlements []streams.Settlement, lists ...[]string) (with, without []streams.Settlement) {
	wanted := map[string]bool{}
	for _, id := range slices.Concat(lists...) {
		wanted[id] = true
	}
	if len(wanted) == 0 {
		return nil, settlements
	}
	for _, s := range settlements {
		if wanted[s.ID] {
			with = append(with, s)
		} else {
			without = append(without, s)
		}
	}
	return with, without
}
