package streams

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"ingestion/record"
)

// Settle acknowledges and counts, in one script. Refused records become dead
// letters and deferred ones go to the delayed set before their entries are
// acknowledged.
func (s *Stream) Settle(ctx context.Context, settlements []Settlement) (Settled, error) {
	keys := []string{s.keys.Main, s.keys.Dead, s.keys.Delayed, s.keys.DelayedData, s.keys.Ledger}
	reply, err := s.run(ctx, settleScript, keys, s.settleArgs(settlements)...).Slice()
	if err != nil {
		return Settled{}, fmt.Errorf("settling %d entries of %s: %w", len(settlements), s.keys.Main, err)
	}
	count, _ := reply[0].(int64)
	exists, _ := reply[1].(int64)
	settled := Settled{Count: int(count), GroupGone: exists == 0, Kept: texts(reply[2]), Lost: texts(reply[3])}
	if cause := text(reply[4]); cause != "" {
		settled.Cause = errors.New(cause)
	}
	return settled, nil
}

func (s *Stream) settleArgs(settlements []Settlement) []any {
	accepted := map[record.Outcome][]any{}
	var guarded []any
	guards := 0
	now := time.Now()
	for i := range settlements {
		set := &settlements[i]
		if set.Outcome.Status() == record.Success {
			accepted[set.Outcome] = append(accepted[set.Outcome], set.ID)
			continue
		}
		guards++
		guarded = s.appendGuarded(guarded, set, now)
	}
	args := []any{s.opts.Group, s.opts.Consumer, s.opts.DeadLetters.Max, len(accepted)}
	for _, outcome := range record.Outcomes() {
		if ids := accepted[outcome]; ids != nil {
			args = append(args, outcome.String(), len(ids))
			args = append(args, ids...)
		}
	}
	return append(append(args, guards), guarded...)
}

func (s *Stream) appendGuarded(args []any, set *Settlement, now time.Time) []any {
	switch {
	case set.Outcome == record.Deferred:
		return append(args, set.Outcome.String(), set.ID, "delay", set.Due.UnixMilli(), 1, payload(&set.Delivery))
	case s.opts.DeadLetters.keeps(set.Outcome):
		fields := s.opts.DeadLetters.fields(set, now)
		args = append(args, set.Outcome.String(), set.ID, "dead", 0, len(fields))
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
