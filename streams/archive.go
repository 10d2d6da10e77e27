package streams

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
)

// ArchiveGroup is the consumer group that keeps entries on the stream until they are
// archived: nothing is trimmed that a group has not passed. It has no consumers, and
// nothing is ever pending in it: an archiver reads with XRANGE, and moves the group.
const ArchiveGroup = "archive"

// ErrArchiveLease means that another archiver has the lease of the partition, or that it
// has expired.
var ErrArchiveLease = errors.New("this archiver does not have the lease of the partition")

var (
	//go:embed archive_lease.lua
	archiveLeaseSource string
	//go:embed archive_notes.lua
	archiveNotesSource string
	//go:embed archive_position.lua
	archivePositionSource string
	//go:embed archive_commit.lua
	archiveCommitSource string
	//go:embed archive_release.lua
	archiveReleaseSource string

	archiveLease    = newUnboundedScript(archiveLeaseSource)
	archivePosition = newUnboundedScript(inspectSource + archiveNotesSource + archivePositionSource)
	archiveCommit   = newUnboundedScript(inspectSource + archiveNotesSource + archiveCommitSource)
	archiveRelease  = redis.NewScript(archiveReleaseSource)
)

// ArchiveOptions configures an Archive.
type ArchiveOptions struct {
	// Client must not retry commands.
	Client redis.UniversalClient
	Key    string // the partition's stream
	Name   string // of this archiver, for people
	// Outcomes selects the notes of what became of the entries instead of the entries
	// (see outcomes.lua). They are written from the first call of Position on, and deleted
	// once they are archived.
	Outcomes bool
	// Lease is how long the right to archive lasts unless it is renewed, 1 ms or longer.
	Lease time.Duration
}

func (o *ArchiveOptions) validate() error {
	return errors.Join(
		require(o.Client != nil, "no client"),
		require(o.Key != "", "no key"),
		require(o.Lease >= time.Millisecond, "the lease is shorter than 1 ms"),
	)
}

// Archive is one partition of a stream as its archiver sees it: what is to be archived, and
// up to where that was done. Lease may be called while another method runs; the others are
// called by one goroutine at a time. All work while Redis is at maxmemory, since
// archiving is what lets it delete entries.
type Archive struct {
	opts   ArchiveOptions
	stream string // what is archived
	lease  string // key of the lease
	main   string // the partition's stream
	holder string // unique, even among processes of the same name
	reader archiveReader
}

// NewArchive returns the archive's side of a partition, or an error if the options are
// invalid. It does not connect.
func NewArchive(opts ArchiveOptions) (*Archive, error) {
	if err := opts.validate(); err != nil {
		return nil, wrap(err, "invalid options for the archive of %q", opts.Key)
	}
	keys := KeysOf(opts.Key)
	a := &Archive{opts: opts, stream: keys.Main, lease: keys.Archiver, main: keys.Main, holder: opts.Name + " " + rand.Text()}
	if opts.Outcomes {
		a.stream, a.lease = keys.Outcomes, keys.OutcomesArchiver
	}
	return a, nil
}

// IsArchived reports whether the archive's group keeps the entries of a stream until they are
// archived.
func IsArchived(ctx context.Context, client redis.UniversalClient, key string) (bool, error) {
	groups, err := client.XInfoGroups(ctx, key).Result()
	if err != nil && !isNoGroup(err) {
		return false, wrap(err, "reading the groups of %s", key)
	}
	return slices.ContainsFunc(groups, func(g redis.XInfoGroup) bool { return g.Name == ArchiveGroup }), nil
}

// Key returns the key of what is archived.
func (a *Archive) Key() string { return a.stream }

// Lease takes the right to archive the partition, or renews it. It returns false, and who
// has it, if that is another archiver.
func (a *Archive) Lease(ctx context.Context) (held bool, other string, err error) {
	holder, err := archiveLease.run(ctx, a.opts.Client, []string{a.lease}, a.holder, a.opts.Lease.Milliseconds()).Text()
	if err != nil || holder == a.holder {
		return err == nil, "", wrap(err, "taking the lease %s", a.lease)
	}
	if at := strings.LastIndexByte(holder, ' '); at >= 0 {
		holder = holder[:at]
	}
	return false, holder, nil
}

// Release gives the lease back if this archiver has it.
func (a *Archive) Release(ctx context.Context) error {
	err := redisconn.Run(ctx, a.opts.Client, archiveRelease, []string{a.lease}, a.holder).Err()
	return wrap(err, "releasing the lease %s", a.lease)
}

// ArchivePosition is where the archive's group and the stream are.
type ArchivePosition struct {
	Archived string // the group's last ID
	First    string // the first entry on the stream; "" if it is empty
	Last     string // the last ID ever added to the stream; "0-0" if there is none
	Length   int64  // entries on the stream
	Added    int64  // entries ever added; negative if Redis does not tell
}

// Position returns where the group and the stream are. It creates the group at the
// beginning of the stream, and the stream, if they do not exist.
func (a *Archive) Position(ctx context.Context) (ArchivePosition, error) {
	reply, err := archivePosition.run(ctx, a.opts.Client, []string{a.stream, a.main}, ArchiveGroup).Result()
	if err != nil {
		return ArchivePosition{}, wrap(err, "reading where the group %s of %s is", ArchiveGroup, a.stream)
	}
	found := namedReply(reply)
	p := ArchivePosition{
		Archived: found.text("archived"), First: found.text("first"), Last: orNone(found.text("last")),
		Length: found.integer("length"), Added: -1,
	}
	if _, told := found["added"]; told {
		p.Added = found.integer("added")
	}
	return p, nil
}

func orNone(id string) string {
	if id == "" {
		return "0-0"
	}
	return id
}

// Commit says that everything up to an ID is archived, so that it may be trimmed, and
// that nothing after it is. Archived notes of outcomes are deleted. It creates the group if that is gone. The error is
// ErrArchiveLease, and nothing changes, if this archiver does not have the lease.
func (a *Archive) Commit(ctx context.Context, through string) error {
	reply, err := archiveCommit.run(ctx, a.opts.Client, []string{a.stream, a.lease, a.main},
		ArchiveGroup, a.holder, through, a.reader.countUpTo(through)).Text()
	if err != nil {
		return wrap(err, "moving the group %s of %s", ArchiveGroup, a.stream)
	}
	if reply == "lost" {
		return wrap(ErrArchiveLease, "%s", a.stream)
	}
	a.reader.committed(through)
	return nil
}

// unboundedScript is a script that may run while Redis is at maxmemory although it may
// write: what it adds is a few bytes, without which nothing can be freed.
type unboundedScript struct{ plain, allowed *redis.Script }

func newUnboundedScript(source string) unboundedScript {
	return unboundedScript{redis.NewScript(source), redis.NewScript("#!lua flags=allow-oom\n" + source)}
}

func (s unboundedScript) run(ctx context.Context, client redis.UniversalClient, keys []string, args ...any) *redis.Cmd {
	cmd := redisconn.Run(ctx, client, s.plain, keys, args...)
	if cmd.Err() != nil && strings.Contains(cmd.Err().Error(), "OOM") {
		return redisconn.Run(ctx, client, s.allowed, keys, args...)
	}
	return cmd
}
