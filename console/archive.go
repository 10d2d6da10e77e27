package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"gocloud.dev/blob"

	"ingestion/archive"
	"ingestion/internal/answer"
	"ingestion/internal/inspect"
	"ingestion/internal/redisconn"
	"ingestion/streams"
)

// bucketCalls is how many chains are read from the bucket at once.
const bucketCalls = 8

// archiveView is what is archived, and what was rebuilt from it.
type archiveView struct {
	Configured bool        `json:"configured"` // there is a bucket
	URL        string      `json:"url"`
	IsList     bool        `json:"list"` // a list is not archived
	Chains     []chainView `json:"chains"`
	Rebuilds   rebuildView `json:"rebuilds"`
	Now        time.Time   `json:"-"`
}

// chainView is the archive of a partition, or of the notes of what became of its entries.
type chainView struct {
	Key   string `json:"key"`
	Notes bool   `json:"notes"`

	Error       *string    `json:"error"` // why the following is unknown
	Begins      *int64     `json:"begins"`
	Ends        *int64     `json:"ends"`
	Segments    int64      `json:"segments"`
	Entries     int64      `json:"entries"`
	Bytes       int64      `json:"bytes"`
	First       *string    `json:"first"`
	Last        *string    `json:"last"`
	WrittenAt   *time.Time `json:"writtenAt"`
	Archiver    *string    `json:"archiver"`
	Incomplete  bool       `json:"incomplete"` // the oldest segments were deleted
	StreamError *string    `json:"streamError"`
	// The following are of Redis.
	On     bool    `json:"on"`     // what arrives is kept until it is archived
	Served *bool   `json:"served"` // an archiver has the lease; nil if unknown
	Lag    *int64  `json:"lag"`    // entries that wait to be archived; nil if unknown
	Oldest *string `json:"oldest"` // ID of the oldest of them
}

func (c *console) archive(w http.ResponseWriter, r *http.Request) {
	view := c.readArchive(r.Context())
	c.render(w, r, "archive.html", &view)
}

func (c *console) readArchive(ctx context.Context) archiveView {
	ctx, cancel := context.WithTimeout(ctx, readFor)
	defer cancel()
	view := archiveView{Configured: c.Bucket != nil || c.OpenBucket != nil, URL: c.BucketURL, IsList: c.Source.IsList(), Now: c.Now()}
	var parts sync.WaitGroup
	parts.Go(func() { view.Rebuilds = c.readRebuilds(ctx) })
	bucket, bucketErr := c.openBucket(ctx)
	view.Chains = make([]chainView, 2*len(c.Source.Keys))
	calls := make(chan struct{}, bucketCalls)
	for i := range view.Chains {
		parts.Go(func() {
			calls <- struct{}{}
			defer func() { <-calls }()
			view.Chains[i] = c.readChain(ctx, bucket, c.Source.Keys[i/2], i%2 == 1)
			if bucketErr != nil {
				view.Chains[i].Error = answer.Error(bucketErr)
			}
		})
	}
	parts.Wait()
	return view
}

// openFor is how long a bucket may take to be opened, so that time is left to read Redis.
const openFor = 2 * time.Second

// openBucket returns the archive; nil if there is none.
func (c *console) openBucket(ctx context.Context) (*blob.Bucket, error) {
	if c.OpenBucket == nil {
		return c.Bucket, nil
	}
	ctx, cancel := context.WithTimeout(ctx, openFor)
	defer cancel()
	bucket, err := c.OpenBucket(ctx)
	if err != nil {
		return nil, fmt.Errorf("the archive can't be opened: %w", err)
	}
	return bucket, nil
}

// readChain reads the archive of a partition's entries, or of its notes.
func (c *console) readChain(ctx context.Context, bucket *blob.Bucket, key string, notes bool) chainView {
	view := chainView{Key: key, Notes: notes}
	chain := key
	if notes {
		chain = streams.KeysOf(key).Outcomes
	}
	if bucket != nil {
		view.readBucket(ctx, archive.Open(bucket, chain))
	}
	var err error
	if notes {
		err = view.readNotes(ctx, c.Source, key)
	} else {
		err = view.readStream(ctx, c.Source, key)
	}
	view.StreamError = answer.Error(err)
	return view
}

func (v *chainView) readBucket(ctx context.Context, log *archive.Log) {
	extent, err := log.Extent(ctx)
	if errors.Is(err, archive.ErrEmpty) {
		return
	}
	if err != nil {
		v.Error = answer.Error(err)
		return
	}
	begin, tail := extent.Begin, extent.Tail
	v.Begins, v.Ends, v.First, v.Last = &begin.Number, &tail.Number, &begin.First, &tail.Last
	v.Segments, v.Entries, v.Bytes = extent.Segments, extent.Entries, extent.Bytes
	v.WrittenAt, v.Archiver, v.Incomplete = &tail.WrittenAt, answer.Text(tail.Archiver), begin.Number > 1
}

// readStream reads how far the archive of a partition is behind its stream.
func (v *chainView) readStream(ctx context.Context, src inspect.Source, key string) error {
	s, err := streams.ReadSnapshot(ctx, src.Redis, key, streams.SnapshotOptions{Group: src.Group})
	if err != nil {
		return err
	}
	if v.On = s.Archive.On; v.On {
		v.Served, v.Oldest = &s.Archive.Served, answer.Text(s.Archive.Oldest)
		v.Lag = answer.Known(s.Archive.Lag >= 0, s.Archive.Lag)
	}
	return nil
}

// readNotes reads how many notes wait: those that are archived are deleted.
func (v *chainView) readNotes(ctx context.Context, src inspect.Source, key string) error {
	keys := streams.KeysOf(key)
	pipe := src.Redis.Pipeline()
	there, lease := pipe.Exists(ctx, keys.Outcomes), pipe.Exists(ctx, keys.OutcomesArchiver)
	waiting, first := pipe.XLen(ctx, keys.Outcomes), pipe.XRangeN(ctx, keys.Outcomes, "-", "+", 1)
	if _, err := pipe.Exec(ctx); err != nil {
		return redisconn.Plain(err)
	}
	if v.On = there.Val() > 0; v.On {
		served, lag := lease.Val() > 0, waiting.Val()
		v.Served, v.Lag = &served, &lag
		for _, oldest := range first.Val() {
			v.Oldest = &oldest.ID
		}
	}
	return nil
}

// Badge is the state of the chain.
func (v chainView) Badge() badge {
	switch {
	case v.Error != nil:
		return badge{"error", "✕ can't be read"}
	case v.StreamError != nil:
		return badge{"warn", "? unknown"}
	case !v.On && v.Ends == nil:
		return badge{"", "○ not archived"}
	case !v.On:
		return badge{"warn", "! given up"}
	case v.Unserved():
		return badge{"error", "✕ nobody archives"}
	case v.Served != nil && !*v.Served:
		return badge{"warn", "! no archiver"}
	case v.Oldest == nil:
		return badge{"ok", "✓ all is archived"}
	default:
		return badge{"note", "◷ archiving"}
	}
}

// Unserved reports whether something waits for an archiver, and there is none.
func (v chainView) Unserved() bool {
	return v.On && v.Served != nil && !*v.Served && v.Oldest != nil
}

// Unserved reports whether nobody archives what waits for that in some partition.
func (v *archiveView) Unserved() bool {
	for _, chain := range v.Chains {
		if chain.Unserved() {
			return true
		}
	}
	return false
}

// Waits is for how long the oldest entry has waited; 0 if none waits.
func (v chainView) Waits(now time.Time) time.Duration {
	if v.Oldest == nil {
		return 0
	}
	return max(0, now.Sub(streams.ArrivalOf(*v.Oldest)))
}

// FirstAt is when the first archived entry arrived.
func (v chainView) FirstAt() time.Time { return arrivalOf(v.First) }

// LastAt is when the last archived entry arrived.
func (v chainView) LastAt() time.Time { return arrivalOf(v.Last) }

func arrivalOf(id *string) time.Time {
	if id == nil {
		return time.Time{}
	}
	return streams.ArrivalOf(*id)
}

// Size is that of the segments that are there.
func (v chainView) Size() string { return humanize.IBytes(uint64(v.Bytes)) }
