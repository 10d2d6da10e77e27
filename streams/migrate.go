package streams

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
)

// MigrationOptions configures a Migration.
type MigrationOptions struct {
	// Client must not retry commands.
	Client redis.UniversalClient
	List   string   // key of the list
	Stream []string // keys of the stream's partitions, in their order
	Group  string   // the service group
	// Home returns the index of the partition to which a body belongs.
	Home func(body []byte) int
}

func (o *MigrationOptions) validate() error {
	return errors.Join(
		require(o.Client != nil, "no client"),
		require(o.List != "", "no list"),
		require(len(o.Stream) > 0, "no stream"),
		require(o.Group != "", "no consumer group"),
		require(o.Home != nil || len(o.Stream) == 1, "no function that finds a body's partition"),
	)
}

// Migration moves records between a list and the partitions of a stream, in steps of at
// most MigrationStep records or a few MiB. Each step is atomic: whatever ends the program
// or the connection, each record is in one of the two places, and another Migration
// goes on. One goroutine at a time may use it.
type Migration struct {
	opts  MigrationOptions
	keys  []Keys
	sizer sizer
	ahead [][]Delivery // by partition: entries read and not yet moved
	ready bool         // the ledgers are open, and ahead continues what was read
}

// MigrationStep is the largest number of records that one step moves.
const MigrationStep = 500

// migrationTries is how often a step is tried while workers take what it is to move.
const migrationTries = 20

// The errors of a Migration.
var (
	ErrMigrateCluster  = errors.New("a Redis Cluster keeps the list and the partitions on different nodes, so records can't be moved in one step")
	ErrMigrateBusy     = errors.New("workers take the records before they can be moved")
	ErrMigratePending  = errors.New("the stream has pending entries")
	ErrMigrateDeferred = errors.New("the stream has deferred records")
)

// UnfitEntryError means that an entry has no single body that a list could hold.
type UnfitEntryError struct{ Key, ID, Fault string }

func (e *UnfitEntryError) Error() string {
	return fmt.Sprintf("entry %s of %s: %s", e.ID, e.Key, e.Fault)
}

// NewMigration returns a migration, or an error if the options are invalid; on a Cluster
// it is ErrMigrateCluster.
func NewMigration(opts MigrationOptions) (*Migration, error) {
	if err := opts.validate(); err != nil {
		return nil, wrap(err, "invalid options for a migration")
	}
	if redisconn.IsCluster(opts.Client) {
		return nil, ErrMigrateCluster
	}
	m := &Migration{opts: opts, ahead: make([][]Delivery, len(opts.Stream))}
	for _, key := range opts.Stream {
		m.keys = append(m.keys, KeysOf(key))
	}
	return m, nil
}

// step is the number of records of the next step.
func (m *Migration) step(most int) int {
	if m.sizer.largest == 0 {
		return min(most, 10) // until their size is known
	}
	return min(m.sizer.limit(most), MigrationStep)
}

// repeat calls a step until it moves something, has nothing to move, or fails.
func repeat(ctx context.Context, step func(context.Context) (moved int, again bool, err error)) (int, error) {
	for range migrationTries {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if moved, again, err := step(ctx); moved > 0 || !again || err != nil {
			return moved, err
		}
	}
	return 0, ErrMigrateBusy
}
