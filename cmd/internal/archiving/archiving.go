// Package archiving runs the archivers of all partitions of a stream: for the program
// archiver, and for standalone.
package archiving

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"

	"ingestion/archive"
	"ingestion/cmd/internal/app"
	"ingestion/internal/config"
	"ingestion/internal/metrics"
	"ingestion/streams"
)

const (
	// renewals is how often a lease is renewed before it would expire.
	renewals = 3
	// maxReading is how many partitions are read at the same time.
	maxReading = 4
	// openBytes bounds what all open segments hold, before compression.
	openBytes = 512 << 20
	// stillFor is for how long an archiver may do nothing: an upload may be slow.
	stillFor = 15 * time.Minute
)

// Connections is how many connections to one node of Redis archiving takes at most.
func Connections(cfg *config.Config) int { return maxReading + min(2*cfg.StreamPartitions, 16) + 2 }

// Options configures an Archiving. All but Metrics are required.
type Options struct {
	Config  *config.Config
	Redis   redis.UniversalClient
	Bucket  *blob.Bucket
	Log     *slog.Logger
	Metrics *metrics.Archive
}

// Archiving archives all partitions of a stream: their entries, and the notes of what became
// of them.
type Archiving struct {
	opts    Options
	sources []*source
}

// New returns the archiving of the configured stream. It asks no server.
func New(opts Options) (*Archiving, error) {
	if err := Check(opts.Config); err != nil {
		return nil, err
	}
	a := &Archiving{opts: opts}
	reading := make(chan struct{}, maxReading)
	for _, key := range opts.Config.Layout().Keys() {
		for _, outcomes := range []bool{false, true} {
			one, err := streams.NewArchive(streams.ArchiveOptions{
				Client: opts.Redis, Key: key, Outcomes: outcomes, Name: opts.Config.StreamConsumer, Lease: opts.Config.StreamClaimIdle.Duration(),
			})
			if err != nil {
				return nil, err
			}
			a.sources = append(a.sources, &source{Archive: one, notes: outcomes, log: opts.Log.With("stream", one.Key()), reading: reading, moved: time.Now()})
		}
	}
	return a, nil
}

// Check returns an error if the settings have nothing to archive.
func Check(cfg *config.Config) error {
	if cfg.QueueMode != config.ModeStream {
		return app.UsageError(errors.New("QUEUE_MODE: only a stream can be archived: want stream"))
	}
	return nil
}

// Run archives until ctx ends, then writes what it has read, and gives the leases back.
func (a *Archiving) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	errs := make([]error, len(a.sources))
	var running sync.WaitGroup
	for i, s := range a.sources {
		running.Go(func() {
			one := archive.New(s, archive.Open(a.opts.Bucket, s.Key()), a.archiverOptions(s))
			if errs[i] = one.Run(ctx); errs[i] != nil {
				stop()
			}
		})
	}
	running.Wait()
	return errors.Join(errs...)
}

func (a *Archiving) archiverOptions(s *source) archive.Options {
	cfg := a.opts.Config
	return archive.Options{
		Name:         cfg.StreamConsumer,
		SegmentBytes: int(min(cfg.ArchiveSegmentBytes, openBytes/int64(len(a.sources)))),
		SegmentAge:   cfg.ArchiveSegment.Duration(),
		RenewEvery:   cfg.StreamClaimIdle.Duration() / renewals,
		Grace:        cfg.ShutdownTimeout.Duration(),
		Log:          a.opts.Log,
		Observer:     a.observer(s),
	}
}

func (a *Archiving) observer(s *source) archive.Observer {
	m := a.opts.Metrics
	if m == nil {
		m = metrics.NewArchive(app.Build())
	}
	failed := func(server string, err error) {
		s.noteFault(server, err)
		m.Failed(server)
	}
	if s.notes {
		return archive.Observer{
			Read:     func(int, int64) { s.noteFault("", nil) },
			Archived: func(entry archive.Manifest, _ time.Duration) { m.Noted(entry.Count) },
			Failed:   failed,
		}
	}
	return archive.Observer{
		Leased: m.Leased,
		Read: func(entries int, bytes int64) {
			s.noteFault("", nil)
			m.Read(entries, bytes)
		},
		Archived: func(entry archive.Manifest, took time.Duration) { m.Archived(entry.Count, entry.Bytes, took) },
		Failed:   failed,
	}
}

// Hangs says which partitions have done nothing for so long that the process should be
// restarted.
func (a *Archiving) Hangs() (hanging []string) {
	for _, s := range a.sources {
		if still := s.still(); still > stillFor {
			hanging = append(hanging, fmt.Sprintf("the archiver of %s hangs: nothing was read or written for %v", s.Key(), still.Round(time.Second)))
		}
	}
	return hanging
}

// Fault is why a server, "Redis" or "bucket", can't be used for a partition, and since when;
// nil if it can.
func (a *Archiving) Fault(server string) (since time.Time, err error) {
	for _, s := range a.sources {
		if since, err := s.fault(server); err != nil {
			return since, err
		}
	}
	return time.Time{}, nil
}

// OpenDirectory opens a directory as a bucket, and creates it if it does not exist.
func OpenDirectory(dir string) (*blob.Bucket, error) {
	return fileblob.OpenBucket(dir, &fileblob.Options{CreateDir: true, NoTempDir: true, Metadata: fileblob.MetadataDontWrite})
}
