package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
	"golang.org/x/text/encoding/unicode"
	"pgregory.net/rapid"

	"ingestion/producer"
)

// taken keeps the bodies that it is sent.
type taken struct{ bodies []string }

func (s *taken) Send(_ context.Context, messages []producer.Message) ([]producer.Receipt, error) {
	for _, m := range messages {
		s.bodies = append(s.bodies, string(m.Body))
	}
	return make([]producer.Receipt, len(messages)), nil
}

// TestAnyTableArrivesExactly writes random rows in random dialects of CSV. What is
// loaded is what the standard library's reader finds in the same text.
func TestAnyTableArrivesExactly(t *testing.T) {
	header := []string{"Customer ID", "name", "E-mail", "createdAt", "note"}
	rapid.Check(t, func(t *rapid.T) {
		comma := rapid.SampledFrom([]rune{',', ';', '\t', '|'}).Draw(t, "comma")
		var text bytes.Buffer
		w := csv.NewWriter(&text)
		w.Comma, w.UseCRLF = comma, rapid.Bool().Draw(t, "crlf")
		field := rapid.StringMatching(`[a-zäß€😀 ,;|"'\t\n.@-]{0,12}`)
		must(t, w.Write(header))
		must(t, w.WriteAll(rapid.SliceOf(rapid.SliceOfN(field, 4, 6)).Draw(t, "rows")))

		var want []map[string]string
		wrong := 0
		r := csv.NewReader(bytes.NewReader(text.Bytes()))
		r.Comma, r.FieldsPerRecord = comma, -1
		rows, err := r.ReadAll()
		must(t, err)
		for _, row := range rows[1:] {
			blank := !slices.ContainsFunc(row, func(f string) bool { return strings.TrimSpace(f) != "" })
			row, fits := fitted(row, len(header))
			switch {
			case blank:
			case !fits, rowsWithin(row, string(comma)):
				wrong++
			default:
				want = append(want, map[string]string{"customerId": row[0], "name": row[1], "email": row[2], "createdAt": row[3], "note": row[4]})
			}
		}

		content := text.Bytes()
		if rapid.Bool().Draw(t, "utf-16") {
			content, err = unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewEncoder().Bytes(content)
			must(t, err)
		}
		if rapid.Bool().Draw(t, "gzip") {
			content = zipped(content)
		}
		p := planOf(t, "--map", "customerId=Customer ID", "--map", "email=E-mail", "--batch", strconv.Itoa(rapid.IntRange(1, 20).Draw(t, "batch")))
		to := &taken{}
		sum, err := producer.Load(context.Background(), bytes.NewReader(content), to, producer.LoadOptions{Options: p.file, Batch: p.batch})
		must(t, err)
		var got []map[string]string
		for _, body := range to.bodies {
			var fields map[string]string
			must(t, json.Unmarshal([]byte(body), &fields))
			for name, value := range fields {
				fields[name] = strings.ReplaceAll(value, "\r\n", "\n") // which the library's reader changes in a quoted field
			}
			got = append(got, fields)
		}
		if !cmp.Equal(got, want) || sum.Sent != len(want) || sum.Rejected != wrong {
			t.Fatalf("%+v, want %d rejected (-want +got):\n%s\nof %q", sum, wrong, cmp.Diff(want, got), text.String())
		}
	})
}

// fitted drops empty fields beyond the header, and reports whether a row fits it.
func fitted(row []string, n int) ([]string, bool) {
	for len(row) > n && strings.TrimSpace(row[len(row)-1]) == "" {
		row = row[:len(row)-1]
	}
	return row, len(row) == n
}

// rowsWithin reports whether one of the four fields of a record seems to have whole rows
// in it: a line of as many delimiters as the header, or a first line that completes a row
// and a last line that begins one.
func rowsWithin(row []string, comma string) bool {
	for i, field := range row[:4] {
		lines := strings.Split(field, "\n")
		for at, line := range lines {
			delimiters := strings.Count(line, comma)
			switch {
			case at > 0 && at < len(lines)-1 && delimiters >= len(row)-1,
				at == 0 && len(lines) > 1 && i+delimiters >= len(row)-1 && strings.Count(lines[len(lines)-1], comma) >= i:
				return true
			}
		}
	}
	return false
}

func zipped(text []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(text)
	_ = z.Close()
	return b.Bytes()
}

// planOf returns the plan of a command line.
func planOf(t interface {
	Helper()
	Fatal(...any)
}, args ...string) *plan {
	t.Helper()
	var f loadFlags
	flags := pflag.NewFlagSet("load", pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	f.register(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	p, err := f.plan("customers.csv")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func must(t interface {
	Helper()
	Fatal(...any)
}, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
