package streams

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"ingestion/internal/redisconn"
)

// turnPause is how long some of the cold partitions are waited for where they
// can't be asked all at once.
const turnPause = 10 * time.Millisecond

// ask takes one entry of each cold partition that has any, and waits for the
// first one if there is none: these are hot from then on. What it has taken
// is ahead.
func (p *Partitions) ask(ctx context.Context, max int, wait time.Duration) error {
	if p.cluster {
		return p.askEach(ctx, max, wait)
	}
	cold, all := p.cold(max)
	if len(cold) == 0 {
		time.Sleep(wait)
		return nil
	}
	if !all {
		wait = min(wait, turnPause)
	}
	begun := time.Now()
	batch, err := p.readJointly(ctx, cold, wait)
	p.asked = time.Now()
	if wait == 0 {
		p.askTook = p.asked.Sub(begun)
	}
	if err != nil {
		return p.failed(ctx, cold[0], err)
	}
	p.keepAhead(batch)
	return nil
}

// cold lists the partitions to be asked together, all of them if it can be: not
// if more might come than may be taken.
func (p *Partitions) cold(most int) (cold []*part, all bool) {
	if !p.opts.TakeNoMore {
		most = len(p.parts)
	}
	bytes, first := int64(0), p.askFirst%len(p.parts)
	cold = make([]*part, 0, len(p.parts))
	for i := range p.parts {
		at := (first + i) % len(p.parts)
		one := p.parts[at]
		if one.hot || one.rest.now() {
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

// readJointly asks several partitions by one command. If it is refused, nothing
// was taken, and the reply need not tell which of them is at fault: each is to be
// read by itself next.
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
		return nil, fmt.Errorf("XREADGROUP on %d partitions: %w", len(cold), err)
	}
	if isErrorReply(reply) {
		gone := isNoGroup(errors.New(strings.TrimSpace(string(reply[1:]))))
		for _, one := range cold {
			one.hot = true
			one.groupKnown = one.groupKnown && !gone
		}
		return nil, nil
	}
	return p.shareOut(ctx, cold, reply)
}

// shareOut tells each partition what of a joint reply is its own.
func (p *Partitions) shareOut(ctx context.Context, cold []*part, reply []byte) ([]Delivery, error) {
	batch, from, err := jointEntries(reply)
	if err != nil {
		return nil, err
	}
	byKey := make(map[string]*part, len(from))
	for _, one := range cold {
		byKey[one.keys.Main] = one
	}
	kept, rest := batch[:0], batch
	for _, f := range from {
		own := rest[:f.count]
		rest = rest[f.count:]
		if one := byKey[f.key]; one != nil {
			own = one.took(ctx, own, false)
			one.hot = true
			one.hold(own)
			kept = append(kept, own...)
		}
	}
	return kept, nil
}

// source is how many entries of a reply, in its order, are a stream's.
type source struct {
	key   string
	count int
}

// jointEntries are the deliveries in a reply about several streams, and whose
// they are.
func jointEntries(reply []byte) (batch []Delivery, from []source, err error) {
	r := resp{reply}
	n, err := r.list()
	inMap := len(reply) > 0 && reply[0] == '%' // RESP3; else a name and its entries are a pair
	if inMap {
		n /= 2
	}
	for ; err == nil && n > 0; n-- {
		if !inMap {
			if err = r.pair(); err != nil {
				break
			}
		}
		name := r
		key, _ := name.text()
		before := len(batch)
		if batch, err = r.stream(batch); err == nil {
			from = append(from, source{string(key), len(batch) - before})
		}
	}
	if err == nil {
		err = r.end()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("the reply can't be understood: %w", err)
	}
	detach(batch, len(reply))
	return batch, from, nil
}
