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
	// Client waits for a reply two seconds or longer.
	Client      redis.UniversalClient
	Key         string        // the partition's stream
	Group       string        // consumer group
	Consumer    string        // this worker's name in the group; no two workers share one
	PollTimeout time.Duration // how long Receive waits
	ClaimIdle   time.Duration // lease: an entry not extended for so long is taken over
	Retention   time.Duration // how long settled entries stay; negative: for ever
	MaxEntries  int64         // settled entries beyond about so many are deleted; 0: no cap
	// MaxDeliveries is how often an entry is delivered before it is suspected of
	// killing its worker; 0: 5 times.
	MaxDeliveries int
	DeadLetters   DeadLetterOptions
	// Full is called by Maintain while Redis is at maxmemory, with the reason, and
	// with an empty reason once there is room again; may be nil.
	Full func(reason string)
	Log  *slog.Logger
}

// Stream is one partition of a Redis stream, read through a consumer group, as
// an at-least-once queue: an entry stays pending until it is settled, and one
// whose worker died is taken over once its lease has run out.
type Stream struct {
	opts  StreamOptions
	keys  Keys
	sizer sizer
	small atomic.Bool // entries are known to be small, so that many may be read unseen
	// unwatched says that the next look at the stream's newest entry is far off, so
	// that small entries read last say little of those to come.
	unwatched atomic.Bool
	floor     atomic.Int64 // ms: no entry that arrived before is unfinished
	idle      atomic.Bool  // nothing is unfinished, as last seen by Maintain
	held      atomic.Int64 // deliveries neither settled nor handed back
	lag       atomic.Int64 // entries not read yet, when last known; negative: never known

	lastCame  atomic.Int64  // ms by the own clock: when a read brought something last
	deferred  chan struct{} // this worker has deferred something
	oneOfMany bool          // there are other partitions
	upkeep    chan struct{} // holds who does a chore; nil: as many as like to

	mu       sync.Mutex
	claimed  []claimed // taken over, bodies not yet read
	suspects []suspect // taken over, to be tried alone
	wanted   time.Time // when Receive last looked for entries to take over
	era      era

	looking sync.Mutex // held by a census, of Maintain or of a reader that went back

	full          bool      // Redis is at maxmemory, as last seen by Maintain
	warnedTrim    time.Time // when it was said last that entries go before their time
	warnedAhead   time.Time // when it was said last that the stream's IDs lie ahead of the clock
	warnedLetters bool      // it was said that dead letters are many

	nextScan   time.Time // when to look for entries to take over
	groupKnown bool      // false until the group was seen to exist
	lastReply  int       // bytes of the reply that was read last
	emptied    time.Time // when a read brought nothing last
}

type claimed struct {
	id         string
	deliveries int64
	tries      int64 // lone attempts counted for a suspect; negative for others
}

// NewStream returns the queue on one partition. It does not connect: the group
// is made by the first Receive, or by Open.
func NewStream(opts StreamOptions) *Stream {
	s := &Stream{opts: opts, keys: KeysOf(opts.Key), deferred: make(chan struct{}, 1)}
	s.lag.Store(-1)
	return s
}

// Floor is the arrival, in ms, before which no entry of the partition is
// unfinished, as last seen by trimming; 0 until it is known.
func (s *Stream) Floor() int64 { return s.floor.Load() }

// Idle says that no entry was unfinished and no record deferred, as last seen by
// trimming: what comes then arrives later than that.
func (s *Stream) Idle() bool { return s.idle.Load() }

// OwnerError says that the stream's ledger belongs to another service group.
type OwnerError struct{ Key, Group, Owner string }

func (e *OwnerError) Error() string {
	return fmt.Sprintf("STREAM_GROUP: the stream %q is accounted for by group %q, not %q: one service group a stream", e.Key, e.Owner, e.Group)
}

// letGo says that n deliveries are not held any more.
func (s *Stream) letGo(n int) { s.held.Add(-int64(n)) }

func (s *Stream) maxDeliveries() int {
	if s.opts.MaxDeliveries > 0 {
		return s.opts.MaxDeliveries
	}
	return 5
}

// Close hands back what was taken over and not delivered, and removes this
// consumer from the group if it holds nothing.
func (s *Stream) Close(ctx context.Context) error {
	if err := s.handBack(ctx, s.takeUndelivered(0), s.opts.ClaimIdle); err != nil {
		return err
	}
	if err := s.run(ctx, sweepScript, []string{s.keys.Main}, s.opts.Group, s.opts.Consumer).Err(); err != nil && !isNoGroup(err) {
		return fmt.Errorf("leaving group %s of %s: %w", s.opts.Group, s.keys.Main, err)
	}
	return nil
}

func (s *Stream) run(ctx context.Context, script *redis.Script, keys []string, args ...any) *redis.Cmd {
	return redisconn.Run(ctx, s.opts.Client, script, keys, args...)
}

// isNoGroup says that the stream or its group is gone; a blocked reader is told
// so by UNBLOCKED. The code need not stand
// at the front: embedded servers put words of their own before an error of a
// script's command.
func isNoGroup(err error) bool {
	if err == nil {
		return false
	}
	said := err.Error()
	return strings.Contains(said, "NOGROUP") || strings.Contains(said, "no such key") || strings.Contains(said, "UNBLOCKED the stream key")
}

// jitter spreads d by a fifth either way, so that workers don't act in step.
func jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64()))
}
