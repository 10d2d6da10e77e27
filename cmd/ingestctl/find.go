package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ingestion/cmd/internal/app"
	"ingestion/internal/plural"
	"ingestion/record"
	"ingestion/store"
)

const findHelp = `find prints the documents of a customer, of an email address or of an ID from
MongoDB. It needs no Redis, and changes nothing.

Names and email addresses are masked, as in A*** and a***@b.co, unless --reveal
is given. --json prints one object per line; "masked" says whether it is masked.

An address is searched for in the form in which it is stored, so ada@EXAMPLE.org
finds ada@example.org. --id takes an _id, or the ID of a stream entry
(1795477478417-0).

Unless an index begins with the field, MongoDB reads the whole collection; find
says so and gives up after --timeout. MONGO_INDEXES=on makes the worker create
one for the customer. There is always one for the _id.

Exit codes:
  0  found
  1  none found, or MongoDB failed or did not answer in time
  2  wrong usage or configuration`

const findExample = `  ingestctl find --customer 42
  ingestctl find --email ada@lovelace.org --reveal
  ingestctl find --id 1795477478417-0 --json`

type findFlags struct {
	customer, email, id string
	reveal, json        bool
	limit               int64
	timeout             time.Duration
}

func findCommand() *cobra.Command {
	var f findFlags
	cmd := &cobra.Command{
		Use:     "find",
		Short:   "Print documents from MongoDB, with personal data masked",
		Long:    findHelp,
		Example: findExample,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			wanted, err := f.wanted(cmd)
			if err != nil {
				return app.UsageError(err)
			}
			s, err := openStore(cmd.Context(), cmd)
			if err != nil {
				return err
			}
			defer s.close()
			return s.find(cmd.Context(), &f, wanted)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.customer, "customer", "", "documents with this `customerId`")
	flags.StringVar(&f.email, "email", "", "documents with this `ADDRESS`")
	flags.StringVar(&f.id, "id", "", "the document with this `_id`, or of this stream entry")
	flags.BoolVar(&f.reveal, "reveal", false, "print names and email addresses in full")
	flags.BoolVar(&f.json, "json", false, "print one JSON object per line (docs/schema/ingestctl-find.json)")
	flags.Int64Var(&f.limit, "limit", 20, "print at most `N` documents")
	app.DurationVar(flags, &f.timeout, "timeout", time.Minute, "give up after this time")
	return cmd
}

// wanted is what to search for.
type wanted struct {
	field store.Field
	value string
}

func (f *findFlags) wanted(cmd *cobra.Command) (w wanted, err error) {
	given := 0
	for _, name := range []string{"customer", "email", "id"} {
		if cmd.Flags().Changed(name) {
			given++
		}
	}
	switch {
	case given != 1:
		return w, errors.New("give one of --customer, --email and --id")
	case f.limit < 1:
		return w, fmt.Errorf("--limit: %d is less than 1", f.limit)
	case f.timeout <= 0:
		return w, fmt.Errorf("--timeout: %v is not positive", f.timeout)
	}
	switch {
	case cmd.Flags().Changed("customer"):
		w = wanted{store.ByCustomer, strings.TrimSpace(f.customer)}
	case cmd.Flags().Changed("email"):
		w.field = store.ByEmail
		if w.value, err = record.NormalizeEmail(f.email); err != nil {
			return w, fmt.Errorf("--email: the service accepts no such address: %w", err)
		}
	case entryID.MatchString(f.id):
		w = wanted{store.ByStreamID, f.id}
	default:
		w = wanted{store.ByID, f.id}
	}
	if w.value == "" {
		return w, errors.New("the value to search for is blank")
	}
	return w, nil
}

func (s *session) find(ctx context.Context, f *findFlags, w wanted) error {
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	collection := s.cfg.MongoDB + "." + s.cfg.MongoCollection
	scans := s.noteScan(ctx, collection, w.field)
	found, err := s.store.Find(ctx, w.field, w.value, f.limit+1)
	if err != nil {
		return fmt.Errorf("searching %s: %w", collection, tooSlow(err, f.timeout, scans))
	}
	if len(found) == 0 {
		return fmt.Errorf("no document in %s has the %s %q", collection, w.field, w.value)
	}
	more := int64(len(found)) > f.limit
	if more {
		found = found[:f.limit]
	}
	for i := range found {
		if err := s.printDocument(f, &found[i]); err != nil {
			return fmt.Errorf("writing the documents: %w", err)
		}
	}
	fmt.Fprintln(s.err, f.summary(len(found), more, collection))
	return nil
}

// noteScan says if MongoDB has to read the whole collection. Whether it does is not
// worth an error.
func (s *session) noteScan(ctx context.Context, collection string, field store.Field) (scans bool) {
	if field == store.ByID {
		return false
	}
	indexed, err := s.store.Indexed(ctx, field)
	if err != nil || indexed {
		return false
	}
	note := fmt.Sprintf("no index begins with %s, so MongoDB reads all of %s", field, collection)
	if field == store.ByCustomer && !s.cfg.MongoIndexes {
		note += "; MONGO_INDEXES=on makes the worker create one"
	}
	fmt.Fprintln(s.err, note)
	return true
}

// tooSlow explains an error that is due to the time limit.
func tooSlow(err error, limit time.Duration, scans bool) error {
	var failure *store.Error
	if !errors.As(err, &failure) || failure.Class != store.TimedOut {
		return err
	}
	if scans {
		return fmt.Errorf("not finished after %v: give it more time (--timeout), or create an index", limit)
	}
	return fmt.Errorf("not finished after %v (--timeout)", limit)
}

func (f *findFlags) summary(n int, more bool, collection string) string {
	text := fmt.Sprintf("%s of %s", plural.Of(n, "document", "documents"), collection)
	if more {
		text = fmt.Sprintf("the first %s of more in %s (--limit)", plural.Of(n, "document", "documents"), collection)
	}
	if !f.reveal {
		text += "; names and email addresses are masked (--reveal shows them)"
	}
	return text
}
