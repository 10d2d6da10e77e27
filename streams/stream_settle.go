package streams

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/plural"
	"ingestion/internal/redisconn"
	"ingestion/record"
)

var (
	//go:embed stream_settle.lua
	settleSource string
	settleScript = redis.NewScript(needSource + inspectSource + refusedSource + outcomesSource + settleSource)
)

// maxSettleBytes limits the dead letters and deferred records written by one call
// of the script. Accepted records are settled by their IDs only.
const maxSettleBytes = 4 << 20

// Settle acknowledges and counts deliveries in one step. It is one call for a
// batch, unless the refused records are large. Refused records become dead letters
// and deferred ones go to the delayed set before their entries are acknowledged.
func (s *Stream) Settle(ctx context.Context, settlements []Settlement) (Settled, error) {
	settled, err := s.settle(ctx, settlements)
	if err == nil {
		s.release(len(settlements) - len(settled.Kept))
	}
	return settled, err
}

// settle is Settle without releasing the deliveries.
func (s *Stream) settle(ctx context.Context, settlements []Settlement) (Settled, error) {
	accepted, guarded := settlements, guardedOf(settlements)
	var all Settled
	for first := true; first || len(guarded) > 0; first = false {
		var page []*Settlement
		page, guarded = cutPage(guarded)
		done, err := s.settlePage(ctx, accepted, page)
		if err != nil {
			return Settled{}, fmt.Errorf("settling %s of %s: %w", plural.Of(len(settlements), "entry", "entries"), s.keys.Main, err)
		}
		all.add(done)
		s.signalDeferred(page)
		accepted = nil
	}
	return all, nil
}

// guardedOf returns the settlements whose records are refused or deferred: they are
// written elsewhere before their entries are acknowledged.
func guardedOf(settlements []Settlement) (guarded []*Settlement) {
	for i := range settlements {
		if settlements[i].Outcome.Status() != record.Success {
			guarded = append(guarded, &settlements[i])
		}
	}
	return guarded
}

// cutPage splits off as many settlements as one call may write.
func cutPage(guarded []*Settlement) (page, rest []*Settlement) {
	bytes := 0
	for i, set := range guarded {
		if bytes += set.size(); bytes > maxSettleBytes && i > 0 {
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
	settled := Settled{Count: int(integer(reply[0])), GroupGone: integer(reply[1]) == 0, Kept: texts(reply[2]), Lost: texts(reply[3])}
	if cause := text(reply[4]); cause != "" {
		settled.Cause = answer(cause)
	}
	return settled, nil
}

// signalDeferred wakes Maintain, which puts deferred records back when they are due.
func (s *Stream) signalDeferred(guarded []*Settlement) {
	for _, set := range guarded {
		if set.Outcome == record.Deferred {
			select {
			case s.deferred <- struct{}{}:
			default:
			}
			return
		}
	}
}

// The maximum numbers of arguments of the script: of a call, and of each outcome
// and each guarded settlement in it.
const (
	argsPerCall    = 8
	argsPerOutcome = 2
	argsPerGuarded = 30
)

// settleCall builds the call of the script: the accepted ones among settlements as
// IDs by outcome, and the guarded ones.
func (s *Stream) settleCall(settlements []Settlement, guarded []*Settlement) *redisconn.Call {
	keys := []string{s.keys.Main, s.keys.Dead, s.keys.Delayed, s.keys.DelayedData, s.keys.Ledger, s.keys.AttemptCounts, s.keys.Gone, s.keys.Returns, s.keys.Refused, s.keys.Outcomes}
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

// addIDs adds the IDs of the settlements with an outcome and reports whether there
// are any.
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
		call.Add("delay", set.Due.UnixMilli(), set.refusedCustomer(), 1, deferredPayload(set.Delivery))
	case s.opts.DeadLetters.keeps(set):
		kind := "dead"
		if set.unread {
			kind = "copy"
		}
		fields := s.opts.DeadLetters.fields(set, now)
		call.Add(kind, 0, set.refusedCustomer(), len(fields))
		call.Add(fields...)
	default:
		call.Add("drop", 0, set.refusedCustomer(), 0)
	}
}

// deferredPayload is what upkeep_move.lua creates the entry from: names and values.
// The names never change: a record may wait while the service is upgraded.
func deferredPayload(d *Delivery) []byte {
	fields := []string{fieldData, string(d.Body), "origin", d.FirstID()}
	if d.TraceParent != "" {
		fields = append(fields, fieldTraceParent, d.TraceParent)
	}
	if d.TraceState != "" {
		fields = append(fields, fieldTraceState, d.TraceState)
	}
	if d.Source != "" {
		fields = append(fields, fieldSource, d.Source)
	}
	b, _ := json.Marshal(fields)
	return b
}
