package consumer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"ingestion/record"
	"ingestion/streams"
)

// process takes a batch from bodies to outcomes and returns how many
// deliveries were settled, those that have no outcome since judging ended, and
// those that can't be worked on for now. That context ends with ctx or before it.
func (c *Consumer) process(ctx, judging context.Context, q streams.Queue, held *lease, b *batch, deliveries []streams.Delivery) (settled int, open, barred []streams.Delivery) {
	b.begin(deliveries)
	c.abortOn(judging, c.judgeWhole(judging, held, b))
	settled, unsettled := c.settle(ctx, q, b)
	open, barred = b.unfinished()
	return settled, append(open, unsettled...), barred
}

// abortOn stops the reading for good at an error that is not the end of ctx:
// one that waiting does not mend.
func (c *Consumer) abortOn(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		c.abort(err)
	}
}

// abort stops the reading for good; what is in flight may still finish.
func (c *Consumer) abort(err error) {
	c.fail(err)
	c.stop()
}

// judgeWhole judges a batch. Where that panics, its entries are tried one by one,
// and those that panic once more after that, while others come through the same
// stage, are poisoned. The others are failed attempts, to be handed back: what
// panics at all of them is no record's fault.
func (c *Consumer) judgeWhole(ctx context.Context, held *lease, b *batch) error {
	err := c.judge(ctx, held, b, b.all)
	var panicked *panicError
	if !errors.As(err, &panicked) {
		return err
	}
	b.passed = [stages]bool{}
	culprits, err := c.judgeSingly(ctx, held, b, b.all)
	if err != nil {
		return err
	}
	culprits, err = c.judgeSingly(ctx, held, b, culprits)
	for _, e := range culprits {
		if b.passed[e.panicked.at] {
			e.end(record.Poisoned, e.panicked.Error())
		} else {
			e.barred, e.Failed = true, true
		}
	}
	return err
}

// judgeSingly judges those that are open, each alone, and returns those at which
// that panics.
func (c *Consumer) judgeSingly(ctx context.Context, held *lease, b *batch, entries []*entry) (culprits []*entry, err error) {
	for i, e := range entries {
		if !e.open() {
			continue
		}
		err := c.judge(ctx, held, b, entries[i:i+1])
		if err != nil && !errors.As(err, &e.panicked) {
			return culprits, err
		}
		if err != nil {
			culprits = append(culprits, e)
		}
	}
	return culprits, nil
}

// judge gives each entry its outcome, unless ctx ends before. A panic on the
// way comes back as an error; some entries may have their outcome by then.
func (c *Consumer) judge(ctx context.Context, held *lease, b *batch, entries []*entry) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = c.health.panicked(b.stage, p)
		}
	}()
	for _, e := range b.stillOpen(entries) {
		c.decode(e)
	}
	held.progress()
	if err := c.limit(ctx, b, entries); err != nil {
		return err
	}
	held.progress()
	if err := c.insert(ctx, b, entries); err != nil {
		return err
	}
	held.progress()
	return nil
}

// pass says that what the batch was last at is over.
func (c *Consumer) pass(b *batch) {
	b.passed[b.stage] = true
	c.health.passed(b.stage)
}

// decode takes a record out of a body, which nothing else has a part in: where
// that panics, the entry is poisoned.
func (c *Consumer) decode(e *entry) {
	defer func() {
		if p := recover(); p != nil {
			e.end(record.Poisoned, c.health.panicked(decoding, p).Error())
		}
	}()
	if fault := e.Fault(); fault != "" {
		e.end(record.Malformed, "Invalid JSON: "+fault)
		return
	}
	rec, err := c.opts.Decode(e.Body)
	if err != nil {
		e.refuse(err)
		return
	}
	e.record, e.customerID = rec, rec.CustomerID
}

func (c *Consumer) insert(ctx context.Context, b *batch, entries []*entry) error {
	open := slices.DeleteFunc(b.stillOpen(entries), func(e *entry) bool { return e.barred })
	if len(open) == 0 {
		return nil
	}
	b.stage = inserting
	results, err := c.opts.Store.Insert(ctx, b.documents(open))
	if err == nil {
		c.pass(b)
	}
	for i, r := range results {
		open[i].outcome, open[i].reason, open[i].conflict = r.Outcome, r.Reason, r.Conflict
		open[i].barred, open[i].keep = r.Postponed, r.Keep
	}
	return err
}

// settle logs the outcomes and tells them to the queue, however long that
// takes; once the shutdown time is over it gets a last short try. Without a log
// there is no account of what is refused: then no more is read. It returns how
// many were settled, and what is to be handed back since it was not.
func (c *Consumer) settle(ctx context.Context, q streams.Queue, b *batch) (int, []streams.Delivery) {
	c.logOutcomes(b.all)
	settlements := b.settled()
	if len(settlements) == 0 {
		return 0, nil
	}
	if err := c.opts.Flush(); err != nil {
		c.abort(err)
	}
	ctx, cancel := afterwards(ctx)
	defer cancel()
	return c.settleAll(ctx, q, settlements)
}

// settleAll leaves a list alone, whose records are not pending: handed back they
// would be worked on twice.
func (c *Consumer) settleAll(ctx context.Context, q streams.Queue, settlements []streams.Settlement) (total int, unsettled []streams.Delivery) {
	// Entries of two partitions may share an ID, so settlements may hold more than
	// are open after the first try; the others are not settled again.
	tries, still := 0, len(settlements)
	err := c.troubles.insist(ctx, "Redis", func() error {
		tries++
		done, err := q.Settle(ctx, settlements)
		if err != nil {
			return err
		}
		if done.GroupGone {
			c.opts.Log.Warn("warning", "reason", fmt.Sprintf("settled %d of %d: the consumer group is gone", done.Count, len(settlements)))
		}
		if tries > 1 && !done.GroupGone {
			done.Count = still - len(done.Kept) - len(done.Lost)
		}
		if lost := still - done.Count - len(done.Kept) - len(done.Lost); lost > 0 && !done.GroupGone {
			c.opts.Log.Debug("warning", "reason", fmt.Sprintf("%d of %d deliveries had been settled already", lost, still))
		}
		total += done.Count
		settlements, still = only(settlements, done.Kept), len(done.Kept)
		if still > 0 {
			return fmt.Errorf("%d refused or deferred records stay pending, since Redis can't take them: %w", still, done.Cause)
		}
		return nil
	})
	if err != nil {
		c.giveUp(fmt.Errorf("%d deliveries were worked off but could not be settled: %w", len(settlements), err))
	}
	if err == nil || c.opts.Lease == 0 {
		return total, nil
	}
	for i := range settlements {
		unsettled = append(unsettled, *settlements[i].Delivery)
	}
	return total, unsettled
}

func only(settlements []streams.Settlement, ids []string) []streams.Settlement {
	if len(ids) == 0 {
		return nil
	}
	wanted := make(map[string]bool, len(ids))
	for _, id := range ids {
		wanted[id] = true
	}
	var kept []streams.Settlement
	for _, s := range settlements {
		if wanted[s.ID] {
			kept = append(kept, s)
		}
	}
	return kept
}

// afterwards is ctx, with handBackTimeout more once it has ended.
func afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(handBackTimeout, cancel)
		context.AfterFunc(longer, func() { timer.Stop() })
	})
	return longer, cancel
}
