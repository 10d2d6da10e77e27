package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"
	"gocloud.dev/blob"

	"ingestion/archive"
	"ingestion/cmd/internal/app"
	"ingestion/internal/logging"
	"ingestion/internal/plural"
	"ingestion/streams"
)

const archiveVerifyHelp = `verify reads the archive and checks that it is whole: that each manifest entry
is there and has the sum of the one before, that each segment is there and has
the size, the sum and the entries that its manifest entry says, that no entry is
in two segments, and that as many entries were archived as were added. Unless
KEYs are given, it checks each partition's notes of outcomes likewise, which
"ingestctl rebuild" follows.

It compares the archive with Redis, too: what is archived, and what waits for it
on the stream, has to be all that was ever added. If Redis does not answer, or
with --offline, it does not.

It finds a segment that is missing, cut, changed or doubled, and a manifest
entry that is missing, changed or in another one's place. If the last manifest
entry is missing, only Redis can tell.

Segments that were deleted from the oldest on, as by a lifecycle rule, are no
fault; a note says where the archive begins. With --whole they are one.

It reads all segments, in memory that does not grow with them. With --quick it
compares the sizes of the segments, and reads the manifest only.

Exit codes:
  0  all is there; notes do not matter
  1  something is damaged or missing, there is no archive, or the bucket failed
  2  wrong usage or configuration`

type archiveVerifyFlags struct {
	json, quick, whole, offline bool
}

func archiveVerifyCommand() *cobra.Command {
	var f archiveVerifyFlags
	cmd := &cobra.Command{
		Use:     "verify [KEY ...]",
		Short:   "Check that the archive is whole (read-only)",
		Long:    archiveVerifyHelp,
		Example: "  ingestctl archive verify\n  ingestctl archive verify --quick --whole\n  ingestctl archive verify customers:0 --offline --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			s, bucket, err := openArchive(cmd)
			if err != nil {
				return err
			}
			defer s.close()
			return s.verifyArchive(cmd.Context(), bucket, args, &f)
		},
	}
	cmd.Flags().BoolVar(&f.json, "json", false, "print one JSON object (docs/schema/ingestctl-archive-verify.json)")
	cmd.Flags().BoolVar(&f.quick, "quick", false, "compare the sizes of segments instead of reading them")
	cmd.Flags().BoolVar(&f.whole, "whole", false, "the archive has to begin with number 1")
	cmd.Flags().BoolVar(&f.offline, "offline", false, "do not compare it with Redis")
	return cmd
}

func (s *session) verifyArchive(ctx context.Context, bucket *blob.Bucket, args []string, f *archiveVerifyFlags) error {
	live := s.redisIfThere(ctx, f.offline)
	keys, err := s.archivedKeys(ctx, bucket, args)
	if err != nil {
		return err
	}
	out := archiveVerifyJSON{Version: 1, Archive: s.archiveURL(), Partitions: []verifiedJSON{}}
	found := false
	for _, key := range withNotes(keys, len(args) == 0) {
		one, err := s.verifyPartition(ctx, archive.Open(bucket, key), live, f)
		if err == nil && one.Ends == nil && len(args) > 0 {
			err = s.nothingArchived(key)
		}
		if err != nil {
			return err
		}
		if one.Ends == nil && one.FaultCount == 0 && !slices.Contains(keys, key) {
			continue
		}
		found = found || one.Ends != nil
		out.Faults += one.FaultCount
		out.Partitions = append(out.Partitions, one)
	}
	if !found {
		return s.nothingArchived(keys...)
	}
	out.Sound = out.Faults == 0
	if f.json {
		err = printJSON(s.out, out)
	} else {
		_, err = s.out.Write(verifyPage(&out))
	}
	if err == nil && !out.Sound {
		err = fmt.Errorf("the archive is damaged: %s", plural.Of(out.Faults, "fault", "faults"))
	}
	return err
}

// withNotes returns the keys and, if all is true, each one's of the notes of outcomes.
func withNotes(keys []string, all bool) (list []string) {
	for _, key := range keys {
		list = append(list, key)
		if all {
			list = append(list, streams.KeysOf(key).Outcomes)
		}
	}
	return list
}

// redisIfThere returns nil if Redis is not to be asked, or can't be.
func (s *session) redisIfThere(ctx context.Context, offline bool) redis.UniversalClient {
	if offline {
		return nil
	}
	client, err := app.OperatorRedis(ctx, s.cfg, s.log)
	if err != nil {
		fmt.Fprintf(s.err, "the archive is not compared with Redis: %v\n", err)
		return nil
	}
	s.closers = append(s.closers, func() { _ = client.Close() })
	return client
}

func (s *session) verifyPartition(ctx context.Context, log *archive.Log, live redis.UniversalClient, f *archiveVerifyFlags) (verifiedJSON, error) {
	shown := progress{w: s.err, terminal: logging.CanRedraw(s.err), printed: time.Now()}
	report, err := log.Verify(ctx, archive.VerifyOptions{Quick: f.quick, Progress: func(r *archive.Report) {
		shown.print(fmt.Sprintf("%s: %s, %s", r.Key, counted(r.Segments, "segment", "segments"), counted(r.Entries, "entry", "entries")))
	}})
	shown.clear()
	if err != nil {
		return verifiedJSON{}, err
	}
	v := verifiedOf(report)
	if f.whole && report.Gone > 0 {
		v.Faults, v.FaultCount, v.Notes = append(v.Faults, lateBegin(&v)...), v.FaultCount+1, withoutKind(v.Notes, archive.BeginsLate)
	}
	if live != nil && report.Tail.Number > 0 {
		err = compareLive(ctx, live, log, report, s.cfg.StreamGroup, &v)
	}
	return v, err
}

func lateBegin(v *verifiedJSON) (list []archive.Finding) {
	for _, n := range v.Notes {
		if n.Kind == archive.BeginsLate {
			list = append(list, n)
		}
	}
	return list
}

func withoutKind(list []archive.Finding, kind archive.Kind) []archive.Finding {
	kept := []archive.Finding{}
	for _, f := range list {
		if f.Kind != kind {
			kept = append(kept, f)
		}
	}
	return kept
}

// comparisons is how often the archive is compared with Redis while both change.
const comparisons = 4

// compareLive adds to v what the stream and its archive group say.
func compareLive(ctx context.Context, client redis.UniversalClient, log *archive.Log, report *archive.Report, group string, v *verifiedJSON) error {
	var ahead bool
	for range comparisons {
		state, err := streams.ReadSnapshot(ctx, client, log.Key(), streams.SnapshotOptions{Group: group})
		var owner *streams.OwnerError
		if errors.As(err, &owner) {
			return app.UsageError(err)
		}
		if err != nil {
			return err
		}
		if err := log.CatchUp(ctx, report); err != nil {
			return err
		}
		if v.Ledger, err = readLedger(ctx, client, log.Key(), report); err != nil {
			return err
		}
		ahead = state.Archive.On && archive.CompareIDs(state.Archive.Archived, report.Tail.Last) > 0
		if !ahead && v.Ledger.missing() == 0 {
			return nil
		}
	}
	at := archive.Finding{Number: report.Tail.Number}
	if ahead {
		at.Kind, at.Text = archive.ManifestMissing, fmt.Sprintf("the archive ends with entry %s, and its group is beyond that: manifest entries after number %d are missing", report.Tail.Last, report.Tail.Number)
		v.Faults, v.FaultCount = append(v.Faults, at), v.FaultCount+1
		return nil
	}
	if missing := v.Ledger.missing(); missing > 0 {
		at.Kind, at.Text = archive.EntriesMissing, fmt.Sprintf("%s added and neither archived nor on the stream: other clients deleted them", plural.Of(missing, "entry was", "entries were"))
		v.Faults, v.FaultCount = append(v.Faults, at), v.FaultCount+1
	} else {
		at.Kind, at.Text = archive.EntriesLost, fmt.Sprintf("%s archived of which the stream knows nothing: Redis lost them after they were archived", plural.Of(-missing, "entry is", "entries are"))
		v.Notes = append(v.Notes, at)
	}
	return nil
}

// missing is how many entries were added and are nowhere; negative for those that only the
// archive has, and 0 if that is unknown.
func (l *archivedLedger) missing() int64 {
	if l.Accounted == nil || l.Added == nil {
		return 0
	}
	return *l.Added - *l.Accounted - l.Waiting
}

const ledgerPage = 4 << 20

// readLedger counts what is on the stream after the archive's end.
func readLedger(ctx context.Context, client redis.UniversalClient, key string, report *archive.Report) (*archivedLedger, error) {
	stream, err := streams.NewArchive(streams.ArchiveOptions{Client: client, Key: key, Name: "ingestctl", Lease: time.Second})
	if err != nil {
		return nil, err
	}
	ledger := &archivedLedger{Accounted: report.Accounted}
	for after := report.Tail.Last; ; {
		page, err := stream.Read(ctx, after, ledgerPage)
		if err != nil {
			return nil, err
		}
		if n := len(page.Entries); n > 0 {
			ledger.Waiting += int64(n)
			after = page.Entries[n-1].ID
		}
		if page.End {
			if page.Added >= 0 {
				ledger.Added = &page.Added
			}
			return ledger, nil
		}
	}
}

func verifyPage(out *archiveVerifyJSON) []byte {
	p := &page{}
	p.wrapped("", "Archive "+out.Archive)
	for i := range out.Partitions {
		p.verified(&out.Partitions[i])
	}
	p.line("")
	if out.Sound {
		p.line("sound")
	} else {
		p.line("damaged: %s", plural.Of(out.Faults, "fault", "faults"))
	}
	return p.Bytes()
}

func (p *page) verified(v *verifiedJSON) {
	p.wrapped("\n", v.Key)
	if v.Ends == nil {
		p.line("  nothing is archived")
		return
	}
	p.line("  segments  %s whole, up to number %s", thousands(v.Segments), thousands(*v.Ends))
	if v.First != nil {
		p.line("  entries   %s, from %s to %s", thousands(v.Entries), *v.First, *v.Last)
	}
	p.line("  size      %s, %s uncompressed", humanize.IBytes(uint64(v.Bytes)), humanize.IBytes(uint64(v.RawBytes)))
	p.ledger(v.Ledger)
	for _, n := range v.Notes {
		p.wrapped("  note: ", n.Text)
	}
	for _, fault := range v.Faults {
		p.wrapped("  WRONG: ", fault.Text)
	}
	if more := v.FaultCount - int64(len(v.Faults)); more > 0 {
		p.line("  WRONG: and %s more", thousands(more))
	}
}

func (p *page) ledger(l *archivedLedger) {
	switch {
	case l == nil:
	case l.Accounted == nil || l.Added == nil:
		p.line("  stream    %s not archived yet; how many were added is unknown", counted(l.Waiting, "entry is", "entries are"))
	default:
		p.line("  stream    %s up to there + %s after it = %s added", thousands(*l.Accounted), thousands(l.Waiting), thousands(*l.Accounted+l.Waiting))
	}
}
