package streams

import (
	"context"
	"fmt"
	"time"

	"ingestion/internal/plural"
	"ingestion/internal/redisconn"
	"ingestion/internal/retry"
)

// turnWait is how long one joint read waits if it can't include all cold partitions.
const turnWait = 10 * time.Millisecond

// ask prefetches one entry of each cold partition that has any, and waits for the
// first one if none has. These partitions become hot.
func (p *Partitions) ask(ctx context.Context, max int, wait time.Duration) error {
	if p.cluster {
		return p.askEach(ctx, max, wait)
	}
	cold, all := p.cold(max)
	if len(cold) == 0 {
		return retry.Sleep(ctx, wait)
	}
	if !all {
		wait = min(wait, turnWait)
	}
	begin := time.Now()
	batch, err := p.readJointly(ctx, cold, wait)
	p.asked = time.Now()
	if wait == 0 {
		p.askTook = p.asked.Sub(begin)
	}
	if err != nil {
		return p.backOff(ctx, cold[0], err)
	}
	p.prefetch(batch)
	return nil
}

// cold lists the partitions for a joint read: as many as may be taken entries of, with
// all set if that is all cold ones.
func (p *Partitions) cold(most int) (cold []*part, all bool) {
	if !p.opts.TakeNoMore {
		most = len(p.parts)
	}
	bytes, first := int64(0), p.askFirst%len(p.parts)
	cold = make([]*part, 0, len(p.parts))
	for i := range p.parts {
		at := (first + i) % len(p.parts)
		one := p.parts[at]
		if one.hot || one.backoff.active() {
			continue
		}
		if bytes += max(one.sizer.largest, largeEntry); len(cold) == most || len(cold) > 0 && bytes > worstBytes {
			p.askFirst = at
			return cold, false
		}
		cold = append(cold, one)
	}
	return cold, true
}

// readJointly reads one entry of several partitions with one command. If Redis refuses
// it, nothing was taken, and the error need not tell which partition is at fault:
// then each is read by itself.
func (p *Partitions) readJointly(ctx context.Context, cold []*part, wait time.Duration) ([]Delivery, error) {
	opts := &p.parts[0].opts
	args := make([]any, 0, 9+2*len(cold))
	args = append(args, "xreadgroup", "group", opts.Group, opts.Consumer, "count", 1)
	if wait > 0 {
		args = append(args, "block", wait.Milliseconds())
	}
	args = append(args, "streams")
	for _, one := range cold {
		args = append(args, &one.keys.Main)
	}
	for range cold {
		args = append(args, ">")
	}
	reply, err := redisconn.Raw(ctx, opts.Client, 0, 9, args...)
	if err != nil {
		return nil, fmt.Errorf("XREADGROUP on %s: %w", plural.Of(len(cold), "partition", "partitions"), err)
	}
	if isErrorReply(reply) {
		gone := isNoGroup(replyError(reply))
		for _, one := range cold {
			one.hot = true
			one.groupKnown = one.groupKnown && !gone
		}
		return nil, nil
	}
	batch, from, err := decodeEntries(reply)
	if err != nil {
		return nil, err
	}
	return p.assign(ctx, cold, batch, from), nil
}

// assign gives the deliveries of a joint read to their partitions.
func (p *Partitions) assign(ctx context.Context, cold []*part, batch []Delivery, from []source) []Delivery {
	byKey := make(map[string]*part, len(from))
	for _, one := range cold {
		byKey[one.keys.Main] = one
	}
	kept, rest := batch[:0], batch
	for _, f := range from {
		own := rest[:f.count]
		rest = rest[f.count:]
		if one := byKey[f.key]; one != nil {
			own = one.accept(ctx, own, false)
			one.hot = true
			one.hold(own)
			kept = append(kept, own...)
		}
	}
	return kept
}
