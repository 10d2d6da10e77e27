package consumer

import (
	"context"
	"errors"
	"slices"

	"ingestion/record"
	"ingestion/streams"
)

// result is what became of the deliveries of a batch. What is in none of its fields
// is no longer held.
type result struct {
	settled    int
	unfinished []streams.Delivery // without an outcome when time ran out, or with one that could not be settled
	postponed  []streams.Delivery // can't be processed for now
}

// processBatch processes deliveries under a lease, settles those with an outcome and
// returns the others to the queue.
func (c *Consumer) processBatch(b *batch, deliveries []streams.Delivery) {
	ctx, stage := c.observers.begin(c.workCtx, Process, deliveries)
	workCtx, decideCtx, lease := c.leases.hold(ctx, deliveries)
	defer lease.end()
	b.lease = lease
	var r result
	quarantined := deliveries[0].Quarantined
	if quarantined {
		r = c.processQuarantined(workCtx, decideCtx, b, deliveries[0])
	} else {
		r = c.process(workCtx, decideCtx, b, deliveries)
	}
	c.nackUnfinished(b, quarantined, r.unfinished)
	c.nackPostponed(workCtx, b, r.postponed)
	stage.end(Result{Err: context.Cause(decideCtx), Records: len(deliveries)})
	c.budget.done(r.settled, len(deliveries)-r.settled)
}

// process decides and settles. Deciding ends with decideCtx, which ends with workCtx
// or before it.
func (c *Consumer) process(workCtx, decideCtx context.Context, b *batch, deliveries []streams.Delivery) result {
	b.begin(deliveries)
	if err := c.decideBatch(decideCtx, b); err != nil && decideCtx.Err() == nil {
		c.abort(err)
	}
	settled, unsettled := c.settle(workCtx, b)
	unfinished, postponed := b.remainder()
	return result{settled, append(unfinished, unsettled...), postponed}
}

// decideBatch decides a batch at once or, if that panics, one item at a time. An item
// at which it panics twice is poisoned if another item came through the same stage.
// Otherwise the stage fails for all of them, which is no record's fault: they are
// postponed as failed attempts.
func (c *Consumer) decideBatch(ctx context.Context, b *batch) error {
	err := c.decide(ctx, b, b.items)
	var panicked *panicError
	if !errors.As(err, &panicked) {
		return err
	}
	b.succeeded = [stages]bool{}
	culprits, err := c.decideOneByOne(ctx, b, b.items)
	if err != nil {
		return err
	}
	culprits, err = c.decideOneByOne(ctx, b, culprits)
	for _, it := range culprits {
		if b.succeeded[it.panicked.at] {
			it.end(record.Poisoned, it.panicked.Error())
		} else {
			it.postponed, it.Failed = true, true
		}
	}
	return err
}

// decideOneByOne decides the undecided items, each alone, and returns those at which
// that panics.
func (c *Consumer) decideOneByOne(ctx context.Context, b *batch, items []*item) (culprits []*item, err error) {
	for i, it := range items {
		if it.decided() {
			continue
		}
		err := c.decide(ctx, b, items[i:i+1])
		if err != nil && !errors.As(err, &it.panicked) {
			return culprits, err
		}
		if err != nil {
			culprits = append(culprits, it)
		}
	}
	return culprits, nil
}

// decide takes items through the stages. Each gets an outcome, or is postponed, unless
// ctx ends first. A panic is returned as a *panicError; some items may be decided then.
func (c *Consumer) decide(ctx context.Context, b *batch, items []*item) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = c.health.panicked(b.stage, p)
		}
	}()
	c.decodeAll(ctx, b.undecided(items))
	b.lease.progress()
	if err := c.limit(ctx, b, items); err != nil {
		return err
	}
	b.lease.progress()
	if err := c.insert(ctx, b, items); err != nil {
		return err
	}
	b.lease.progress()
	return nil
}

func (c *Consumer) decodeAll(ctx context.Context, items []*item) {
	_, stage := c.observers.begin(ctx, Decode, nil)
	for _, it := range items {
		c.decode(it)
	}
	stage.end(Result{Records: len(items)})
}

// decode takes the record from a body. Nothing but the body is involved, so a panic
// poisons the item at once.
func (c *Consumer) decode(it *item) {
	defer func() {
		if p := recover(); p != nil {
			it.end(record.Poisoned, c.health.panicked(Decode, p).Error())
		}
	}()
	if fault := it.Fault(); fault != "" {
		it.end(record.Malformed, "Invalid JSON: "+fault)
		return
	}
	rec, err := c.opts.Decode(it.Body)
	if err != nil {
		it.refuse(err)
		return
	}
	it.record, it.customerID = rec, rec.CustomerID
}

// insert stores the records that are neither decided nor postponed.
func (c *Consumer) insert(ctx context.Context, b *batch, items []*item) error {
	admitted := slices.DeleteFunc(b.undecided(items), func(it *item) bool { return it.postponed })
	if len(admitted) == 0 {
		return nil
	}
	ctx, stage := c.observers.begin(ctx, Insert, nil)
	r := Result{Err: errPanicked, Records: len(admitted)}
	defer func() { stage.end(r) }()
	b.stage = Insert
	results, err := c.opts.Store.Insert(ctx, b.documents(admitted))
	if err == nil {
		c.stageSucceeded(b)
	}
	for i, result := range results {
		admitted[i].end(result.Outcome, result.Reason)
		admitted[i].conflict, admitted[i].postponed, admitted[i].keep = result.Conflict, result.Postponed, result.Keep
	}
	r.Err = err
	return err
}
