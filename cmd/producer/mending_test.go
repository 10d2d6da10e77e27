package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"pgregory.net/rapid"
)

// dialect is a way to write records in a file.
type dialect struct {
	name, ending string
	args         []string
	encoding     encoding.Encoding // nil is UTF-8
	preamble     string
	comma        rune   // of a format of rows; 0 is JSON
	header       bool   // begins with a header
	newline      string // after each row, or between values
	begin, end   string // around the values
	indent       bool
	sheet        bool
}

var columnNames = []string{"customerId", "name", "email", "createdAt"}

func dialects() []dialect {
	names := strings.Join(columnNames, ",")
	utf16 := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	rows := dialect{ending: ".csv", comma: ',', header: true, newline: "\n"}
	csv := func(name string, change func(*dialect), args ...string) dialect {
		d := rows
		d.name, d.args = name, args
		change(&d)
		return d
	}
	values := func(name string, d dialect) dialect {
		d.name, d.ending = name, ".json"
		return d
	}
	as := func(to encoding.Encoding) func(*dialect) { return func(d *dialect) { d.encoding = to } }
	return []dialect{
		csv("CSV", func(*dialect) {}),
		csv("CRLF", func(d *dialect) { d.newline = "\r\n" }),
		csv("CR", func(d *dialect) { d.newline = "\r" }),
		csv("byte order mark", func(d *dialect) { d.preamble = "\ufeff" }),
		csv("semicolons", func(d *dialect) { d.comma = ';' }),
		csv("sep=", func(d *dialect) { d.comma, d.preamble = '^', "sep=^\n" }),
		csv("sep= and CRLF", func(d *dialect) { d.comma, d.preamble, d.newline = ';', "\ufeffsep=;\r\n", "\r\n" }),
		csv("delimiter", func(d *dialect) { d.comma = '^' }, "--delimiter", "^"),
		csv("a title", func(d *dialect) { d.preamble = "Customers, all\r\n\n" }, "--skip-lines", "2"),
		csv("a title and sep=", func(d *dialect) { d.comma, d.preamble = '^', "\ufeffCustomers\nsep=^\n" }, "--skip-lines", "1"),
		csv("a title, no header", func(d *dialect) { d.header, d.preamble = false, "Customers\n" }, "--skip-lines", "1", "--no-header", names),
		csv("no header", func(d *dialect) { d.header = false }, "--no-header", names),
		csv("no header, semicolons", func(d *dialect) { d.header, d.comma = false, ';' }, "--no-header", names),
		csv("no header, sep=", func(d *dialect) { d.header, d.comma, d.preamble = false, '^', "sep=^\n" }, "--no-header", names),
		csv("no header, delimiter", func(d *dialect) { d.header, d.comma = false, ';' }, "--no-header", names, "--delimiter", ";"),
		csv("latin1", as(charmap.ISO8859_1), "--encoding", "latin1"),
		csv("windows-1252", as(charmap.Windows1252), "--encoding", "windows-1252"),
		csv("UTF-16", as(utf16)),
		csv("UTF-16, said", as(utf16), "--encoding", "utf-16"),
		csv("UTF-16 without a mark", as(unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)), "--encoding", "utf-16be"),
		{name: "spreadsheet", ending: ".xlsx", sheet: true, comma: ',', header: true, args: []string{"--sheet", "People"}},
		{name: "spreadsheet without header", ending: ".xlsx", sheet: true, comma: ',', args: []string{"--no-header", names}},
		{name: "spreadsheet, said", ending: ".xlsx", sheet: true, comma: ',', header: true, args: []string{"--format", "xlsx"}},
		values("NDJSON", dialect{newline: "\n"}),
		values("NDJSON, CRLF, mark", dialect{newline: "\r\n", preamble: "\ufeff"}),
		values("NDJSON, latin1", dialect{newline: "\n", encoding: charmap.ISO8859_1, args: []string{"--encoding", "latin1"}}),
		values("NDJSON, said", dialect{newline: "\n", args: []string{"--format", "ndjson"}}),
		values("NDJSON, title", dialect{newline: "\n", preamble: "Customers:\n", args: []string{"--skip-lines", "1"}}),
		values("array, title", dialect{begin: "[", newline: ",", end: "]", preamble: "Customers:\n", args: []string{"--skip-lines", "1"}}),
		values("array", dialect{begin: "[", newline: ",", end: "]"}),
		values("array on lines", dialect{begin: "[\r\n", newline: ",\r\n", end: "]"}),
		values("pretty array", dialect{begin: "[\n", newline: ",\n", end: "]\n", indent: true}),
		values("pretty, latin1", dialect{newline: "\r\n", indent: true, encoding: charmap.ISO8859_1, args: []string{"--encoding", "latin1"}}),
		values("sequence", dialect{newline: " ", args: []string{"--format", "json"}}),
	}
}

// entry is a row of a file: a customer as meant, and as written.
type entry struct {
	meant  customer
	faulty bool
	fields []string // of a row, as written
	line   int      // on which it begins, once written
}

// written returns the text of an entry as a row or a value of a dialect.
func (d dialect) written(e entry) string {
	if d.comma != 0 {
		var b strings.Builder
		w := csv.NewWriter(&b)
		w.Comma = d.comma
		_ = w.Write(e.fields) // a builder takes every write
		w.Flush()
		return strings.TrimSuffix(b.String(), "\n")
	}
	object := map[string]any{"customerId": e.fields[0], "name": e.fields[1], "email": e.fields[2], "createdAt": e.fields[3], "number": json.RawMessage("1.50e+1")}
	text, err := json.Marshal(object)
	if d.indent {
		text, err = json.MarshalIndent(object, "", "  ")
	}
	if err != nil {
		panic(err)
	}
	return string(text)
}

// file returns the content of a file with these entries, and sets their lines.
func (d dialect) file(entries []entry, final bool) []byte {
	if d.sheet {
		return d.workbook(entries)
	}
	var b strings.Builder
	b.WriteString(d.preamble)
	if d.header {
		b.WriteString(strings.Join(columnNames, string(d.comma)) + d.newline)
	}
	b.WriteString(d.begin)
	for i := range entries {
		entries[i].line = 1 + countEnds(b.String())
		b.WriteString(d.written(entries[i]))
		if i+1 < len(entries) || d.end == "" && final {
			b.WriteString(d.newline)
		}
	}
	text := []byte(b.String() + d.end)
	if d.encoding != nil {
		var err error
		if text, err = d.encoding.NewEncoder().Bytes(text); err != nil {
			panic(err)
		}
	}
	return text
}

func (d dialect) workbook(entries []entry) []byte {
	f := excelize.NewFile()
	defer f.Close()
	check := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	_, err := f.NewSheet("People")
	check(err)
	n := 0
	write := func(fields []string) {
		n++
		for i, field := range fields {
			at, err := excelize.CoordinatesToCellName(i+1, n)
			check(err)
			check(f.SetCellStr("People", at, field))
		}
	}
	if d.header {
		write(columnNames)
	}
	for i := range entries {
		write(entries[i].fields)
		entries[i].line = n
	}
	b, err := f.WriteToBuffer()
	check(err)
	return b.Bytes()
}

// countEnds counts the line ends of a text: CR, LF and CRLF.
func countEnds(text string) int {
	return strings.Count(strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n"), "\n")
}

// splitLines splits a text after each of its line ends.
func splitLines(text string) (lines []string) {
	for text != "" {
		i := strings.IndexAny(text, "\r\n")
		switch {
		case i < 0:
			i = len(text) - 1
		case strings.HasPrefix(text[i:], "\r\n"):
			i++
		}
		lines, text = append(lines, text[:i+1]), text[i+1:]
	}
	return lines
}

func drawEntries(t *rapid.T, d dialect) []entry {
	name := rapid.StringMatching(`[A-Zä]([a-zéß ]|[,;^|"'&<]|\r\n|\r|\n|\t){0,8}[a-zé]`)
	if d.sheet { // spreadsheets have LF alone in a cell
		name = rapid.StringMatching(`[A-Zä]([a-zéß ]|[,;^|"'&<]|\n){0,8}[a-zé]`)
	}
	entries := make([]entry, rapid.IntRange(1, 12).Draw(t, "entries"))
	for i := range entries {
		c := customer{fmt.Sprint(i + 1), name.Draw(t, "name"), fmt.Sprintf("c%d@quillmarsh.net", i+1), "2024-01-15"}
		if i == 0 {
			c.Name = "Ann" // the delimiter of a file without header is that of its first row
		}
		e := entry{meant: c, fields: []string{c.CustomerID, c.Name, c.Email, c.CreatedAt}}
		faults := 3
		if d.comma != 0 && i > 0 {
			faults = 5
		}
		switch rapid.IntRange(0, faults).Draw(t, "fault") {
		case 1:
			e.faulty, e.fields[2] = true, "nowhere"
		case 2, 3:
			e.faulty, e.fields[3] = true, "yesterday"
		case 4:
			e.faulty, e.fields = true, append(e.fields, "too\rmany")
		case 5:
			e.faulty, e.fields = !d.sheet, e.fields[:3:3] // a sheet has a blank there
			e.faulty = true
		}
		entries[i] = e
	}
	return entries
}

// TestRejectsLoadAgain loads files with faults, mends the file of rejected rows where
// the reasons say, and loads that with the same flags. All records have arrived then.
func TestRejectsLoadAgain(t *testing.T) {
	server := ownQueue(t)
	dir := t.TempDir()
	for _, d := range dialects() {
		t.Run(d.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				entries := drawEntries(t, d)
				input, rejects := filepath.Join(dir, "input"+d.ending), filepath.Join(dir, "rejects")
				_ = os.Remove(rejects)
				_ = os.Remove(reasonsOf(rejects))
				content := d.file(entries, rapid.Bool().Draw(t, "final newline"))
				must(t, os.WriteFile(input, content, 0o600))
				flags := append(slices.Clone(d.args), "--validate", "--allow-invalid", "100%", "--source=")
				if a := execute(t, append([]string{"load", input, "--rejects", rejects}, flags...)...); a.code != 0 {
					t.Fatalf("%+v of %q", a, content)
				}
				got := customersOf(t, takeQueue(t, server))
				if slices.ContainsFunc(entries, func(e entry) bool { return e.faulty }) {
					mended := mend(t, d, rejects, entries)
					must(t, os.WriteFile(rejects, []byte(mended), 0o600))
					a := execute(t, append([]string{"load", rejects}, flags...)...)
					got = append(got, customersOf(t, takeQueue(t, server))...)
					if a.code != 0 || strings.Contains(a.stderr, "rejected") {
						t.Fatalf("mended: %+v of %q", a, mended)
					}
				}
				want := map[customer]int{}
				for _, e := range entries {
					want[e.meant]++
				}
				arrived := map[customer]int{}
				for _, c := range got {
					arrived[c]++
				}
				if diff := cmp.Diff(want, arrived); diff != "" {
					t.Fatalf("other records (-want +got):\n%s\nof %q", diff, content)
				}
			})
		})
	}
}

// mend replaces each rejected row by the customer that was meant.
func mend(t *rapid.T, d dialect, rejects string, entries []entry) string {
	text, err := os.ReadFile(rejects)
	must(t, err)
	reasons, err := os.ReadFile(reasonsOf(rejects))
	must(t, err)
	all, err := csv.NewReader(bytes.NewReader(reasons)).ReadAll()
	must(t, err)
	body, marked := strings.CutPrefix(string(text), "\ufeff")
	lines := splitLines(body)
	var b strings.Builder
	if marked {
		b.WriteString("\ufeff")
	}
	next, row := 1, 1 // line of the rejects, row of the reasons
	for _, e := range entries {
		if !e.faulty {
			continue
		}
		if row == len(all) {
			t.Fatalf("no reason for line %d:\n%s", e.line, reasons)
		}
		begin, err := strconv.Atoi(all[row][0])
		must(t, err)
		if all[row][1] != fmt.Sprint(e.line) || begin < next || begin > len(lines) {
			t.Fatalf("line %d is rejected, with a reason for\n%q\nof %q", e.line, all[row], text)
		}
		b.WriteString(strings.Join(lines[next-1:begin-1], ""))
		written := d.written(e)
		raw := strings.TrimSuffix(strings.Join(lines[begin-1:min(len(lines), begin+countEnds(written))], ""), "\n")
		if d.indent {
			var compact bytes.Buffer
			must(t, json.Compact(&compact, []byte(written)))
			written = compact.String()
			raw = strings.TrimSuffix(lines[begin-1], "\n")
		}
		if raw != written && !d.sheet {
			t.Fatalf("line %d of the rejects has %q, want %q", begin, raw, written)
		}
		e.fields = []string{e.meant.CustomerID, e.meant.Name, e.meant.Email, e.meant.CreatedAt}
		b.WriteString(d.mended(e) + "\n")
		next, row = begin+max(1, countEnds(raw)+1), row+1
	}
	if row != len(all) || next != len(lines)+1 {
		t.Fatalf("more is rejected than is wrong: %q\n%s", text, reasons)
	}
	return b.String()
}

// mended is an entry on a line of its own.
func (d dialect) mended(e entry) string {
	d.indent = false
	return d.written(e)
}
