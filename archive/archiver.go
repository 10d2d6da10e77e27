package archive

import (
	"context"
	"log/slog"
	"time"
)

// Options are the settings of an Archiver. The zero value of a field is its default.
type Options struct {
	Name         string        // of this archiver, for the manifest and the log
	SegmentBytes int           // a segment is closed at so many bytes, uncompressed; 64 MiB
	SegmentAge   time.Duration // or so long after its first entry was read; 1 min
	RenewEvery   time.Duration // interval at which the lease is renewed, or asked for; 5 s
	Poll         time.Duration // pause at the end of the stream; 500 ms
	Grace        time.Duration // at the end of ctx, the time to write what was read; 20 s
	Log          *slog.Logger  // default: none
	Observer     Observer      // default: none
}

// Observer is told what an archiver does. Its functions may be nil. They are called by
// several goroutines, and must not block.
type Observer struct {
	Leased   func(held bool)                      // the lease was taken or lost
	Read     func(entries, bytes int)             // a page was read
	Archived func(m Manifest, took time.Duration) // a segment is in the chain
	Failed   func(operation string, err error)    // an attempt failed and will be repeated
}

// Archiver copies one partition of a stream into its log.
type Archiver struct {
	source Source
	log    *Log
	opts   Options
}

// New returns an archiver of one partition.
func New(source Source, log *Log, opts Options) *Archiver {
	return &Archiver{source: source, log: log, opts: opts}
}

// Run archives until ctx ends; then it writes what it has read, releases the lease and
// returns nil. While another archiver has the lease it waits. Failures of the bucket and
// of the source are repeated without limit, and logged once a minute; nothing is committed
// that is not in the log. It returns an error only for what waiting can't mend.
func (a *Archiver) Run(ctx context.Context) error { return errTODO }
