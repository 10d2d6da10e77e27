package streams

import (
	"context"
	_ "embed"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/plural"
	"ingestion/internal/redisconn"
)

var (
	//go:embed deadletters_replay.lua
	replaySource string
	replayScript = redis.NewScript(needSource + outcomesSource + replaySource)
)

// UnfitError means that some dead letters can't be put back as they are. Replay has
// put back the others.
type UnfitError struct {
	Left   int    // how many were left
	Reason string // of the first one
}

func (e *UnfitError) Error() string {
	return fmt.Sprintf("%s can't be put back; %s", plural.Of(e.Left, "dead letter", "dead letters"), e.Reason)
}

// Replay puts dead letters back on their queue unchanged and returns how many of
// those named it has found. It may be repeated after an error: each is put back once.
// If Redis has no memory left it stops with an error, and the count is still right.
// An *UnfitError reports dead letters that were left. They are copied in one step, so
// those named should not exceed some MiB.
func (d *DeadLetters) Replay(ctx context.Context, ids []string) (int, error) {
	if len(ids) == 0 {
		return 0, nil
	}
	return d.putBack(ctx, nil, ids)
}

// putBack puts dead letters back on the queue, with another body unless it is nil.
func (d *DeadLetters) putBack(ctx context.Context, body []byte, ids []string) (int, error) {
	keys := []string{d.keys.Main, d.keys.Dead, d.keys.Ledger, d.keys.Returns, d.keys.Outcomes}
	edited := ""
	if body != nil {
		edited = "edited"
	}
	reply, err := redisconn.Run(ctx, d.client, replayScript, keys, append([]any{d.kind, edited, body}, anySlice(ids)...)...).Slice()
	if err == nil && text(reply[1]) != "" {
		err = errors.New(text(reply[1]))
	}
	n := 0
	if len(reply) > 0 {
		n = int(integer(reply[0]))
	}
	if err != nil {
		return n, fmt.Errorf("putting dead letters back on %s: %w", d.keys.Main, err)
	}
	if left := int(integer(reply[2])); left > 0 {
		return n, &UnfitError{Left: left, Reason: text(reply[3])}
	}
	return n, nil
}
