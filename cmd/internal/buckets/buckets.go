// Package buckets opens the bucket of an archive by its URL. It contains the clients of all
// providers, which are large: only programs that need them import it.
package buckets

import (
	"context"
	"fmt"
	"net/url"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/azureblob" // azblob://
	_ "gocloud.dev/blob/fileblob"  // file://
	_ "gocloud.dev/blob/gcsblob"   // gs://
	_ "gocloud.dev/blob/s3blob"    // s3://

	"ingestion/cmd/internal/app"
)

// Open opens the bucket that ARCHIVE_URL names. It asks no server. A directory is created
// if it does not exist.
func Open(ctx context.Context, address string) (*blob.Bucket, error) {
	return open(ctx, address, "true")
}

// OpenExisting is like Open, but a directory has to exist.
func OpenExisting(ctx context.Context, address string) (*blob.Bucket, error) {
	return open(ctx, address, "")
}

func open(ctx context.Context, address, createDir string) (*blob.Bucket, error) {
	if address == "" {
		return nil, app.UsageError(fmt.Errorf("ARCHIVE_URL: is empty: want for example file:///var/lib/archive or s3://bucket"))
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, app.UsageError(fmt.Errorf("ARCHIVE_URL: can't be read: want for example file:///var/lib/archive or s3://bucket"))
	}
	if u.Scheme == "file" {
		complete(u, createDir)
	}
	bucket, err := blob.OpenBucket(ctx, u.String())
	if err != nil {
		return nil, app.UsageError(fmt.Errorf("ARCHIVE_URL: %w", err))
	}
	return bucket, nil
}

// complete adds the options with which a file is durable, and complete as soon as it has
// its name.
func complete(u *url.URL, createDir string) {
	options := u.Query()
	for name, value := range map[string]string{"create_dir": createDir, "no_tmp_dir": "true", "metadata": "skip"} {
		if !options.Has(name) {
			options.Set(name, value)
		}
	}
	u.RawQuery = options.Encode()
}
