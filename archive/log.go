package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"sort"
	"strings"

	"gocloud.dev/blob"
)

// ErrEmpty is the error of Log.Tail if the log has no manifest entry.
var ErrEmpty = errors.New("the archive of the partition is empty")

// Log is the archive of one partition of a stream. Its methods may be called
// concurrently, also by several processes.
type Log struct {
	bucket *blob.Bucket
	key    string
}

// Open returns the log of the partition whose stream has the key. It asks nobody.
//
// A bucket that is a directory must be opened with the options NoTempDir and
// MetadataDontWrite (no_tmp_dir=1&metadata=skip): otherwise what is written is less
// durable, and two processes could give different files the same name.
func Open(bucket *blob.Bucket, key string) *Log { return &Log{bucket: bucket, key: key} }

// Key returns the key of the partition's stream.
func (l *Log) Key() string { return l.key }

// Keys returns the keys of all logs in the bucket, sorted.
func Keys(ctx context.Context, bucket *blob.Bucket) ([]string, error) {
	keys := []string{}
	folders := bucket.List(&blob.ListOptions{Delimiter: "/"})
	for {
		folder, err := folders.Next(ctx)
		if errors.Is(err, io.EOF) {
			slices.Sort(keys)
			return keys, nil
		}
		if err != nil {
			return nil, fmt.Errorf("listing the bucket: %w", err)
		}
		if key, ok := keyOf(strings.TrimSuffix(folder.Key, "/")); ok && folder.IsDir {
			keys = append(keys, key)
		}
	}
}

// Manifest returns the manifest entry of a number.
func (l *Log) Manifest(ctx context.Context, number int64) (Manifest, error) {
	content, err := get(ctx, l.bucket, l.manifestPath(number))
	if err != nil {
		return Manifest{}, err
	}
	m, err := parseManifest(content)
	if err == nil && m.Number != number {
		err = fmt.Errorf("it is the entry of number %d", m.Number)
	}
	if err != nil {
		return m, fmt.Errorf("manifest entry %d of %s: %w", number, l.key, err)
	}
	return m, nil
}

// Tail returns the last manifest entry, or ErrEmpty. It finds it with a number of calls
// that grows with the logarithm of the chain's length.
func (l *Log) Tail(ctx context.Context) (Manifest, error) {
	number, err := l.lowest(ctx)
	if err != nil {
		return Manifest{}, err
	}
	for {
		if number, err = l.climb(ctx, number); err != nil {
			return Manifest{}, err
		}
		last, err := l.isLast(ctx, number)
		if err != nil {
			return Manifest{}, err
		}
		if last {
			return l.Manifest(ctx, number)
		}
	}
}

// lowest returns the least number of a manifest entry, or ErrEmpty.
func (l *Log) lowest(ctx context.Context) (int64, error) {
	if there, err := l.has(ctx, 1); there || err != nil {
		return 1, err
	}
	for number, err := range l.numbers(ctx) {
		return number, err
	}
	return 0, ErrEmpty
}

// climb returns a number from low on, which exists, whose successor does not.
func (l *Log) climb(ctx context.Context, low int64) (int64, error) {
	high := low + 1
	for step := int64(1); high < math.MaxInt64/2; step *= 2 {
		there, err := l.has(ctx, high)
		if err != nil {
			return 0, err
		}
		if !there {
			break
		}
		low, high = high, high+step
	}
	var failed error
	above := sort.Search(int(high-low-1), func(i int) bool {
		there, err := l.has(ctx, low+1+int64(i))
		failed = errors.Join(failed, err)
		return !there
	})
	return low + int64(above), failed
}

// isLast reports whether no manifest entry follows. A chain with a gap there has no
// last entry: whoever took the one before the gap for it would write a second chain.
func (l *Log) isLast(ctx context.Context, number int64) (bool, error) {
	for step := int64(1); step <= 1<<10; step *= 2 {
		there, err := l.has(ctx, number+1+step)
		if err != nil {
			return false, err
		}
		if !there {
			continue
		}
		if there, err := l.has(ctx, number+1); there || err != nil {
			return false, err
		}
		return false, fmt.Errorf("the archive of %s lacks manifest entry %d: ingestctl archive verify says what else is damaged; restore the entry from a copy of the bucket", l.key, number+1)
	}
	return true, nil
}

func (l *Log) has(ctx context.Context, number int64) (bool, error) {
	return exists(ctx, l.bucket, l.manifestPath(number))
}

// numbers returns the numbers of all manifest entries, in order.
func (l *Log) numbers(ctx context.Context) iter.Seq2[int64, error] {
	return func(yield func(int64, error) bool) {
		for name, err := range l.list(ctx, manifestFolder) {
			if err != nil {
				yield(0, err)
				return
			}
			if number, ok := l.numberOf(name); ok && !yield(number, nil) {
				return
			}
		}
	}
}

// list returns the paths of the objects in a folder of the log, in order.
func (l *Log) list(ctx context.Context, folder string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		objects := l.bucket.List(&blob.ListOptions{Prefix: folderOf(l.key) + folder})
		for {
			object, err := objects.Next(ctx)
			switch {
			case errors.Is(err, io.EOF):
				return
			case err != nil:
				yield("", fmt.Errorf("listing %s: %w", folderOf(l.key)+folder, err))
				return
			case !yield(object.Key, nil):
				return
			}
		}
	}
}
