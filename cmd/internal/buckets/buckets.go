// Package buckets opens the bucket of an archive by its URL. It contains the clients of all
// providers, which are large: only programs that need them import it, and the build tags
// no_s3, no_gs and no_azblob leave out one each.
package buckets

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/fileblob" // file://

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
	if err := included(u.Scheme); err != nil {
		return nil, app.UsageError(fmt.Errorf("ARCHIVE_URL: %w", err))
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

// clouds are the schemes that a build may leave out.
var clouds = []string{"s3", "gs", "azblob"}

// included returns an error if this build leaves out the scheme.
func included(scheme string) error {
	mux := blob.DefaultURLMux()
	if mux.ValidBucketScheme(scheme) || !slices.Contains(clouds, scheme) {
		return nil
	}
	return fmt.Errorf("this build reads %s, but not %s: build the image with --build-arg STORAGE=%s, or the program with make build",
		strings.Join(mux.BucketSchemes(), " and "), scheme, scheme)
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
