package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ingestion/cmd/internal/app"
	"ingestion/internal/config"
	"ingestion/internal/inspect"
	"ingestion/internal/logging"
)

const traceHelp = `trace says where a record is and how it got there: undelivered, pending (with
whom, since when, how often delivered), deferred until when, dead and why,
ingested, a duplicate, dropped, trimmed or missing. Each step says what proves
it. It is read-only.

ID is the ID of a stream entry or of a dead letter, after the number of its
partition if there are several ("dead list" shows both so), or the _id of a
document. These are direct lookups, whatever the length of the stream.

--customer looks for the customer's records, newest first: on the stream, in the
customer's own partition first, in the delayed set and among the dead letters,
and in MongoDB. It looks at --scan entries, and says how far that was. --email
and --created-at narrow it down; both are read by the worker's rules. An address
that these refuse finds the records that have it. Ctrl-C ends the scan and prints
what was found until then.

In list mode there are no entry IDs: trace looks through the list from its head,
and through the dead letters. A list does not tell which records workers hold.

Names and email addresses are masked unless --reveal is given. If MongoDB does
not answer, trace says what Redis knows, and that documents are unknown.

Exit codes:
  0  found
  1  not found, interrupted, or a server failed; also if some partitions of a
     Redis Cluster could not be read, unless ID was found in another one
  2  wrong usage or configuration`

const traceExample = `  ingestctl trace 1795477478417-0
  ingestctl trace 2:1795477478417-0      in partition 2
  ingestctl trace --customer 42 --email ada@lovelace.org
  ingestctl trace --customer 42 --scan 5000000 --json`

type traceFlags struct {
	customer, email, createdAt string
	scan                       int64
	limit                      int
	timeout                    time.Duration
	reveal, json               bool

	id        string
	partition int // -1: all
	query     inspect.CustomerQuery
}

func traceCommand() *cobra.Command {
	var f traceFlags
	cmd := &cobra.Command{
		Use:     "trace [ID]",
		Short:   "Say where a record is, and how it got there",
		Long:    traceHelp,
		Example: traceExample,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(cmd, args); err != nil {
				return app.UsageError(err)
			}
			s, err := openPartly(cmd.Context(), cmd)
			if err != nil {
				return err
			}
			defer s.close()
			return s.trace(cmd.Context(), &f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.customer, "customer", "", "the records with this `customerId`")
	flags.StringVar(&f.email, "email", "", "of the customer, those with this `ADDRESS`")
	flags.StringVar(&f.createdAt, "created-at", "", "of the customer, those created at this `TIME`")
	flags.Int64Var(&f.scan, "scan", inspect.DefaultScan, "look at up to `N` entries for a customer or an _id")
	flags.IntVar(&f.limit, "limit", 20, "show at most `N` records of a customer")
	flags.BoolVar(&f.reveal, "reveal", false, "print names and email addresses in full")
	flags.BoolVar(&f.json, "json", false, "print one JSON object (docs/schema/ingestctl-trace.json)")
	app.DurationVar(flags, &f.timeout, "timeout", 5*time.Second, "give up searching MongoDB after this time")
	return cmd
}

var prefixedID = regexp.MustCompile(`^([0-9]{1,5}):([0-9]+-[0-9]+)$`)

func (f *traceFlags) check(cmd *cobra.Command, args []string) error {
	customer := cmd.Flags().Changed("customer")
	switch {
	case (len(args) == 1) == customer:
		return errors.New("give either an ID or --customer")
	case f.scan < 1:
		return fmt.Errorf("--scan: %d is less than 1", f.scan)
	case f.limit < 1:
		return fmt.Errorf("--limit: %d is less than 1", f.limit)
	case f.timeout <= 0:
		return fmt.Errorf("--timeout: %v is not positive", f.timeout)
	case customer:
		return f.checkCustomer()
	case f.email != "" || f.createdAt != "":
		return errors.New("--email and --created-at need --customer")
	}
	return f.checkID(args[0])
}

func (f *traceFlags) checkCustomer() (err error) {
	if f.query.CustomerID, err = inspect.Customer(f.customer); err != nil {
		return fmt.Errorf("--customer: the service accepts no such customer: %w", err)
	}
	f.query.Email = inspect.Email(f.email)
	if f.createdAt != "" {
		if f.query.CreatedAt, err = inspect.CreatedAt(f.createdAt); err != nil {
			return fmt.Errorf("--created-at: the service accepts no such time: %w", err)
		}
	}
	return nil
}

func (f *traceFlags) checkID(id string) error {
	f.id, f.partition = id, -1
	if parts := prefixedID.FindStringSubmatch(id); parts != nil {
		f.partition, _ = strconv.Atoi(parts[1])
		f.id = parts[2]
	}
	if !inspect.IsEntryID(f.id) && !inspect.IsDocumentID(f.id) {
		return fmt.Errorf("%q is no ID: want an entry's or a dead letter's, such as 1795477478417-0, or an _id of 64 hex digits; --customer looks for a customer", id)
	}
	return nil
}

func (s *session) trace(ctx context.Context, f *traceFlags) error {
	if f.partition >= 0 && f.id != "" {
		if n := len(s.keys()); s.cfg.QueueMode == config.ModeList || f.partition >= n {
			return app.UsageError(fmt.Errorf("there is no partition %d: STREAM_PARTITIONS=%d, numbered from 0", f.partition, n))
		}
	}
	t, err := s.tracer()
	if err != nil {
		return err
	}
	s.addDocuments(ctx, t)
	t.Scan, t.Limit, t.DocumentsTimeout = f.scan, f.limit, f.timeout
	shown := scanProgress{progress: progress{w: s.err, terminal: logging.CanRedraw(s.err)}}
	t.Progress = shown.print
	var tr *inspect.Trace
	if f.id != "" {
		tr, err = t.ByID(ctx, f.id, f.partition)
	} else {
		tr, err = t.ByCustomer(ctx, f.query)
	}
	shown.clear()
	if err != nil {
		return app.NameOwner(err)
	}
	if err := s.printTrace(tr, f); err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	return traceResult(ctx, tr, f)
}

// traceResult is the error that makes the exit code.
func traceResult(ctx context.Context, tr *inspect.Trace, f *traceFlags) error {
	what := fmt.Sprintf("record of customer %q", f.query.CustomerID)
	if f.id != "" {
		what = "record " + f.id
	}
	switch {
	case ctx.Err() != nil:
		return errors.New("interrupted: the scan did not come to its end")
	case len(tr.Unread) > 0 && (f.id == "" || !tr.Found()):
		return unreadError(tr.Unread)
	case tr.Found():
		return nil
	case tr.DocumentsErr != nil:
		return fmt.Errorf("no %s found in Redis; in MongoDB that is unknown: %w", what, tr.DocumentsErr)
	default:
		return fmt.Errorf("no %s found", what)
	}
}

// unreadError says which partitions could not be read.
func unreadError(unread []inspect.Unread) error {
	keys := make([]string, len(unread))
	for i, u := range unread {
		keys[i] = u.Key
	}
	return fmt.Errorf("not all is known, since %s could not be read: %w", strings.Join(keys, ", "), unread[0].Err)
}
