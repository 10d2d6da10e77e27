package main

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"gocloud.dev/blob"

	"ingestion/archive"
	"ingestion/cmd/internal/buckets"
)

const archiveHelp = `archive looks at the archive: the segments that the archiver has written to the
bucket ARCHIVE_URL, and the chain of manifest entries that names them. Each
partition of the stream has a chain of its own. None of these commands writes to
the bucket, and all but detach may run while the archiver does.

  list    how much there is, since when and up to when
  verify  whether all of it is there, as it was written, without a gap
  cat     the entries, as they came
  detach  gives the archive up, so that the stream is trimmed without it

A segment has one line per entry, compressed with zstd. Its manifest entry has
its SHA-256, and that of the manifest entry before. Nothing is changed once it
is written. How long segments are kept is up to the bucket, for example by a
lifecycle rule; the oldest ones have to go first.`

func archiveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "archive",
		Short: "Look at the archive of the stream, or give it up",
		Long:  archiveHelp,
		Example: `  ingestctl archive list
  ingestctl archive verify
  ingestctl archive cat --from 1795477478417-0 --limit 10`,
		Args: cobra.NoArgs,
		RunE: showHelp,
	}
	cmd.AddCommand(archiveListCommand(), archiveVerifyCommand(), archiveCatCommand(), archiveDetachCommand())
	return cmd
}

// openArchive loads the configuration and opens the bucket.
func openArchive(cmd *cobra.Command) (*session, *blob.Bucket, error) {
	s, err := load(cmd)
	if err != nil {
		return nil, nil, err
	}
	bucket, err := buckets.OpenExisting(cmd.Context(), s.cfg.ArchiveURL)
	if err != nil {
		s.close()
		return nil, nil, err
	}
	s.closers = append(s.closers, func() { _ = bucket.Close() })
	return s, bucket, nil
}

// archiveURL is the address of the bucket without its options.
func (s *session) archiveURL() string {
	u, err := url.Parse(s.cfg.ArchiveURL)
	if err != nil {
		return "ARCHIVE_URL"
	}
	u.RawQuery = ""
	return u.Redacted()
}

// archivedKeys are those of the arguments or, without any, of the configured stream: its
// partitions, and what else of it is archived, from when it had another number of them.
func (s *session) archivedKeys(ctx context.Context, bucket *blob.Bucket, args []string) ([]string, error) {
	if len(args) > 0 {
		return args, nil
	}
	archived, err := archive.Keys(ctx, bucket)
	if err != nil {
		return nil, err
	}
	keys := s.keys()
	for _, key := range archived {
		if s.ofTheStream(key) && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// ofTheStream reports whether a key is that of a partition, whatever the number of them.
func (s *session) ofTheStream(key string) bool {
	number, ofOurs := strings.CutPrefix(key, s.cfg.StreamKey+":")
	_, err := strconv.ParseUint(number, 10, 32)
	return key == s.cfg.StreamKey || ofOurs && err == nil
}

// nothingArchived is the error for partitions of which there is no archive.
func (s *session) nothingArchived(keys ...string) error {
	return fmt.Errorf("%s has nothing of %s: \"ingestctl archive list --all\" shows what it has", s.archiveURL(), strings.Join(keys, ", "))
}
