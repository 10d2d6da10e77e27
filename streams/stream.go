package streams

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
)

// StreamOptions configures a Stream.
type StreamOptions struct {
	Client      redis.UniversalClient
	Key         string        // the partition's stream
	Group       string        // consumer group
	Consumer    string        // this worker's name in the group; no two workers share one
	PollTimeout time.Duration // how long Receive waits
	ClaimIdle   time.Duration // lease: an entry not extended for so long is taken over
	Retention   time.Duration // how long settled entries stay; negative: for ever
	MaxEntries  int64         // settled entries beyond about so many are deleted; 0: no cap
	DeadLetters DeadLetterOptions
	Log         *slog.Logger
}

// Stream is one partition of a Redis stream, read through a consumer group, as
// an at-least-once queue: an entry stays pending until it is settled, and one
// whose worker died is taken over once its lease has run out.
type Stream struct {
	opts  StreamOptions
	keys  Keys
	sizer sizer
	floor atomic.Int64 // ms: no entry that arrived before is unfinished

	mu      sync.Mutex
	claimed []claimed // taken over, bodies not yet read

	cursor     string    // of the scan for entries to take over
	nextScan   time.Time // when the next scan begins
	groupKnown bool      // false until the group was seen to exist
	groupSeen  bool      // true once it was: a group made after that had vanished
}

type claimed struct {
	id         string
	deliveries int64
}

// NewStream returns the queue on one partition. It does not connect: the group
// is made by the first Receive, or by Open.
func NewStream(opts StreamOptions) *Stream {
	return &Stream{opts: opts, keys: KeysOf(opts.Key), cursor: scanStart}
}

// Floor is the arrival, in ms, before which no entry of the partition is
// unfinished, as last seen by trimming; 0 until it is known.
func (s *Stream) Floor() int64 { return s.floor.Load() }

// OwnerError says that the stream's ledger belongs to another service group.
type OwnerError struct{ Key, Group, Owner string }

func (e *OwnerError) Error() string {
	return fmt.Sprintf("STREAM_GROUP: the stream %q is accounted for by group %q, not %q: one service group a stream", e.Key, e.Owner, e.Group)
}

// Open makes the consumer group where it does not exist. A group that existed
// and has vanished is made again from the trimming watermark, loudly.
func (s *Stream) Open(ctx context.Context) error {
	reply, err := s.run(ctx, openScript, []string{s.keys.Main, s.keys.Ledger, s.keys.Delayed, s.keys.Dead}, s.opts.Group).Slice()
	if err != nil {
		return fmt.Errorf("opening group %s of %s: %w", s.opts.Group, s.keys.Main, err)
	}
	switch reply[0] {
	case "other":
		return &OwnerError{Key: s.keys.Main, Group: s.opts.Group, Owner: fmt.Sprint(reply[1])}
	case "made":
		epoch, _ := reply[1].(int64)
		if s.groupSeen || epoch > 1 {
			s.opts.Log.Warn("group_recreated", "stream", s.keys.Main, "group", s.opts.Group, "epoch", epoch,
				"reason", fmt.Sprintf("the consumer group had vanished; it reads again after %v", reply[2]))
		}
	}
	s.groupKnown, s.groupSeen = true, true
	return nil
}

// Close removes this consumer from the group if it holds nothing.
func (s *Stream) Close(ctx context.Context) error {
	s.mu.Lock()
	rest := s.claimed
	s.claimed = nil
	s.mu.Unlock()
	if err := s.handBack(ctx, claimedIDs(rest)); err != nil {
		return err
	}
	if err := s.run(ctx, leaveScript, []string{s.keys.Main}, s.opts.Group, s.opts.Consumer).Err(); err != nil && !isNoGroup(err) {
		return fmt.Errorf("leaving group %s of %s: %w", s.opts.Group, s.keys.Main, err)
	}
	return nil
}

func (s *Stream) run(ctx context.Context, script *redis.Script, keys []string, args ...any) *redis.Cmd {
	return redisconn.Run(ctx, s.opts.Client, script, keys, args...)
}

// isNoGroup says that the stream or its group is gone. The code need not stand
// at the front: Redis 6.2 and embedded servers put words of their own before an
// error of a script's command.
func isNoGroup(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "NOGROUP") || strings.Contains(err.Error(), "no such key"))
}

// jitter spreads d by a fifth either way, so that workers don't act in step.
func jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64()))
}
