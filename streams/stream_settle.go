package streams

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"ingestion/internal/redisconn"
	"ingestion/record"
)

// settleBytes bounds the dead letters and deferred records that one call of the
// script writes; what is accepted goes by ID only.
const settleBytes = 4 << 20

// Settle acknowledges and counts, in one script: one call a batch, unless the
// refused records are large. They become dead letters, and deferred ones go to
// the delayed set, before their entries are acknowledged.
func (s *Stream) Settle(ctx context.Context, settlements []Settlement) (Settled, error) {
	accepted, guarded := settlements, guardedOf(settlements)
	var all Settled
	for first := true; first || len(guarded) > 0; first = false {
		var page []*Settlement
		page, guarded = cut(guarded)
		done, err := s.settlePage(ctx, accepted, page)
		if err != nil {
			return Settled{}, fmt.Errorf("settling %d entries of %s: %w", len(settlements), s.keys.Main, err)
		}
		all.add(done)
		s.tellDeferred(page)
		accepted = nil
	}
	s.letGo(len(settlements) - len(all.Kept))
	return all, nil
}

// guardedOf are the settlements that are written elsewhere before their entries
// are acknowledged.
func guardedOf(settlements []Settlement) (guarded []*Settlement) {
	for i := range settlements {
		if settlements[i].Outcome.Status() != record.Success {
			guarded = append(guarded, &settlements[i])
		}
	}
	return guarded
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

func (s *Stream) settlePage(ctx context.Context, settlements []Settlement, guarded []*Settlement) (Settled, error) {
	reply, err := s.settleCall(settlements, guarded).Run(ctx, s.opts.Client).Slice()
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

// The most arguments that go with a call of the script, an outcome and a guarded
// settlement.
const (
	argsPerCall    = 8
	argsPerOutcome = 2
	argsPerGuarded = 28
)

// settleCall is the script with its arguments: of settlements those that are
// accepted, as IDs by their outcomes, and the guarded ones.
func (s *Stream) settleCall(settlements []Settlement, guarded []*Settlement) *redisconn.Call {
	keys := []string{s.keys.Main, s.keys.Dead, s.keys.Delayed, s.keys.DelayedData, s.keys.Ledger, s.keys.Suspects, s.keys.Gone, s.keys.Returns}
	outcomes := record.Outcomes()
	call := redisconn.NewCall(settleScript, keys, argsPerCall+len(outcomes)*argsPerOutcome+len(settlements)+len(guarded)*argsPerGuarded)
	call.Add(s.opts.Group, s.opts.Consumer, s.opts.DeadLetters.Max)
	setSets, sets := call.Hold(), 0
	for _, outcome := range outcomes {
		if outcome.Status() == record.Success && addIDs(call, settlements, outcome) {
			sets++
		}
	}
	setSets(sets)
	call.Add(len(guarded))
	now := time.Now()
	for _, set := range guarded {
		s.addGuarded(call, set, now)
	}
	return call
}

// addIDs adds the IDs of the settlements with an outcome, if there are any.
func addIDs(call *redisconn.Call, settlements []Settlement, outcome record.Outcome) bool {
	var setCount func(int)
	n := 0
	for i := range settlements {
		if settlements[i].Outcome != outcome {
			continue
		}
		if n == 0 {
			call.Add(outcome.String())
			setCount = call.Hold()
		}
		call.Add(&settlements[i].ID)
		n++
	}
	if n > 0 {
		setCount(n)
	}
	return n > 0
}

func (s *Stream) addGuarded(call *redisconn.Call, set *Settlement, now time.Time) {
	call.Add(set.Outcome.String(), &set.ID)
	switch {
	case set.Outcome == record.Deferred:
		call.Add("delay", set.Due.UnixMilli(), 1, payload(set.Delivery))
	case s.opts.DeadLetters.keeps(set):
		kind := "dead"
		if set.unread {
			kind = "copy"
		}
		fields := s.opts.DeadLetters.fields(set, now)
		call.Add(kind, 0, len(fields))
		call.Add(fields...)
	default:
		call.Add("drop", 0, 0)
	}
}

// payload is what the mover makes an entry of: names and values. The names are
// ours alone, and as they always were: a record may wait while a version follows
// another.
func payload(d *Delivery) []byte {
	fields := []string{fieldData, string(d.Body), "origin", d.FirstID()}
	if d.TraceParent != "" {
		fields = append(fields, fieldTraceParent, d.TraceParent)
	}
	if d.TraceState != "" {
		fields = append(fields, fieldTraceState, d.TraceState)
	}
	b, _ := json.Marshal(fields)
	return b
}
