package archive_test

import (
	"context"
	"errors"
	"io"

	"gocloud.dev/blob"
	"gocloud.dev/blob/driver"
	"gocloud.dev/gcerrors"
)

// faultyBucket is a driver over another bucket. It asks fault before and after each call.
type faultyBucket struct {
	inner *blob.Bucket
	fault func(call string) error
}

// faulty returns a bucket that shares the content of inner.
func faulty(inner *blob.Bucket, fault func(call string) error) *blob.Bucket {
	return blob.NewBucket(&faultyBucket{inner, fault})
}

func (b *faultyBucket) call(name string, do func() error) error {
	if err := b.fault("before " + name); err != nil {
		return err
	}
	return errors.Join(do(), b.fault("after "+name))
}

func (b *faultyBucket) ErrorCode(err error) gcerrors.ErrorCode { return gcerrors.Code(err) }
func (b *faultyBucket) As(any) bool                            { return false }
func (b *faultyBucket) ErrorAs(error, any) bool                { return false }
func (b *faultyBucket) Close() error                           { return nil }

func (b *faultyBucket) Attributes(ctx context.Context, key string) (found *driver.Attributes, err error) {
	err = b.call("attributes", func() error {
		a, err := b.inner.Attributes(ctx, key)
		if err == nil {
			found = &driver.Attributes{Size: a.Size, ModTime: a.ModTime, AsFunc: func(any) bool { return false }}
		}
		return err
	})
	return found, err
}

func (b *faultyBucket) ListPaged(ctx context.Context, opts *driver.ListOptions) (page *driver.ListPage, err error) {
	token, size := opts.PageToken, opts.PageSize
	if len(token) == 0 {
		token = blob.FirstPageToken
	}
	if size == 0 {
		size = 1000
	}
	err = b.call("list", func() error {
		objects, next, err := b.inner.ListPage(ctx, token, size, &blob.ListOptions{Prefix: opts.Prefix, Delimiter: opts.Delimiter})
		page = &driver.ListPage{NextPageToken: next}
		for _, o := range objects {
			page.Objects = append(page.Objects, &driver.ListObject{Key: o.Key, Size: o.Size, IsDir: o.IsDir, AsFunc: func(any) bool { return false }})
		}
		return err
	})
	return page, err
}

func (b *faultyBucket) NewRangeReader(ctx context.Context, key string, offset, length int64, _ *driver.ReaderOptions) (r driver.Reader, err error) {
	err = b.call("get", func() error {
		inner, err := b.inner.NewRangeReader(ctx, key, offset, length, nil)
		r = &faultyReader{inner}
		return err
	})
	if err != nil && r != nil && r.(*faultyReader).Reader != nil {
		err = errors.Join(err, r.Close())
	}
	return r, err
}

type faultyReader struct{ *blob.Reader }

func (r *faultyReader) As(i any) bool { return r.Reader.As(i) }
func (r *faultyReader) Attributes() *driver.ReaderAttributes {
	return &driver.ReaderAttributes{Size: r.Size(), ModTime: r.ModTime(), ContentType: r.ContentType()}
}

func (b *faultyBucket) NewTypedWriter(ctx context.Context, key, contentType string, opts *driver.WriterOptions) (driver.Writer, error) {
	ctx, discard := context.WithCancel(ctx)
	inner, err := b.inner.NewWriter(ctx, key, &blob.WriterOptions{ContentType: contentType, IfNotExist: opts.IfNotExist, BeforeWrite: opts.BeforeWrite})
	return &faultyWriter{inner, b, discard}, err
}

type faultyWriter struct {
	io.WriteCloser
	bucket  *faultyBucket
	discard context.CancelFunc
}

func (w *faultyWriter) Close() error {
	if err := w.bucket.fault("before put"); err != nil {
		w.discard()
		_ = w.WriteCloser.Close()
		return err
	}
	defer w.discard()
	return errors.Join(w.WriteCloser.Close(), w.bucket.fault("after put"))
}

func (b *faultyBucket) Copy(context.Context, string, string, *driver.CopyOptions) error {
	return errors.ErrUnsupported
}
func (b *faultyBucket) Delete(ctx context.Context, key string, _ *driver.DeleteOptions) error {
	return b.inner.Delete(ctx, key)
}
func (b *faultyBucket) SignedURL(context.Context, string, *driver.SignedURLOptions) (string, error) {
	return "", errors.ErrUnsupported
}
