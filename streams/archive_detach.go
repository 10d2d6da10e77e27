package streams

import (
	"context"
	_ "embed"
	"errors"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
)

var (
	//go:embed archive_detach.lua
	archiveDetachSource string
	archiveDetach       = redis.NewScript(inspectSource + archiveDetachSource)
)

// ErrArchiveServed means that an archiver has the lease of the partition.
var ErrArchiveServed = errors.New("an archiver serves the partition")

// Detached is what DetachArchive has removed, or would remove.
type Detached struct {
	There    bool   // there was a group; the rest says where it stood
	Archived string // the group's last ID
	Waiting  bool   // entries after it are on the stream
	Lag      int64  // their number; negative if unknown
}

// DetachArchive removes the archive's group of a partition. What is on the stream and not
// archived is from then on trimmed like everything else, and missing from the archive. The
// error is ErrArchiveServed, and nothing changes, while an archiver has the lease: up to
// half a minute after it was killed. With dry nothing changes either way.
func DetachArchive(ctx context.Context, client redis.UniversalClient, key string, dry bool) (Detached, error) {
	keys := KeysOf(key)
	dryRun := 0
	if dry {
		dryRun = 1
	}
	reply, err := redisconn.Run(ctx, client, archiveDetach, []string{keys.Main, keys.Archiver}, ArchiveGroup, dryRun).Slice()
	if err != nil {
		return Detached{}, wrap(err, "removing the group %s of %s", ArchiveGroup, key)
	}
	d := Detached{Archived: text(reply[1]), Waiting: integer(reply[2]) == 1, Lag: integer(reply[3])}
	d.There = d.Archived != ""
	if text(reply[0]) == "served" {
		return d, wrap(ErrArchiveServed, "%s", key)
	}
	return d, nil
}
