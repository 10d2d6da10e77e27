package archive

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"ingestion/internal/filelock"
)

// errTaken is the error of put if the name is taken.
var errTaken = errors.New("the name is taken")

const (
	// callTimeout ends a call to the bucket that makes no progress. An upload gets
	// longer, in proportion to its size.
	callTimeout = 30 * time.Second
	// slowest is the upload that is still waited for, in bytes per second.
	slowest = 128 << 10
)

// put writes an object if its name is free, and returns errTaken if it is not. When it
// returns nil the object is durable. After any other error the object may be there, whole.
func put(ctx context.Context, bucket *blob.Bucket, name, contentType string, content []byte) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout+time.Duration(len(content))*time.Second/slowest)
	defer cancel()
	var file *os.File // of a bucket that is a directory: written under another name first
	w, err := bucket.NewWriter(ctx, name, &blob.WriterOptions{
		IfNotExist:  true,
		ContentType: contentType,
		BeforeWrite: func(as func(any) bool) error { as(&file); return nil },
	})
	if err != nil {
		return failed("writing", name, err)
	}
	_, err = w.Write(content)
	if err == nil && file != nil {
		var lock *filelock.Lock
		if lock, err = settle(file, name); err == nil {
			defer func() { _ = lock.Close() }()
		}
	}
	if err != nil {
		cancel() // so that Close discards what was written
		_ = w.Close()
		return failed("writing", name, err)
	}
	if err = w.Close(); gcerrors.Code(err) == gcerrors.FailedPrecondition {
		err = errTaken
	}
	if file != nil && (err == nil || errors.Is(err, errTaken)) { // who took the name may have been stopped before this
		if failure := syncFolders(filepath.Dir(file.Name())); failure != nil {
			err = failure
		}
	}
	if err != nil {
		return failed("writing", name, err)
	}
	return nil
}

// failed names the object, unless the error does.
func failed(doing, name string, err error) error {
	if strings.Contains(err.Error(), name) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return fmt.Errorf("%s %s: %w", doing, name, err)
}

// settle makes a file's content durable before it gets its name, and makes other
// processes wait: a directory has no step of its own that gives a file a name only if it is
// free.
func settle(file *os.File, name string) (*filelock.Lock, error) {
	folder := filepath.Dir(file.Name())
	if !strings.HasSuffix(filepath.ToSlash(folder), "/"+path.Dir(name)) {
		return nil, errors.New("the bucket is a directory, and was opened without no_tmp_dir")
	}
	if err := file.Sync(); err != nil {
		return nil, err
	}
	return filelock.WaitFolder(folder)
}

// syncFolders makes the names on the way to an object durable: its two folders are in that
// of the bucket.
func syncFolders(folder string) error {
	for range 3 {
		if err := syncFolder(folder); err != nil {
			return err
		}
		folder = filepath.Dir(folder)
	}
	return nil
}

// get reads a small object. The error is that of the bucket; isGone tells if there is none.
func get(ctx context.Context, bucket *blob.Bucket, name string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	content, err := bucket.ReadAll(ctx, name)
	if err != nil {
		return nil, failed("reading", name, err)
	}
	return content, nil
}

func isGone(err error) bool { return gcerrors.Code(err) == gcerrors.NotFound }

func exists(ctx context.Context, bucket *blob.Bucket, name string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	there, err := bucket.Exists(ctx, name)
	if err != nil {
		return false, failed("checking", name, err)
	}
	return there, nil
}
