package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"ingestion/archive/fold"
	"ingestion/cmd/internal/app"
	"ingestion/internal/logging"
	"ingestion/internal/plural"
)

const rebuildDiffHelp = `diff compares two collections of MONGO_DB, for instance the live one and a rebuilt
one. It is read-only, needs MongoDB only, and reads both once, in the order of
their _ids, in constant memory.

  missing  only FIRST has the document
  extra    only SECOND has it
  changed  both have it, with other values; the time of ingestion does not count
  outside  if SECOND is a rebuild: only FIRST has the document, since its entry
           came after the rebuild's end, or before --from. That is no difference

If SECOND is a rebuild, diff says why a document differs, as far as that is known.
Names and email addresses are masked, as in A*** and a***@b.co, and so are values
of fields that the service does not write, unless --reveal is given.

Exit codes:
  0  no document differs
  1  documents differ; or interrupted, or MongoDB failed
  2  wrong usage or configuration`

const rebuildDiffExample = `  ingestctl rebuild diff customers customers_new
  ingestctl rebuild diff customers customers_new --limit 1000 --json
  ingestctl rebuild diff customers customers_new --reveal`

// comparing is how differences are shown.
type comparing struct {
	reveal, json bool
	limit        int
}

func (c *comparing) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&c.reveal, "reveal", false, "print names, email addresses and other values in full")
	flags.BoolVar(&c.json, "json", false, "print JSON instead of text")
	flags.IntVar(&c.limit, "limit", 20, "show at most `N` differences; all are counted")
}

func (c *comparing) check() error {
	if c.limit < 0 {
		return fmt.Errorf("--limit: %d is negative", c.limit)
	}
	return nil
}

func rebuildDiffCommand() *cobra.Command {
	var c comparing
	cmd := &cobra.Command{
		Use:     "diff FIRST SECOND",
		Short:   "Compare two collections (read-only)",
		Long:    rebuildDiffHelp,
		Example: rebuildDiffExample,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.check(); err != nil {
				return app.UsageError(err)
			}
			if args[0] == args[1] {
				return app.UsageError(fmt.Errorf("SECOND: %q is FIRST", args[1]))
			}
			s, err := load(cmd)
			if err != nil {
				return err
			}
			defer s.close()
			return s.diff(cmd.Context(), args[0], args[1], &c)
		},
	}
	c.addFlags(cmd)
	return cmd
}

func (s *session) diff(ctx context.Context, first, second string, c *comparing) error {
	db, release, err := app.OperatorDatabase(ctx, s.cfg, s.log)
	if err != nil {
		return err
	}
	defer release()
	if err := exist(ctx, db, first, second); err != nil {
		return err
	}
	found, err := s.compare(ctx, db, first, second, c)
	if err != nil {
		return err
	}
	result := comparisonOf(s, first, second, c, found)
	if c.json {
		err = printJSON(s.out, result)
	} else {
		p := &page{}
		p.comparison(result)
		_, err = s.out.Write(p.Bytes())
	}
	if err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	return differ(found, first, second)
}

// exist returns an error if one of the collections does not exist: a mistyped name would
// look like an empty one.
func exist(ctx context.Context, db *mongo.Database, names ...string) error {
	for _, name := range names {
		found, err := db.ListCollectionNames(ctx, map[string]string{"name": name})
		if err != nil {
			return fmt.Errorf("listing the collections of %s: %w", db.Name(), err)
		}
		if len(found) == 0 {
			return app.UsageError(fmt.Errorf("there is no collection %s in %s", name, db.Name()))
		}
	}
	return nil
}

func (s *session) compare(ctx context.Context, db *mongo.Database, first, second string, c *comparing) (*fold.Comparison, error) {
	shown := progress{w: s.err, terminal: logging.CanRedraw(s.err), printed: time.Now()}
	defer shown.clear()
	found, err := fold.Compare(ctx, db.Collection(first), db.Collection(second), c.limit, func(sofar *fold.Comparison) {
		shown.print(fmt.Sprintf("%s compared, %s", counted(sofar.Read(), "document", "documents"), counted(sofar.Differ(), "difference", "differences")))
	})
	if err != nil {
		return nil, fmt.Errorf("comparing %s with %s: %w", first, second, err)
	}
	return found, nil
}

// differ returns the error of a comparison that found differences.
func differ(c *fold.Comparison, first, second string) error {
	if n := c.Differ(); n > 0 {
		return fmt.Errorf("%s between %s and %s", plural.Of(n, "document differs", "documents differ"), first, second)
	}
	return nil
}
