package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"gocloud.dev/blob"

	"ingestion/archive"
	"ingestion/cmd/internal/app"
	"ingestion/internal/logging"
	"ingestion/internal/plural"
)

const archiveListHelp = `list shows what the archive has of each partition of the stream: how many
segments and entries, from when to when. It asks the bucket only, and reads no
segment, so it is fast. The times are those of the entries, in UTC.

Of a chain whose oldest segments were deleted, for example by a lifecycle rule,
it shows what is left, which may be nothing.

With --all it shows all streams of the bucket, also those that are not
configured. With --segments it shows the last segments of each partition, too.

Exit codes:
  0  printed, also if there is no archive yet
  1  the bucket failed, or has nothing of KEY, or a chain is damaged: "archive
     verify" says how
  2  wrong usage or configuration`

type archiveListFlags struct {
	json, all bool
	segments  int
}

func archiveListCommand() *cobra.Command {
	var f archiveListFlags
	cmd := &cobra.Command{
		Use:     "list [KEY ...]",
		Short:   "Show how much is archived, and from when to when (read-only)",
		Long:    archiveListHelp,
		Example: "  ingestctl archive list\n  ingestctl archive list customers:0 --segments 5\n  ingestctl archive list --all --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case f.segments < 0:
				return app.UsageError(fmt.Errorf("--segments: %d is less than 0", f.segments))
			case f.all && len(args) > 0:
				return app.UsageError(errors.New("--all: give either it or the KEY of a partition"))
			}
			s, bucket, err := openArchive(cmd)
			if err != nil {
				return err
			}
			defer s.close()
			return s.listArchive(cmd.Context(), bucket, args, &f)
		},
	}
	cmd.Flags().BoolVar(&f.json, "json", false, "print one JSON object (docs/schema/ingestctl-archive-list.json)")
	cmd.Flags().BoolVar(&f.all, "all", false, "all streams of the bucket")
	cmd.Flags().IntVar(&f.segments, "segments", 0, "show the last `N` segments of each partition")
	return cmd
}

func (s *session) listArchive(ctx context.Context, bucket *blob.Bucket, args []string, f *archiveListFlags) error {
	keys, err := s.archivedKeys(ctx, bucket, args)
	if f.all {
		keys, err = archive.Keys(ctx, bucket)
	}
	if err != nil {
		return err
	}
	out := archiveListJSON{Version: 1, Archive: s.archiveURL(), Partitions: []archivedJSON{}}
	for _, key := range keys {
		one, err := readArchived(ctx, archive.Open(bucket, key), f.segments)
		if err == nil && len(args) > 0 && one.Segments == 0 {
			err = s.nothingArchived(key)
		}
		if err != nil {
			return err
		}
		out.Partitions = append(out.Partitions, one)
	}
	if f.json {
		return printJSON(s.out, out)
	}
	_, err = s.out.Write(archiveTable(&out))
	return err
}

// readArchived reads what is to be said of a partition, and its last n segments.
func readArchived(ctx context.Context, log *archive.Log, n int) (archivedJSON, error) {
	extent, err := log.Extent(ctx)
	if errors.Is(err, archive.ErrEmpty) {
		return archivedJSON{Key: log.Key(), LastSegments: []archive.Manifest{}}, nil
	}
	if err != nil {
		return archivedJSON{}, err
	}
	found := archivedOf(log.Key(), extent)
	if n == 0 {
		return found, nil
	}
	for m, err := range log.Manifests(ctx, max(extent.Begin.Number, extent.Tail.Number-int64(n)+1)) {
		if err != nil {
			return found, err
		}
		found.LastSegments = append(found.LastSegments, m)
	}
	return found, nil
}

func archiveTable(list *archiveListJSON) []byte {
	p := &page{}
	p.wrapped("", "Archive "+list.Archive)
	p.line("")
	if len(list.Partitions) == 0 {
		p.line("nothing is archived there")
		return p.Bytes()
	}
	p.line("%s  %8s  %11s  %7s  %-16s  %-16s", cell("PARTITION", 12), "SEGMENTS", "ENTRIES", "SIZE", "FROM", "TO")
	for i := range list.Partitions {
		a := &list.Partitions[i]
		if a.Segments == 0 {
			p.line("%s  nothing is archived", cell(a.Key, 12))
			continue
		}
		p.line("%s  %8s  %11s  %7s  %-16s  %-16s", cell(a.Key, 12), thousands(a.Segments), thousands(a.Entries), humanize.IBytes(uint64(a.Bytes)),
			minute(*a.First), minute(*a.Last))
	}
	for i := range list.Partitions {
		p.lastSegments(&list.Partitions[i])
	}
	return p.Bytes()
}

// minute is when an entry arrived, to the minute.
func minute(id string) string { return arrivedAt(id).Format("2006-01-02 15:04") }

func (p *page) lastSegments(a *archivedJSON) {
	if len(a.LastSegments) == 0 {
		return
	}
	p.line("\n%s, the last %s:", logging.Printable(a.Key), plural.Of(len(a.LastSegments), "segment", "segments"))
	p.line("%9s  %-22s  %10s  %7s  %-16s", "NUMBER", "FIRST ENTRY", "ENTRIES", "SIZE", "WRITTEN")
	for _, m := range a.LastSegments {
		p.line("%9s  %-22s  %10s  %7s  %-16s", thousands(m.Number), m.First, thousands(m.Count), humanize.IBytes(uint64(m.Bytes)), m.WrittenAt.UTC().Format("2006-01-02 15:04"))
	}
}
