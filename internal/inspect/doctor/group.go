package doctor

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/plural"
	"ingestion/streams"
)

func streamGroup(ctx context.Context, e *exam, f *findings) error {
	return e.eachKey(func(_ int, key string) error {
		groups, err := e.redis.XInfoGroups(ctx, key).Result()
		if isMissing(err) {
			return nil // nothing was ever queued
		}
		if err != nil {
			return err
		}
		fields, err := e.redis.HMGet(ctx, streams.KeysOf(key).Ledger, "group", "watermark").Result()
		if err != nil {
			return err
		}
		owner, _ := fields[0].(string)
		watermark, _ := fields[1].(string)
		e.judgeGroup(f, key, groups, owner, watermark)
		return nil
	})
}

func (e *exam) judgeGroup(f *findings, key string, groups []redis.XInfoGroup, owner, watermark string) {
	name := e.cfg.StreamGroup
	if owner != "" && owner != name {
		f.add(Error, fmt.Sprintf("the stream %s is accounted for by the group %q, not %q", key, owner, name),
			"workers with this STREAM_GROUP refuse to start", "set STREAM_GROUP="+owner+", or use another STREAM_KEY")
		return
	}
	for _, g := range groups {
		if g.Name != name {
			continue
		}
		if before(g.LastDeliveredID, watermark) {
			f.add(Warning, fmt.Sprintf("the group %q of %s stands at %s, before %s, up to which entries were settled and deleted", name, key, g.LastDeliveredID, watermark),
				"it was set back (XGROUP SETID, or a failover to a replica that lagged behind): entries are delivered again; MongoDB gets no document twice",
				"nothing, if that was meant; see group_recreated in the worker's log")
		}
		return
	}
	if owner != "" {
		f.add(Warning, fmt.Sprintf("the group %q of %s is gone", name, key),
			"it was destroyed, or the stream was: nothing is delivered until a worker has created it again", "start a worker; see group_recreated in its log")
		return
	}
	f.add(Warning, fmt.Sprintf("the stream %s has no group %q yet", key, name),
		"nothing is delivered until a worker has created it", "start a worker; it reads the stream from the beginning")
}

// holdSlack is for how long another group may be late before it counts as holding entries.
const holdSlack = time.Minute

func foreignGroups(ctx context.Context, e *exam, f *findings) error {
	if e.cfg.StreamRetention < 0 {
		return nil // nothing is deleted anyway
	}
	now, err := e.clock(ctx)
	if err != nil {
		return err
	}
	return e.eachKey(func(_ int, key string) error {
		groups, err := e.redis.XInfoGroups(ctx, key).Result()
		if isMissing(err) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, g := range groups {
			if g.Name == e.cfg.StreamGroup || g.Name == streams.ArchiveGroup {
				continue
			}
			if err := e.judgeForeign(ctx, f, key, g, now); err != nil {
				return err
			}
		}
		return nil
	})
}

func (e *exam) judgeForeign(ctx context.Context, f *findings, key string, g redis.XInfoGroup, now time.Time) error {
	oldest, err := e.oldestHeld(ctx, key, g)
	if err != nil || oldest == "" {
		return err
	}
	age := now.Sub(streams.ArrivalOf(oldest))
	if age < time.Duration(e.cfg.StreamRetention)+holdSlack {
		return nil
	}
	idle, err := e.idleTime(ctx, key, g.Name)
	if err != nil {
		return err
	}
	f.add(Warning, fmt.Sprintf("the group %q of %s has not finished %s, the oldest of which arrived %v ago; %s", g.Name, key, heldBy(g), age.Round(time.Second), idle),
		"nothing that a group has not finished is deleted, so the stream grows, and Redis with it",
		fmt.Sprintf("let its reader catch up, or remove the group: redis-cli XGROUP DESTROY %s %s", strconv.Quote(key), strconv.Quote(g.Name)))
	return nil
}

// oldestHeld is the oldest entry that a group has not finished, "" if there is none.
func (e *exam) oldestHeld(ctx context.Context, key string, g redis.XInfoGroup) (string, error) {
	if g.Pending > 0 {
		pending, err := e.redis.XPending(ctx, key, g.Name).Result()
		if err != nil {
			return "", err
		}
		return pending.Lower, nil
	}
	if g.LastDeliveredID == streams.LastID {
		return "", nil
	}
	next, err := e.redis.XRangeN(ctx, key, "("+g.LastDeliveredID, "+", 1).Result()
	if err != nil || len(next) == 0 {
		return "", err
	}
	return next[0].ID, nil
}

func heldBy(g redis.XInfoGroup) string {
	if g.Lag < 0 {
		return "an unknown number of entries"
	}
	return plural.Of(g.Lag+g.Pending, "entry", "entries")
}

// idleTime says how long ago a group was last read.
func (e *exam) idleTime(ctx context.Context, key, group string) (string, error) {
	consumers, err := e.redis.XInfoConsumers(ctx, key, group).Result()
	if err != nil {
		return "", err
	}
	if len(consumers) == 0 {
		return "it has no reader", nil
	}
	idle := consumers[0].Idle
	for _, c := range consumers {
		idle = min(idle, c.Idle)
	}
	return fmt.Sprintf("its readers have been idle for %v", idle.Round(time.Second)), nil
}
