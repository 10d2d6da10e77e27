package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"ingestion/cmd/internal/app"
	"ingestion/internal/answer"
	"ingestion/internal/config"
	"ingestion/internal/plural"
	"ingestion/streams"
)

const archiveDetachHelp = `detach gives the archive of the stream up: it removes the consumer group "archive"
of every partition, which keeps entries from being trimmed until they are
archived. What is on the stream and not archived then is trimmed like everything
else, and will be missing from the archive. What is in the bucket stays there.

It refuses while an archiver runs: stop the archivers first. After one was killed,
that takes up to STREAM_CLAIM_IDLE_MS. An archiver that starts later creates the
groups again; its chain says how many entries are missing.

This command changes the queue. It asks before it begins, or wants --yes.`

const archiveDetachExample = `  ingestctl archive detach --dry-run   shows what is not archived
  ingestctl archive detach --yes`

type detachFlags struct {
	approval
	json bool
}

func archiveDetachCommand() *cobra.Command {
	var f detachFlags
	cmd := &cobra.Command{
		Use:     "detach",
		Short:   "Let the stream be trimmed without being archived (changing)",
		Long:    archiveDetachHelp,
		Example: archiveDetachExample,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			if err := needsStream(); err != nil {
				return err
			}
			s, err := open(cmd.Context(), cmd, nil)
			if err != nil {
				return err
			}
			defer s.close()
			return f.run(cmd, s)
		},
	}
	f.addFlags(cmd)
	cmd.Flags().BoolVar(&f.json, "json", false, "print the result as one JSON object")
	return cmd
}

// needsStream returns an error in list mode.
func needsStream() error {
	cfg, err := config.Load()
	if err == nil && cfg.QueueMode != config.ModeStream {
		return app.UsageError(errors.New("QUEUE_MODE: only a stream is archived: want stream"))
	}
	return err
}

// detachedJSON is what --json prints, described by docs/schema/ingestctl-archive-detach.json.
type detachedJSON struct {
	Version    int                     `json:"version"`
	DryRun     bool                    `json:"dryRun"`
	Partitions []detachedPartitionJSON `json:"partitions"`
}

type detachedPartitionJSON struct {
	Key      string `json:"key"`
	Archived string `json:"archived"` // the last ID that is
	Waiting  bool   `json:"waiting"`  // entries after it are on the stream
	Entries  *int64 `json:"entries"`  // their number; null if unknown
}

func (f *detachFlags) run(cmd *cobra.Command, s *session) error {
	found, err := s.detach(cmd.Context(), true)
	if err != nil {
		return err
	}
	if len(found) > 0 && !f.dryRun {
		if err := f.ask(cmd, fmt.Sprintf("Give the archive of %s up? Missing in it: %s.", plural.Of(int64(len(found)), "partition", "partitions"), missingOf(found))); err != nil {
			return err
		}
		if found, err = s.detach(cmd.Context(), false); err != nil {
			return err
		}
	}
	if f.json {
		return answer.Write(s.out, detachedJSON{Version: 1, DryRun: f.dryRun, Partitions: found}, "")
	}
	return f.print(s, found)
}

// detach removes the groups, unless it is dry, and returns the partitions that have one.
func (s *session) detach(ctx context.Context, dry bool) ([]detachedPartitionJSON, error) {
	found := []detachedPartitionJSON{}
	for _, key := range s.keys() {
		d, err := streams.DetachArchive(ctx, s.redis, key, dry)
		if errors.Is(err, streams.ErrArchiveServed) {
			return nil, fmt.Errorf("%w: stop the archivers, and try again after STREAM_CLAIM_IDLE_MS (%v)", err, s.cfg.StreamClaimIdle.Duration())
		}
		if err != nil {
			return nil, err
		}
		if d.There {
			found = append(found, detachedPartitionJSON{Key: key, Archived: d.Archived, Waiting: d.Waiting, Entries: answer.Known(d.Lag >= 0, d.Lag)})
		}
	}
	return found, nil
}

// missingOf says what will be missing from the archive.
func missingOf(found []detachedPartitionJSON) string {
	var keys []string
	var sum int64
	unknown := false
	for _, p := range found {
		if !p.Waiting {
			continue
		}
		keys = append(keys, p.Key)
		if p.Entries == nil {
			unknown = true
		} else {
			sum += *p.Entries
		}
	}
	switch {
	case len(keys) == 0:
		return "nothing: everything on the stream is archived"
	case unknown:
		return "an unknown number of entries of " + strings.Join(keys[:min(3, len(keys))], ", ")
	default:
		return plural.Of(sum, "entry", "entries") + ", which will be trimmed without being archived"
	}
}

func (f *detachFlags) print(s *session, found []detachedPartitionJSON) error {
	w := &fieldPrinter{w: s.out}
	if len(found) == 0 {
		w.print("no archive", s.queue())
		return w.err
	}
	done := "detached"
	if f.dryRun {
		done = "archived"
	}
	for _, p := range found {
		w.print(done, p.Key)
		w.print("up to", p.Archived)
	}
	w.print("missing", missingOf(found))
	return w.err
}
