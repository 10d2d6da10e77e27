package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"gocloud.dev/blob"

	"ingestion/archive"
	"ingestion/archive/fold"
	"ingestion/cmd/internal/app"
	"ingestion/cmd/internal/buckets"
	"ingestion/internal/config"
	"ingestion/internal/duration"
	"ingestion/internal/inspect"
	"ingestion/internal/logging"
	"ingestion/internal/plural"
	"ingestion/streams"
)

const rebuildHelp = `rebuild derives the collection again from what arrived: it takes the entries of
the archive and then of the stream, in the order of their IDs, through the same
decoder, limiter and store as a worker, into a new collection. With --judge-again
it shows what other limits would have made of the same records. Workers may run
meanwhile: the stream, its keys and the live collection are only read.

  from where   from the first entry in the archive that --archive or ARCHIVE_URL
               names; without one, from the oldest entry on the stream. --from and
               --to limit that. The end is fixed when the rebuild begins
  who decides  the workers, whose decisions an archiver keeps. Where these are not
               known, and with --judge-again, today's settings: then a record
               counts in its customer's window when it arrived, whatever
               RATE_LIMIT_CLOCK is, and customers' own limits are those at the
               beginning
  where to     --into names a collection in MONGO_DB that is new or empty. It gets
               the options and indexes of MONGO_COLLECTION
  notes        the collection NAME.rebuild says how far the rebuild is. In Redis
               it has keys {rebuild:DB.NAME:…}, which it removes at the end

If it is stopped, by whatever, the same command goes on where it was, with the
same result, as long as the windows are in Redis: RATE_LIMIT_LATENESS_SEC.
--restart drops what was built, asks first, and begins again.

Where the workers decide, the result equals the live collection, but for the time
of ingestion. docs/event-sourcing.md says what else can differ.

--diff compares the live collection with the new one at the end; "rebuild diff"
does so at any time.

Exit codes:
  0  rebuilt; with --diff: and no document differs
  1  with --diff: documents differ; or interrupted; or a server failed
  2  wrong usage or configuration, or the collection can't be used: nothing was
     changed`

const rebuildExample = `  ingestctl rebuild --into customers_new --dry-run
  ingestctl rebuild --into customers_new --diff
  RATE_LIMIT_LIMIT=50 ingestctl rebuild --into what_if --from 24h --judge-again --diff
  ingestctl rebuild --into customers_new --archive s3://my-bucket --diff --json`

type rebuildFlags struct {
	approval
	into, from, to, archive string
	restart, judgeAgain     bool
	diff                    bool
	archived                bool // there is an archive
	comparing               comparing
}

func rebuildCommand() *cobra.Command {
	var f rebuildFlags
	cmd := &cobra.Command{
		Use:         "rebuild --into COLLECTION",
		Short:       "Derive the collection again from archive and stream (into a new one)",
		Long:        rebuildHelp,
		Example:     rebuildExample,
		Args:        cobra.NoArgs,
		Annotations: map[string]string{app.RunsAlone: ""},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(cmd); err != nil {
				return app.UsageError(err)
			}
			return f.run(cmd)
		},
	}
	flags := cmd.Flags()
	f.addFlags(cmd)
	flags.StringVar(&f.into, "into", "", "the new `COLLECTION`")
	flags.StringVar(&f.from, "from", "", "begin with this entry `ID`, time, or duration before now")
	flags.StringVar(&f.to, "to", "", "end with this entry `ID`, time, or duration before now")
	flags.StringVar(&f.archive, "archive", "", "the `URL` of the archive (default: ARCHIVE_URL)")
	flags.BoolVar(&f.restart, "restart", false, "drop what an earlier rebuild into the collection has left")
	flags.BoolVar(&f.judgeAgain, "judge-again", false, "apply today's limits also where it is known what the workers decided")
	flags.BoolVar(&f.diff, "diff", false, "compare with the live collection at the end")
	f.comparing.addFlags(cmd)
	cmd.AddCommand(rebuildDiffCommand())
	return cmd
}

// collectionName is what a new collection may be called: its name is part of keys.
var collectionName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$`)

func (f *rebuildFlags) check(cmd *cobra.Command) error {
	switch {
	case f.into == "":
		return errors.New("--into: name the new collection")
	case !collectionName.MatchString(f.into) || strings.HasPrefix(f.into, "system."):
		return fmt.Errorf("--into: %q: want up to 100 letters, digits, dots, _ and -", f.into)
	case !f.diff && (f.comparing.reveal || cmd.Flags().Changed("limit")):
		return errors.New("--reveal and --limit belong to --diff")
	}
	if f.restart {
		if err := f.approval.check(cmd); err != nil {
			return err
		}
	}
	for name, text := range map[string]string{"--from": f.from, "--to": f.to} {
		if _, err := boundOf(text, time.Now(), false); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return f.comparing.check()
}

// boundOf reads an entry ID, a time, or a duration before now. A time stands for its first
// entry or, if it is the end, for its last one.
func boundOf(text string, now time.Time, end bool) (fold.Bound, error) {
	b := fold.Bound{Text: text}
	if text == "" || entryID.MatchString(text) {
		b.ID = text
		return b, nil
	}
	at, err := inspect.CreatedAt(text)
	if err != nil {
		d, err := duration.Parse(text)
		if err != nil || d <= 0 {
			return b, fmt.Errorf("%q is neither an entry ID, such as 1795477478417-0, nor a time, such as 2026-01-31T12:00:00Z, nor a duration, such as 24h", text)
		}
		at = now.Add(-d)
	}
	b.ID = fmt.Sprintf("%d-0", max(0, at.UnixMilli()))
	if end {
		b.ID = fmt.Sprintf("%d-%d", max(0, at.UnixMilli()), uint64(math.MaxUint64))
	}
	return b, nil
}

func (f *rebuildFlags) run(cmd *cobra.Command) error {
	ctx := cmd.Context()
	s, err := load(cmd)
	if err != nil {
		return err
	}
	defer s.close()
	if s.cfg.QueueMode == config.ModeList {
		return app.UsageError(errors.New("QUEUE_MODE=list: a list keeps nothing to rebuild from, since records leave it when they are delivered"))
	}
	bucket, err := f.openArchive(ctx, s.cfg)
	if err != nil {
		return err
	}
	if bucket != nil {
		defer func() { _ = bucket.Close() }()
	}
	servers, err := app.OpenRebuild(ctx, s.cfg, f.into, s.log)
	if err != nil {
		return err
	}
	defer servers.Close()
	if bucket != nil {
		if err := s.sameArchive(ctx, bucket); err != nil {
			return err
		}
	}
	shown := &rebuildProgress{progress: progress{w: s.err, terminal: logging.CanRedraw(s.err), printed: time.Now()}}
	opts, err := f.options(s, servers, bucket, shown)
	if err != nil {
		return err
	}
	if f.archived = bucket != nil; f.archived {
		opts.Archive, _, _ = strings.Cut(cmp.Or(f.archive, s.cfg.ArchiveURL), "?")
	}
	return f.rebuild(cmd, s, servers, fold.New(opts), shown)
}

// openArchive returns nil if no archive is named.
func (f *rebuildFlags) openArchive(ctx context.Context, cfg *config.Config) (*blob.Bucket, error) {
	if f.archive != "" {
		bucket, err := buckets.Open(ctx, f.archive)
		if err != nil {
			return nil, app.UsageError(fmt.Errorf("--archive: %s", strings.TrimPrefix(err.Error(), "ARCHIVE_URL: ")))
		}
		return bucket, nil
	}
	if cfg.ArchiveURL == "" {
		return nil, nil
	}
	return buckets.Open(ctx, cfg.ArchiveURL)
}

// sameArchive refuses an archive of the stream with partitions that are not configured: what
// they have would be left out.
func (s *session) sameArchive(ctx context.Context, bucket *blob.Bucket) error {
	archived, err := archive.Keys(ctx, bucket)
	if err != nil {
		return err
	}
	for _, key := range archived {
		if s.ofTheStream(key) && !slices.Contains(s.keys(), key) {
			return app.UsageError(fmt.Errorf("STREAM_PARTITIONS: the archive has the partition %s, which is none of %d: what it has would be left out; set the number as it was when that was archived, or, if ingestctl repartition has changed it and Redis has since lost that, give %s the field \"former\" with the numbers of before",
				key, s.cfg.StreamPartitions, streams.LayoutKey(s.cfg.StreamKey)))
		}
	}
	return nil
}

// homes is how many of the streams are partitions; 0: all.
func (s *session) homes() int {
	if len(s.cfg.FormerPartitions) == 0 {
		return 0
	}
	return s.cfg.StreamPartitions
}

func (f *rebuildFlags) options(s *session, servers *app.RebuildServers, bucket *blob.Bucket, shown *rebuildProgress) (o fold.Options, err error) {
	cfg, now := s.cfg, time.Now()
	o = fold.Options{
		Redis: servers.Redis, Keys: s.keys(), Bucket: bucket, Store: servers.Store, Gate: servers.Gate,
		Live: servers.Database.Collection(cfg.MongoCollection), Into: servers.Database.Collection(f.into), Restart: f.restart,
		Rules: fold.Rules{
			Limit: cfg.RateLimitLimit, Window: cfg.RateLimitWindow.Duration(), Reserve: cfg.RateLimitPolicy == config.PolicyDefer,
			MaxDelay: cfg.RateLimitMaxDelay.Duration(), MaxRecordBytes: cfg.MaxRecordBytes,
			JudgeAgain: f.judgeAgain, Homes: s.homes(),
		},
		Lateness: cfg.RateLimitLateness.Duration(), BatchSize: cfg.BatchSize, ShutdownTimeout: cfg.ShutdownTimeout.Duration(),
		Log: s.log, Progress: shown.show,
	}
	if o.From, err = boundOf(f.from, now, false); err == nil {
		o.To, err = boundOf(f.to, now, true)
	}
	return o, err
}

func (f *rebuildFlags) rebuild(cmd *cobra.Command, s *session, servers *app.RebuildServers, r *fold.Rebuild, shown *rebuildProgress) error {
	ctx, began := cmd.Context(), time.Now()
	plan, err := r.Plan(ctx)
	if err != nil {
		return refused(err)
	}
	if f.dryRun {
		return s.printRebuild(f, rebuildJSONOf(s, f, &plan.State, plan.Resumes, 0))
	}
	if f.restart {
		if err := f.ask(cmd, fmt.Sprintf("Drop %s and begin again?", f.into)); err != nil {
			return err
		}
	}
	before := plan.Counts.Read
	state, err := r.Run(ctx)
	shown.clear()
	if ctx.Err() != nil && state != nil {
		return fmt.Errorf("interrupted after %s: the same command goes on from there", plural.Of(state.Counts.Read, "entry", "entries"))
	}
	if err != nil {
		return refused(err)
	}
	if s.cfg.MongoIndexes {
		if err := servers.Store.EnsureIndexes(ctx); err != nil {
			return err
		}
	}
	result := rebuildJSONOf(s, f, state, plan.Resumes, time.Since(began))
	result.Rate = float64(state.Counts.Read-before) / time.Since(began).Seconds()
	return f.finish(ctx, s, servers.Database, result)
}

// finish prints the result, with the differences if they were asked for.
func (f *rebuildFlags) finish(ctx context.Context, s *session, db *mongo.Database, result *rebuildJSON) error {
	if !f.diff {
		return s.printRebuild(f, result)
	}
	c, err := s.compare(ctx, db, s.cfg.MongoCollection, f.into, &f.comparing)
	if err != nil {
		return errors.Join(s.printRebuild(f, result), err)
	}
	result.Diff = comparisonOf(s, s.cfg.MongoCollection, f.into, &f.comparing, c)
	return errors.Join(s.printRebuild(f, result), differ(c, s.cfg.MongoCollection, f.into))
}

// refused marks a refusal as wrong usage.
func refused(err error) error {
	var refusal *fold.Refusal
	if errors.As(err, &refusal) {
		return app.UsageError(fmt.Errorf("--into: %w", err))
	}
	return err
}

// rebuildProgress shows how far a rebuild has come.
type rebuildProgress struct {
	progress
	began time.Time
	first fold.Progress
}

func (p *rebuildProgress) show(now fold.Progress) {
	if p.began.IsZero() {
		p.began, p.first = time.Now(), now
		return
	}
	took := time.Since(p.began)
	rate := float64(now.Read-p.first.Read) / took.Seconds()
	text := fmt.Sprintf("%s, %s of arrivals, %s/s", counted(now.Read, "entry", "entries"), percent(now.Fraction()), thousands(int64(rate)))
	if done := now.Fraction() - p.first.Fraction(); done > 0 && now.Fraction() < 1 {
		left := time.Duration(float64(took) * (1 - now.Fraction()) / done)
		text += fmt.Sprintf(", about %s left", left.Round(time.Second))
	}
	p.print(text)
}

func percent(f float64) string { return fmt.Sprintf("%d %%", int(100*f)) }
