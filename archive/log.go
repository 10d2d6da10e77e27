package archive

import (
	"context"
	"errors"
	"iter"

	"gocloud.dev/blob"
)

var errTODO = errors.New("not there yet")

// ErrEmpty is the error of Log.Tail if the log has no manifest entry.
var ErrEmpty = errors.New("the archive of the partition is empty")

// Log is the archive of one partition of a stream. Its methods may be called
// concurrently, also by several processes.
type Log struct {
	bucket *blob.Bucket
	key    string
}

// Open returns the log of the partition whose stream has the key. It asks nobody.
func Open(bucket *blob.Bucket, key string) *Log { return &Log{bucket: bucket, key: key} }

// Key returns the key of the partition's stream.
func (l *Log) Key() string { return l.key }

// Keys returns the keys of all logs in the bucket, sorted.
func Keys(ctx context.Context, bucket *blob.Bucket) ([]string, error) { return nil, errTODO }

// Tail returns the last manifest entry, or ErrEmpty.
func (l *Log) Tail(ctx context.Context) (Manifest, error) { return Manifest{}, errTODO }

// Manifests returns the manifest entries from a number on, in order.
func (l *Log) Manifests(ctx context.Context, from int64) iter.Seq2[Manifest, error] {
	return func(yield func(Manifest, error) bool) { yield(Manifest{}, errTODO) }
}

// Entries returns the entries whose IDs are at least from and at most to, in the order of
// their IDs. An empty ID is no limit. It reads a segment as a stream: memory does not grow
// with the log. The SHA-256 of each segment that is read to its end is checked. The
// sequence ends with the first error. Entries may be kept.
func (l *Log) Entries(ctx context.Context, from, to string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) { yield(Entry{}, errTODO) }
}
