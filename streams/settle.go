package streams

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"ingestion/record"
)

// settleBytes bounds the dead letters and deferred records that one call of the
// script writes; what is accepted goes by ID only.
const settleBytes = 4 << 20

// Settle acknowledges and counts, in one script: one call a batch, unless the
// refused records are large. They become dead letters, and deferred ones go to
// the delayed set, before their entries are acknowledged.
func (s *Stream) Settle(ctx context.Context, settlements []Settlement) (Settled, error) {
	accepted, guarded := s.split(settlements)
	var all Settled
	for first := true; first || len(guarded) > 0; first = false {
		var page []*Settlement
		page, guarded = cut(guarded)
		done, err := s.settlePage(ctx, accepted, page)
		if err != nil {
			return Settled{}, fmt.Errorf("settling %d entries of %s: %w", len(settlements), s.keys.Main, err)
		}
		all.add(done)
		accepted = nil
	}
	s.letGo(len(settlements) - len(all.Kept))
	return all, nil
}

// split sorts settlements into those that are acknowledged by ID and those that
// are written elsewhere first.
func (s *Stream) split(settlements []Settlement) (accepted map[record.Outcome][]any, guarded []*Settlement) {
	accepted = map[record.Outcome][]any{}
	for i := range settlements {
		set := &settlements[i]
		if set.Outcome.Status() == record.Success {
			accepted[set.Outcome] = append(accepted[set.Outcome], set.ID)
			continue
		}
		guarded = append(guarded, set)
	}
	return accepted, guarded
}

// cut takes as many settlements off the front as one call may write.
func cut(guarded []*Settlement) (page, rest []*Settlement) {
	bytes := 0
	for i, set := range guarded {
		if bytes += set.size(); bytes > settleBytes && i > 0 {
			return guarded[:i], guarded[i:]
		}
	}
	return guarded, nil
}

func (s *Stream) settlePage(ctx context.Context, accepted map[record.Outcome][]any, guarded []*Settlement) (Settled, error) {
	keys := []string{s.keys.Main, s.keys.Dead, s.keys.Delayed, s.keys.DelayedData, s.keys.Ledger, s.keys.Suspects}
	reply, err := s.run(ctx, settleScript, keys, s.settleArgs(accepted, guarded)...).Slice()
	if err != nil {
		return Settled{}, err
	}
	count, _ := reply[0].(int64)
	exists, _ := reply[1].(int64)
	settled := Settled{Count: int(count), GroupGone: exists == 0, Kept: texts(reply[2]), Lost: texts(reply[3])}
	if cause := text(reply[4]); cause != "" {
		settled.Cause = errors.New(cause)
	}
	return settled, nil
}

func (s *Settled) add(more Settled) {
	s.Count += more.Count
	s.Kept = append(s.Kept, more.Kept...)
	s.Lost = append(s.Lost, more.Lost...)
	s.GroupGone = s.GroupGone || more.GroupGone
	s.Cause = errors.Join(s.Cause, more.Cause)
}

func (s *Stream) settleArgs(accepted map[record.Outcome][]any, guarded []*Settlement) []any {
	args := []any{s.opts.Group, s.opts.Consumer, s.opts.DeadLetters.Max, len(accepted)}
	for _, outcome := range record.Outcomes() {
		if ids := accepted[outcome]; ids != nil {
			args = append(args, outcome.String(), len(ids))
			args = append(args, ids...)
		}
	}
	args = append(args, len(guarded))
	now := time.Now()
	for _, set := range guarded {
		args = s.appendGuarded(args, set, now)
	}
	return args
}

func (s *Stream) appendGuarded(args []any, set *Settlement, now time.Time) []any {
	switch {
	case set.Outcome == record.Deferred:
		return append(args, set.Outcome.String(), set.ID, "delay", set.Due.UnixMilli(), 1, payload(&set.Delivery))
	case s.opts.DeadLetters.keeps(set.Outcome):
		fields := s.opts.DeadLetters.fields(set, now)
		kind := "dead"
		if set.unread {
			kind = "copy"
		}
		args = append(args, set.Outcome.String(), set.ID, kind, 0, len(fields))
		return append(args, fields...)
	default:
		return append(args, set.Outcome.String(), set.ID, "drop", 0, 0)
	}
}

// payload is what the mover puts back on the stream: field names and values.
func payload(d *Delivery) []byte {
	fields := []string{fieldData, string(d.Body), fieldOrigin, d.FirstID()}
	if d.TraceParent != "" {
		fields = append(fields, fieldTraceParent, d.TraceParent)
	}
	b, _ := json.Marshal(fields)
	return b
}
