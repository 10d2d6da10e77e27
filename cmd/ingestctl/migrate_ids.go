package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.mongodb.org/mongo-driver/v2/bson"

	"ingestion/cmd/internal/app"
	"ingestion/internal/logging"
	"ingestion/internal/plural"
	"ingestion/record"
)

const checkIDsHelp = `check-ids reads the documents of MONGO_COLLECTION and says how many have the _id
that this service would give them: the hash of customerId, email and createdAt.
It is read-only and needs MongoDB only.

  same     a record that is sent again is a duplicate
  other    a record that is sent again is stored a second time, under another
           _id
  refused  the fields would be refused if the record were sent again: nothing is
           stored

Run it before this service takes over the collection of another one. createdAt
may be a date or text. A date has milliseconds, so a document whose record had
finer ones counts as other.

The whole collection is read, in constant memory; --limit reads only a part.

Exit codes:
  0  all documents that were read have the same _id
  1  some do not, or MongoDB failed or did not answer in time
  2  wrong usage or configuration`

const checkIDsExample = `  ingestctl migrate check-ids
  MONGO_COLLECTION=old ingestctl migrate check-ids --limit 10000 --json`

// shownIDs is how many documents with another _id are shown.
const shownIDs = 5

type idsFlags struct {
	json    bool
	limit   int64
	timeout time.Duration
}

func checkIDsCommand() *cobra.Command {
	var f idsFlags
	cmd := &cobra.Command{
		Use:     "check-ids",
		Short:   "Compare the _ids of a collection with those of this service (read-only)",
		Long:    checkIDsHelp,
		Example: checkIDsExample,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case f.limit < 0:
				return app.UsageError(fmt.Errorf("--limit: %d is negative", f.limit))
			case f.timeout <= 0:
				return app.UsageError(fmt.Errorf("--timeout: %v is not positive", f.timeout))
			}
			s, err := load(cmd)
			if err != nil {
				return err
			}
			defer s.close()
			return s.checkIDs(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.json, "json", false, "print JSON instead of text")
	flags.Int64Var(&f.limit, "limit", 0, "read at most `N` documents; 0 means all")
	app.DurationVar(flags, &f.timeout, "timeout", time.Hour, "give up after this time")
	return cmd
}

// idsJSON is the result of check-ids. docs/schema/ingestctl-migrate-check-ids.json
// describes it.
type idsJSON struct {
	Version    int              `json:"version"`
	Collection string           `json:"collection"`
	Documents  int64            `json:"documents"`
	Same       int64            `json:"same"`
	Other      int64            `json:"other"`
	Refused    int64            `json:"refused"`
	Reasons    map[string]int64 `json:"reasons"`
	Examples   []idExample      `json:"examples"`
	Complete   bool             `json:"complete"`
}

// idExample is a document whose _id is another one.
type idExample struct {
	ID   string `json:"_id"`
	Want string `json:"computed"`
}

func (s *session) checkIDs(ctx context.Context, f idsFlags) error {
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	r := idsJSON{Version: 1, Collection: s.cfg.MongoDB + "." + s.cfg.MongoCollection, Reasons: map[string]int64{}, Examples: []idExample{}}
	shown := progress{w: s.err, terminal: logging.CanRedraw(s.err), printed: time.Now()}
	err := app.EachDocument(ctx, s.cfg, s.log, f.limit, func(doc bson.Raw) {
		if r.add(doc); r.Documents%10_000 == 0 {
			shown.print(plural.Of(r.Documents, "document", "documents") + " read")
		}
	})
	shown.clear()
	r.Complete = err == nil && (f.limit == 0 || r.Documents < f.limit)
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("not finished after %v (--timeout)", f.timeout)
	}
	if err != nil && r.Documents == 0 {
		return err
	}
	return errors.Join(r.print(s, f.json), err, r.failure())
}

// add compares one document.
func (r *idsJSON) add(doc bson.Raw) {
	r.Documents++
	rec, err := record.Decoder{MaxBytes: 16 << 20}.Decode(recordOf(doc))
	if err != nil {
		r.Refused++
		r.Reasons[firstReason(err)]++
		return
	}
	if id, ok := doc.Lookup("_id").StringValueOK(); ok && id == rec.ID {
		r.Same++
		return
	}
	if r.Other++; len(r.Examples) < shownIDs {
		r.Examples = append(r.Examples, idExample{idText(doc.Lookup("_id")), rec.ID})
	}
}

// recordOf is the record that a document was made of, as far as its fields tell.
func recordOf(doc bson.Raw) []byte {
	fields := map[string]any{}
	for _, name := range []string{"customerId", "name", "email", "createdAt"} {
		value := doc.Lookup(name)
		if text, ok := value.StringValueOK(); ok {
			fields[name] = text
		} else if ms, ok := value.DateTimeOK(); ok {
			fields[name] = record.FormatTime(time.UnixMilli(ms))
		} else if !value.IsZero() {
			fields[name] = 0 // of a type that the rules refuse
		}
	}
	body, _ := json.Marshal(fields) // text and numbers can always be encoded
	return body
}

// firstReason is the first fault of a refused record. A reason never has a value of the
// record.
func firstReason(err error) string {
	reason, _, _ := strings.Cut(err.Error(), "; ")
	return reason
}

// idText is an _id as people write it.
func idText(id bson.RawValue) string {
	if text, ok := id.StringValueOK(); ok {
		return text
	}
	if oid, ok := id.ObjectIDOK(); ok {
		return oid.Hex()
	}
	return id.String()
}

func (r *idsJSON) failure() error {
	if n := r.Other + r.Refused; n > 0 {
		return fmt.Errorf("%s without the _id that this service computes", plural.Of(n, "document is", "documents are"))
	}
	return nil
}
