package archive

import (
	"context"
	"errors"
)

// ErrLeaseLost is the error of Source.Commit if another archiver holds the lease.
var ErrLeaseLost = errors.New("another archiver holds the lease of the partition")

// Source is one partition of a stream, as its archive group sees it. Lease may be called
// while another method runs; the others are called by one goroutine at a time.
//
// All IDs are as Redis writes them; "0-0" is before every entry.
type Source interface {
	// Lease takes or renews the right to archive the partition. It returns false if
	// another archiver has it. The lease outlives three times the interval at which it
	// is renewed: Options.RenewEvery.
	Lease(ctx context.Context) (bool, error)

	// Read returns the entries after an ID, in their order, without waiting for any: about
	// maxBytes at most, but at least one entry if there is one.
	Read(ctx context.Context, after string, maxBytes int) (Page, error)

	// Commit sets the group to an ID, forwards or backwards. It returns ErrLeaseLost, and
	// changes nothing, if another archiver has the lease. Whatever is after the ID is not
	// trimmed. It creates the group if it is gone.
	Commit(ctx context.Context, through string) error

	// Position returns where the group and the stream are. It creates the group at the
	// stream's beginning, and the stream, if they do not exist.
	Position(ctx context.Context) (Position, error)

	// Release gives the lease back, if this archiver has it.
	Release(ctx context.Context) error
}

// Page is what Source.Read returns. The entries may share memory; nobody modifies it.
type Page struct {
	Entries []Entry
	// End means that the stream had no entry after these when they were read.
	End bool
	// Added is, at that moment, how many entries were ever added to the stream, in the
	// same atomic step. It is nil if End is false or Redis does not know.
	Added *int64
	// Last is, at that moment, the last ID of the stream, also of an entry that was
	// deleted since. It may be before the ID from which was read, if Redis lost entries.
	Last string
}

// Position is where a partition's archive group and its stream are.
type Position struct {
	Group string // last ID of the group
	Last  string // last ID of the stream
	// Before is the number of entries that were added to the stream and are no longer in
	// it. It is nil if Redis does not know.
	Before *int64
}
