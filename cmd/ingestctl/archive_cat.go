package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"gocloud.dev/blob"

	"ingestion/archive"
	"ingestion/cmd/internal/app"
	"ingestion/internal/logging"
)

const archiveCatHelp = `cat prints archived entries, one JSON object a line, by partition and ID:

  {"stream":"customers:0","id":"1795477478417-0","fields":[["data","{…}"]]}

"fields" has the names and values as they came. One that is not valid UTF-8 is
{"base64":"…"} instead of a string. With --data it prints the records only, that
is, the field "data" of each entry: the form that "producer load" takes.

The entries are printed in full, personal data included. On a terminal, control
characters are escaped.

--from and --to take the ID of an entry, a time, or a duration before now. Both
are included. Without --from it begins with what is left of the archive.

Exit codes:
  0  printed, also if there is none
  1  the archive is damaged, or the bucket failed: what was printed is right; or
     it has nothing of KEY
  2  wrong usage or configuration`

type archiveCatFlags struct {
	from, to string
	data     bool
	limit    int64
}

func archiveCatCommand() *cobra.Command {
	var f archiveCatFlags
	cmd := &cobra.Command{
		Use:     "cat [KEY ...]",
		Short:   "Print archived entries in full (read-only)",
		Long:    archiveCatHelp,
		Example: "  ingestctl archive cat --from 24h --limit 10\n  ingestctl archive cat customers:0 --from 1795477478417-0 --to 1795477478417-0\n  ingestctl archive cat --from 2026-11-23 --data | jq .customerId",
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.limit < 0 {
				return app.UsageError(fmt.Errorf("--limit: %d is less than 0", f.limit))
			}
			from, to, err := f.bounds(time.Now())
			if err != nil {
				return app.UsageError(err)
			}
			s, bucket, err := openArchive(cmd)
			if err != nil {
				return err
			}
			defer s.close()
			return s.catArchive(cmd.Context(), bucket, args, from, to, &f)
		},
	}
	cmd.Flags().StringVar(&f.from, "from", "", "begin with this entry `ID`, time, or duration before now")
	cmd.Flags().StringVar(&f.to, "to", "", "end with this entry `ID`, time, or duration before now")
	cmd.Flags().BoolVar(&f.data, "data", false, "print the records only")
	cmd.Flags().Int64Var(&f.limit, "limit", 0, "print at most `N` entries; 0: all")
	return cmd
}

func (f *archiveCatFlags) bounds(now time.Time) (from, to string, err error) {
	if from, err = entryBound(f.from, now, false); err != nil {
		return "", "", fmt.Errorf("--from: %w", err)
	}
	if to, err = entryBound(f.to, now, true); err != nil {
		return "", "", fmt.Errorf("--to: %w", err)
	}
	return from, to, nil
}

func (s *session) catArchive(ctx context.Context, bucket *blob.Bucket, args []string, from, to string, f *archiveCatFlags) error {
	var out io.Writer = s.out
	if logging.CanRedraw(s.out) {
		out = logging.EscapeControls(s.out)
	}
	buffered := bufio.NewWriterSize(out, 64<<10)
	left := f.limit
	keys, err := s.archivedKeys(ctx, bucket, args)
	if err != nil {
		return err
	}
	for _, key := range keys {
		log := archive.Open(bucket, key)
		if _, err := log.Tail(ctx); errors.Is(err, archive.ErrEmpty) && len(args) > 0 {
			return errors.Join(s.nothingArchived(key), buffered.Flush())
		}
		if err := cat(ctx, buffered, log, from, to, f, &left); err != nil {
			return errors.Join(err, buffered.Flush())
		}
	}
	return buffered.Flush()
}

// cat prints the entries of a partition until left is 0 again; 0 at the beginning is no
// limit.
func cat(ctx context.Context, w *bufio.Writer, log *archive.Log, from, to string, f *archiveCatFlags, left *int64) error {
	begin, err := log.Begin(ctx)
	if errors.Is(err, archive.ErrEmpty) || f.limit > 0 && *left == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if archive.CompareIDs(from, begin.First) < 0 {
		from = begin.First
	}
	for e, err := range log.Entries(ctx, from, to) {
		if err == nil {
			err = printEntry(w, log.Key(), &e, f.data)
		}
		if err != nil {
			return err
		}
		if *left--; f.limit > 0 && *left == 0 {
			return nil
		}
	}
	return nil
}

func printEntry(w *bufio.Writer, key string, e *archive.Entry, data bool) error {
	if data {
		body, _ := e.Value("data")
		_, err := fmt.Fprintln(w, body)
		return err
	}
	line := catLineJSON{Stream: key, ID: e.ID, Fields: [][]any{}}
	for i := 0; i+1 < len(e.Fields); i += 2 {
		line.Fields = append(line.Fields, []any{textOrBytes(e.Fields[i]), textOrBytes(e.Fields[i+1])})
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(line)
}

// textOrBytes is a text, or what stands for one that is not valid UTF-8.
func textOrBytes(text string) any {
	if utf8.ValidString(text) {
		return text
	}
	return map[string]string{"base64": base64.StdEncoding.EncodeToString([]byte(text))}
}
