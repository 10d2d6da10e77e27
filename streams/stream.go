package streams

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
)

// StreamOptions configures a Stream.
type StreamOptions struct {
	// Client must wait at least two seconds for a reply.
	Client   redis.UniversalClient
	Key      string // the partition's stream
	Group    string // consumer group
	Consumer string // this worker's name, unique in the group
	// PollTimeout is how long Receive waits for entries; 0: it looks once.
	PollTimeout time.Duration
	// ClaimIdle is the lease, 1 ms or longer: an entry that was neither received
	// nor extended for that long is claimed by another consumer.
	ClaimIdle time.Duration
	// Retention is how long settled entries stay on the stream; 0: they are deleted
	// by the next trimming; negative: they stay for ever.
	Retention time.Duration
	// MaxEntries is about how many entries the stream keeps; settled ones beyond it
	// are deleted before their retention is over; 0: no limit.
	MaxEntries int64
	// MaxDeliveries is how often an entry is delivered before it is quarantined;
	// 0: 5 times.
	MaxDeliveries int
	DeadLetters   DeadLetterOptions
	// Claimed is called by Receive with the number of entries that were claimed from
	// other consumers; may be nil.
	Claimed func(entries int)
	// MemoryPressure is called by Maintain with the reason when Redis reaches
	// maxmemory, and with "" when it has room again; may be nil.
	MemoryPressure func(reason string)
	Log            *slog.Logger // nil: no log
}

const defaultMaxDeliveries = 5

func (o *StreamOptions) validate() error {
	return errors.Join(
		require(o.Client != nil, "no client"),
		require(o.Key != "", "no key"),
		require(o.Group != "", "no consumer group"),
		require(o.Consumer != "", "no consumer name"),
		require(o.PollTimeout >= 0, "the poll timeout is negative"),
		require(o.ClaimIdle >= time.Millisecond, "the lease is shorter than 1 ms"),
		require(o.MaxEntries >= 0, "the limit of entries is negative"),
		require(o.MaxDeliveries >= 0, "the limit of deliveries is negative"),
		o.DeadLetters.validate(),
	)
}

// Stream is one partition of a Redis stream, read through a consumer group, as
// an at-least-once queue: an entry stays pending until it is settled, and the
// entries of a dead worker are reclaimed by others once their leases expire.
type Stream struct {
	opts  StreamOptions
	keys  Keys
	sizer sizer
	small atomic.Bool // recent entries are small, so the next ones may be read without measuring them
	// sparse means that the newest entry is looked at so rarely that small entries
	// read last say little about the next ones.
	sparse   atomic.Bool
	floor    atomic.Int64 // ms: see Floor
	idle     atomic.Bool  // see Idle
	held     atomic.Int64 // deliveries neither settled nor nacked
	lag      atomic.Int64 // last known number of undelivered entries; negative: unknown
	lastCame atomic.Int64 // Unix ms by the local clock: when a read last returned something

	deferred  chan struct{} // signals that this worker has deferred a record
	oneOfMany bool          // there are other partitions
	upkeep    chan struct{} // limits concurrent chores of all partitions; nil: no limit
	letters   *letterWatch

	mu          sync.Mutex // guards the next four fields
	claimed     []claimed  // claimed, bodies not read yet
	quarantine  []quarantined
	lastReceive time.Time // when Receive was last called
	epoch       epochState

	detecting sync.Mutex // held while losses are detected, by Maintain or a reader that went back

	// Used by Maintain only.
	full        bool                              // Redis was at maxmemory
	warnedTrim  time.Time                         // last warning about entries deleted early
	warnedAhead time.Time                         // last warning about IDs ahead of the clock
	unserved    struct{ since, warned time.Time } // nobody archives the stream

	// Used by Receive only.
	nextScan   time.Time // when to scan for expired leases
	groupKnown bool      // the group exists, as far as is known
	lastReply  int       // size of the last reply, in bytes
	emptied    time.Time // when a read last returned nothing
}

// claimed is an entry reclaimed from another consumer.
type claimed struct {
	id         string
	deliveries int64
	attempts   int64 // of a quarantined entry; noAttempts for others
}

// noAttempts marks an entry that is not quarantined.
const noAttempts = -1

// NewStream returns a queue on one partition, or an error if the options are
// invalid. It does not connect: Open or the first Receive creates the group.
func NewStream(opts StreamOptions) (*Stream, error) {
	if err := opts.validate(); err != nil {
		return nil, wrap(err, "invalid options for the stream %q", opts.Key)
	}
	opts.MaxDeliveries = cmp.Or(opts.MaxDeliveries, defaultMaxDeliveries)
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	s := &Stream{opts: opts, keys: KeysOf(opts.Key), deferred: make(chan struct{}, 1), letters: &letterWatch{log: opts.Log}}
	s.lag.Store(-1)
	return s, nil
}

// Floor is the arrival time in Unix ms before which no entry of the partition is
// unfinished, as last seen by Maintain; 0 until it is known.
func (s *Stream) Floor() int64 { return s.floor.Load() }

// Idle reports whether no entry was unfinished and no record deferred when
// Maintain last looked: later entries arrived after that.
func (s *Stream) Idle() bool { return s.idle.Load() }

func (s *Stream) run(ctx context.Context, script *redis.Script, keys []string, args ...any) *redis.Cmd {
	return redisconn.Run(ctx, s.opts.Client, script, keys, args...)
}

// release subtracts deliveries that are no longer held.
func (s *Stream) release(n int) { s.held.Add(-int64(n)) }

const (
	// quietAfter is how long nothing must arrive before an idle partition is quiet.
	quietAfter = 2 * time.Second
	// quietStretch lengthens the pauses of quiet partitions if there are several,
	// so that many idle ones cost little.
	quietStretch = 4
)

// quiet reports whether, as far as is known, nothing is unfinished in the
// partition and nothing has arrived for a while.
func (s *Stream) quiet() bool {
	return s.idle.Load() && s.held.Load() <= 0 && time.Since(time.UnixMilli(s.lastCame.Load())) > quietAfter
}

// stretch is the factor by which pauses are lengthened.
func (s *Stream) stretch() float64 {
	if s.oneOfMany && s.quiet() {
		return quietStretch
	}
	return 1
}

// jitter varies d by up to a fifth, so that workers do not act in step.
func jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64()))
}
