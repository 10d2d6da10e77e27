package streams

import (
	"context"
	_ "embed"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
)

var (
	//go:embed snapshot.lua
	snapshotSource string
	snapshotScript = redis.NewScript(inspectSource + snapshotSource)
)

// memorySamples is how many elements of a key are measured to estimate its size.
const memorySamples = 5

// Snapshot is the state of one partition at one moment, for monitoring: its account, and
// what else can be read at a cost that does not grow with the number of entries.
type Snapshot struct {
	// Account is as ReadAccount returns it, except that the number of undelivered
	// entries may be unknown: see Account.BacklogUnknown.
	*Account

	Taken             time.Time // by the clock of Redis
	OldestUndelivered string    // an entry ID; empty if there is none
	Due               int64     // deferred records that are due
	Consumers         []ConsumerState
	Bytes             int64 // memory that the partition's keys take, estimated; negative if unknown
	Archive           ArchiveState
}

// ArchiveState is how far the archive of a partition is.
type ArchiveState struct {
	On       bool   // the archive's group exists; else the rest is empty
	Served   bool   // an archiver has the lease
	Archived string // ID of the last entry that is archived
	Oldest   string // ID of the oldest entry that is not; empty if there is none
	Lag      int64  // entries that are not archived; negative if unknown
}

// ConsumerState is a consumer of the service group.
type ConsumerState struct {
	Name    string
	Pending int64         // entries that it holds
	Idle    time.Duration // since it last read, claimed or renewed a lease; negative if unknown
}

// Silent reports whether the consumer has been idle for longer than a lease: it is dead,
// or something keeps it from reading, and others may claim what it holds.
func (c ConsumerState) Silent(lease time.Duration) bool { return c.Idle > lease }

// ArrivalOf is when an entry with this ID arrived, by the clock of Redis.
func ArrivalOf(id string) time.Time { return time.UnixMilli(arrival(id)) }

// SnapshotOptions configures ReadSnapshot.
type SnapshotOptions struct {
	Group string // the service group
	// CountCalls limits the calls that count undelivered entries where nothing else tells
	// their number. A call counts some 2000 entries, or 2 MiB of them, and takes some ms.
	// 0: they are not counted.
	CountCalls int
}

// ReadSnapshot reads the state of one partition. It is one call, unless the undelivered
// entries have to be counted. It writes nothing, so any program may call it. Errors come
// from Redis, or are an *OwnerError if the ledger belongs to another group.
func ReadSnapshot(ctx context.Context, client redis.UniversalClient, key string, opts SnapshotOptions) (*Snapshot, error) {
	keys := keysAround(key)
	reply, err := redisconn.Run(ctx, client, snapshotScript,
		[]string{keys.Main, keys.Dead, keys.Delayed, keys.Ledger, keys.DelayedData, keys.Returns, keys.Archiver}, opts.Group, memorySamples, ArchiveGroup).Slice()
	if err != nil {
		return nil, wrap(err, "reading the state of %s", key)
	}
	f := newFacts(reply)
	a, err := f.ownAccount(key, opts.Group)
	if err != nil {
		return nil, wrap(err, "reading the state of %s", key)
	}
	s := &Snapshot{Account: a, OldestUndelivered: f.text("next"), Bytes: -1, Consumers: consumerStates(reply[2]), Archive: archiveStateOf(f)}
	now, _ := f.number("now")
	s.Taken = time.UnixMilli(now)
	s.Due, _ = f.number("due")
	if bytes, known := f.number("bytes"); known {
		s.Bytes = bytes
	}
	if a.setBacklog(f); a.BacklogUnknown && opts.CountCalls > 0 {
		err = s.countBacklog(ctx, client, opts)
	}
	return s, err
}

// countBacklog replaces the account by one whose undelivered entries were counted, unless
// there are too many of them.
func (s *Snapshot) countBacklog(ctx context.Context, client redis.UniversalClient, opts SnapshotOptions) error {
	r := accountReader{client: client, keys: KeysOf(s.Key), group: opts.Group, most: opts.CountCalls}
	counted, err := r.read(ctx)
	switch {
	case errors.Is(err, errLongCount), errors.Is(err, ErrUnsteady):
		return nil
	case err != nil:
		return wrap(err, "counting the undelivered entries of %s", s.Key)
	}
	s.Account = counted
	return nil
}

// setBacklog sets the number of undelivered entries, or notes that it is not known.
func (a *Account) setBacklog(f facts) {
	lag, told := f.number("lag")
	switch n, counted := f.number("undelivered"); {
	case counted:
		a.Undelivered = n
	case !a.GroupThere:
		a.Undelivered = a.Length
	case told && a.lagIsExact(lag):
		a.Undelivered = lag
	default:
		a.BacklogUnknown = true
	}
}

// lagIsExact reports whether the lag of the group, as Redis tells it, is the number of
// undelivered entries.
//
// Redis computes it as entries added minus entries read, and counts as read what it
// delivers. So it is wrong once undelivered entries were deleted, in particular by
// trimming, of which Redis keeps no note, and it stays wrong. But any deletion by another
// client leaves a difference between the entries added and those that are on the stream
// or were trimmed by the service, which trims settled entries only. Without such a
// difference, in this epoch and all before it, no undelivered entry was ever deleted,
// and all after the last delivered one are still there.
//
// Then the lag is wrong only if a client has told Redis a wrong number: XGROUP SETID or
// CREATE with ENTRIESREAD, XSETID with ENTRIESADDED. The latter changes the same
// difference. For the former there is a second witness: what the ledger leaves for the
// undelivered ones, which knows nothing of Redis' counter. It is wrong when the group
// was moved or pending entries were dropped, until a worker notices. So to deceive both, a
// client would have to move the group with an ENTRIESREAD that names the position from
// before.
func (a *Account) lagIsExact(lag int64) bool {
	if !a.Known || a.Added-a.Base-a.Trimmed != a.Length || a.GoneBefore != 0 {
		return false
	}
	return lag == a.Added-a.Base-a.Settled()-a.Pending-a.Missing-a.Moved
}

func archiveStateOf(f facts) ArchiveState {
	state := ArchiveState{Archived: f.text("archived"), Oldest: f.text("archive_next"), Lag: -1}
	state.On = state.Archived != ""
	served, _ := f.number("archive_served")
	state.Served = served == 1
	if lag, known := f.number("archive_lag"); known {
		state.Lag = lag
	}
	return state
}

func consumerStates(reply any) []ConsumerState {
	list, _ := reply.([]any)
	states := make([]ConsumerState, 0, len(list))
	for _, item := range list {
		c, _ := item.([]any)
		if len(c) != 3 {
			continue
		}
		states = append(states, ConsumerState{Name: text(c[0]), Pending: integer(c[1]), Idle: time.Duration(integer(c[2])) * time.Millisecond})
	}
	return states
}

// ListSnapshot is the state of a list at one moment.
type ListSnapshot struct {
	Key         string
	Length      int64 // records on the list
	DeadLetters int64
}

// ReadListSnapshot reads the state of a list. Errors come from Redis.
func ReadListSnapshot(ctx context.Context, client redis.UniversalClient, key string) (*ListSnapshot, error) {
	var length, letters *redis.IntCmd
	_, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
		length, letters = p.LLen(ctx, key), p.XLen(ctx, KeysOf(key).Dead)
		return nil
	})
	if err != nil {
		return nil, wrap(err, "reading the state of %s", key)
	}
	return &ListSnapshot{Key: key, Length: length.Val(), DeadLetters: letters.Val()}, nil
}
