package main_test

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ingestion/internal/test/env"
)

const goodRow = "1,Zoë,z@quillmarsh.net,2024-01-01\n"

// mixed has three good rows, and rows with faults of each kind on lines 3, 4, 6 and 8.
const mixed = "customerId,name,email,createdAt\n" +
	goodRow +
	"2,,z@quillmarsh.net,2024-01-01\n" + // the worker would refuse it
	"3,Ann,a@quillmarsh.net\n" + // a field is missing
	"4,Ben,b@quillmarsh.net,2024\n" +
	"5,\"Two\nlines\",none,2024\n" + // no address
	"6,Lovelace, Ada,l@quillmarsh.net,2024\n" + // a field too many
	"7,Eve,e@quillmarsh.net,2024\n"

// nobody is an address at which no Redis listens.
const nobody = "redis://127.0.0.1:1"

func TestRejectedRowsMakeItFail(t *testing.T) {
	server := env.Redis(t)
	path := file(t, "c.csv", mixed)
	for name, c := range map[string]struct {
		args []string
		code int
		sent int
		says []string
	}{
		"rows that are no records":    {nil, 1, 5, []string{"5 records sent", "2 rejected", "2 of 7 rows rejected; --allow-invalid allows none"}},
		"records that are refused":    {[]string{"--validate"}, 1, 3, []string{"3 records sent", "4 rejected", "4 of 7 rows rejected"}},
		"as many as allowed":          {[]string{"--validate", "--allow-invalid", "4"}, 0, 3, []string{"4 rejected"}},
		"one more than allowed":       {[]string{"--validate", "--allow-invalid", "3"}, 1, 3, []string{"--allow-invalid allows 3"}},
		"a share that is allowed":     {[]string{"--validate", "--allow-invalid", "57.2%"}, 0, 3, nil},
		"a share that is not allowed": {[]string{"--validate", "--allow-invalid", "57%"}, 1, 3, []string{"--allow-invalid allows 57%"}},
		"dry run":                     {[]string{"--dry-run"}, 1, 0, []string{"dry run: 3 records would be sent, 4 rejected"}},
	} {
		if err := server.Client(t).Del(t.Context(), "s").Err(); err != nil {
			t.Fatal(err)
		}
		t.Log(name)
		p := run(t, server.URL(), nil, append([]string{"load", path}, c.args...)...)
		wantExit(t, p, c.code, c.says...)
		if _, bodies := queue(t, server); len(bodies) != c.sent {
			t.Errorf("%s: %d records are queued, want %d", name, len(bodies), c.sent)
		}
	}
}

func TestRejectsCanBeMendedAndLoaded(t *testing.T) {
	server := env.Redis(t)
	dir := t.TempDir()
	rejects := filepath.Join(dir, "rejects.csv")
	p := run(t, server.URL(), nil, "load", file(t, "c.csv", mixed), "--validate", "--rejects", rejects)
	wantExit(t, p, 1, "they are in "+rejects, rejects+".reasons")
	want := "customerId,name,email,createdAt\n" +
		"2,,z@quillmarsh.net,2024-01-01\n" + "3,Ann,a@quillmarsh.net\n" + "5,\"Two\nlines\",none,2024\n" + "6,Lovelace, Ada,l@quillmarsh.net,2024\n"
	if got := content(t, rejects); got != want {
		t.Errorf("the rejected rows are\n%s\nwant\n%s", got, want)
	}
	reasons, err := csv.NewReader(strings.NewReader(content(t, rejects+".reasons"))).ReadAll()
	if err != nil || len(reasons) != 5 || !slices.Equal(reasons[0], []string{"rejectsLine", "line", "reason"}) {
		t.Fatalf("the reasons are %q (%v)", reasons, err)
	}
	for i, want := range [][]string{{"2", "3", "name"}, {"3", "4", "3 fields, the header has 4"}, {"4", "6", "email"}, {"6", "8", "5 fields, the header has 4"}} {
		if got := reasons[i+1]; got[0] != want[0] || got[1] != want[1] || !strings.Contains(got[2], want[2]) || strings.Contains(got[2], "line") {
			t.Errorf("reason %d is %q, want %q", i+1, got, want)
		}
	}

	mended := strings.NewReplacer("2,,", "2,Bo,", "quillmarsh.net\n", "quillmarsh.net,2024\n", "none", "t@quillmarsh.net", "Lovelace, Ada", `"Lovelace, Ada"`).Replace(want)
	if err := os.WriteFile(rejects, []byte(mended), 0o600); err != nil {
		t.Fatal(err)
	}
	wantExit(t, run(t, server.URL(), nil, "load", rejects, "--validate"), 0, "4 records sent")
	if _, bodies := queue(t, server); len(bodies) != 7 {
		t.Errorf("%d records are queued in the end, want 7", len(bodies))
	}
}

func TestRejectsOfJSONLines(t *testing.T) {
	good := `{"customerId":"1","name":"A","email":"a@quillmarsh.net","createdAt":"2024"}` + "\n"
	bad := `{"customerId":"2","name":"B"}` + "\n" + "nonsense\n"
	rejects := filepath.Join(t.TempDir(), "rejects")
	p := run(t, nobody, nil, "load", file(t, "c.ndjson", good+bad+good), "--dry-run", "--rejects", rejects)
	wantExit(t, p, 1, "2 records would be sent, 2 rejected")
	if got := content(t, rejects); got != bad {
		t.Errorf("the rejected rows are\n%s\nwant\n%s", got, bad)
	}
	reasons := content(t, rejects+".reasons")
	for _, want := range []string{"\n1,2,", "\n2,3,"} {
		if !strings.Contains(reasons, want) {
			t.Errorf("the reasons lack %q:\n%s", want, reasons)
		}
	}

	// A load that goes well leaves no file, not even that of the last one.
	wantExit(t, run(t, nobody, nil, "load", file(t, "c.ndjson", good), "--dry-run", "--rejects", rejects), 0)
	for _, name := range []string{rejects, rejects + ".reasons"} {
		if _, err := os.Stat(name); !os.IsNotExist(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A load that is continued appends to its rejects.
func TestRejectsOfAContinuedLoad(t *testing.T) {
	rejects := filepath.Join(t.TempDir(), "rejects.csv")
	path := file(t, "c.csv", mixed)
	whole := run(t, nobody, nil, "load", path, "--dry-run", "--rejects", rejects)
	wantExit(t, whole, 1)
	rows, reasons := content(t, rejects), content(t, rejects+".reasons")

	first := strings.Join(strings.SplitAfter(mixed, "\n")[:4], "") // up to line 4
	wantExit(t, run(t, nobody, nil, "load", file(t, "c.csv", first), "--dry-run", "--rejects", rejects), 1)
	wantExit(t, run(t, nobody, nil, "load", path, "--dry-run", "--rejects", rejects, "--from-line", "5"), 1)
	if got := content(t, rejects); got != rows {
		t.Errorf("the rejected rows are\n%s\nwant\n%s", got, rows)
	}
	if got := content(t, rejects+".reasons"); got != reasons {
		t.Errorf("the reasons are\n%s\nwant\n%s", got, reasons)
	}
}

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestSummaryAsJSON(t *testing.T) {
	server := env.Redis(t)
	result := filepath.Join(t.TempDir(), "result.json")
	path := file(t, "c.csv", mixed)
	type summary struct {
		File, Format, Queue, Error                           string
		DryRun                                               bool
		Rows, Sent, Rejected, BlankLines, NextLine, ExitCode int
		Seconds                                              float64
	}
	p := run(t, server.URL(), nil, "load", path, "--validate", "--summary", result)
	wantExit(t, p, 1)
	var got summary
	if err := json.Unmarshal([]byte(content(t, result)), &got); err != nil {
		t.Fatal(err)
	}
	if got.Seconds <= 0 || !strings.Contains(got.Error, "4 of 7 rows rejected") {
		t.Errorf("the summary is %+v", got)
	}
	got.Seconds, got.Error = 0, ""
	if want := (summary{File: path, Format: "csv", Queue: "s", Rows: 7, Sent: 3, Rejected: 4, NextLine: 10, ExitCode: 1}); got != want {
		t.Errorf("the summary is %+v, want %+v", got, want)
	}

	p = start(t, nobody, nil, []string{"load", "-", "--dry-run", "--summary", "-"}, env.WithStdin("customerId,name,email,createdAt\n\n"+goodRow))
	wantExit(t, p, 0, "dry run: 1 record would be sent, 1 blank line")
	lines := p.Lines()
	got = summary{}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &got); err != nil {
		t.Fatal(err)
	}
	got.Seconds = 0
	if want := (summary{File: "-", Format: "csv", DryRun: true, Rows: 1, Sent: 1, BlankLines: 1, NextLine: 4}); got != want {
		t.Errorf("the summary is %+v, want %+v", got, want)
	}

	p = run(t, server.URL(), nil, "load", file(t, "good.csv", "customerId,name,email,createdAt\n"+goodRow), "--summary", filepath.Join(result, "x"))
	wantExit(t, p, 2, "--summary: ")
}

func TestWarnsOfCustomersOverTheirLimit(t *testing.T) {
	server := env.Redis(t)
	text := "customerId,name,email,createdAt\n" + strings.Repeat(goodRow, 8) + strings.Replace(goodRow, "1", "2", 1)
	path := file(t, "c.csv", text)
	for name, c := range map[string]struct {
		environ []string
		says    string // empty: no warning
	}{
		"list":                    {[]string{"QUEUE_MODE=list"}, "drops those over it"},
		"stream":                  {nil, "drops those over it"},
		"dead letters":            {[]string{"RATE_LIMIT_POLICY=dead-letter"}, "refuses those over it"},
		"deferred":                {[]string{"RATE_LIMIT_POLICY=defer"}, ""},
		"no limit":                {[]string{"RATE_LIMIT_LIMIT=0"}, ""},
		"as many as the limit":    {[]string{"RATE_LIMIT_LIMIT=8"}, ""},
		"validated, in list mode": {[]string{"QUEUE_MODE=list", "VALIDATE=1"}, "drops those over it"},
	} {
		args := []string{"load", path}
		if slices.Contains(c.environ, "VALIDATE=1") {
			args = append(args, "--validate")
		}
		p := run(t, server.URL(), c.environ, args...)
		wantExit(t, p, 0)
		warnings := events(t, p, "warning")
		switch {
		case c.says == "" && (len(warnings) > 0 || strings.Contains(p.Stderr(), "limit")):
			t.Errorf("%s: %+v\n%s", name, warnings, p.Stderr())
		case c.says != "" && (len(warnings) != 1 || !strings.Contains(warnings[0].Reason, c.says) || !strings.Contains(warnings[0].Reason, "RATE_LIMIT_LIMIT, 5 in 1m0s")):
			t.Errorf("%s: %+v", name, warnings)
		case c.says != "" && !strings.Contains(p.Stderr(), ", 3 over the limit of their customers"):
			t.Errorf("%s: %s", name, p.Stderr())
		}
	}
}

func TestFaultsOfFlags(t *testing.T) {
	path := file(t, "c.csv", mixed)
	for _, c := range []struct{ flag, value, says string }{
		{"format", "xml", `--format: "xml" is not one of ndjson, csv, json, xlsx`},
		{"encoding", "ebcdic", `--encoding: unknown encoding "ebcdic": want utf-8, `},
		{"delimiter", "ab", `--delimiter: "ab" is not one character other than a quote, or tab`},
		{"delimiter", `"`, `--delimiter: `},
		{"no-header", "a,,b", `--no-header: "a,,b": column 2 has no name`},
		{"no-header", "a,a", `--no-header: "a,a" names the column "a" twice`},
		{"map", "customerId", `--map: "customerId" is not field=columns`},
		{"map", "custmerId=x", `--map: `},
		{"preset", "shopfy", `--preset: there is no preset "shopfy"`},
		{"time-format", "%Q", `--time-format: `},
		{"time-zone", "Mars/Olympus", `--time-zone: "Mars/Olympus" is not a time zone`},
		{"allow-invalid", "few", `--allow-invalid: "few" is neither a number of rows nor a percentage`},
		{"allow-invalid", "-1", `--allow-invalid: `},
		{"allow-invalid", "101%", `--allow-invalid: "101%" is not a percentage from 0% to 100%`},
		{"allow-invalid", "NaN%", `--allow-invalid: `},
		{"allow-invalid", "-0%", `--allow-invalid: "-0%" is not a percentage`},
		{"allow-invalid", "1e400%", `--allow-invalid: `},
		{"allow-invalid", "0x1p-2%", `--allow-invalid: `},
		{"allow-invalid", "-0", `--allow-invalid: `},
		{"source", "a\nb", `--source: `},
		{"source", strings.Repeat("x", 256), `--source: 256 bytes are too many: want at most 255`},
		{"rate", "-1", `--rate: `},
		{"from-line", "0", `--from-line: 0 is out of range`},
		{"batch", "0", `--batch: 0 is out of range`},
		{"preview", "0", `--preview: 0 is out of range`},
	} {
		p := run(t, nobody, nil, "load", path, "--"+c.flag, c.value)
		wantExit(t, p, 2, c.says)
		if n := strings.Count(p.Stderr(), "--"+c.flag+":"); n != 1 {
			t.Errorf("--%s %s is blamed %d times:\n%s", c.flag, c.value, n, p.Stderr())
		}
	}
	p := run(t, nobody, nil, "load", path, "--rejects", filepath.Join(path, "x"), "--dry-run")
	wantExit(t, p, 2, "--rejects: ")
}

func TestPreview(t *testing.T) {
	p := run(t, nobody, nil, "load", file(t, "c.csv", strings.Replace(mixed, "customerId,", "Customer ID,", 1)), "--preview", "4")
	wantExit(t, p, 0)
	got := strings.Join(p.Lines(), "\n")
	for _, want := range []string{
		"LINE  customerId  name  email             createdAt\n",
		"2     1           Zoë   z@quillmarsh.net  2024-01-01\n",
		"3     2                 z@quillmarsh.net  2024-01-01\n      rejected: name: ",
		"\n      rejected: 3 fields, the header has 4\n",
		"note: column \"Customer ID\" is read as customerId\n",
		"4 rows shown, of which 2 would be rejected",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the preview lacks %q:\n%s", want, got)
		}
	}
	if strings.Contains(got, "Eve") {
		t.Errorf("the preview has more than 4 rows:\n%s", got)
	}
}

// TestNoFileIsOverwritten: a file that is read, or that another flag names, stays.
func TestNoFileIsOverwritten(t *testing.T) {
	const good = `{"customerId":"1","name":"A","email":"a@b.co","createdAt":"2024-01-15"}` + "\n"
	const bad = "{}\n"
	dir := t.TempDir()
	input := file(t, "c.ndjson", good+bad+good)
	link := filepath.Join(dir, "link")
	if err := os.Symlink(input, link); err != nil {
		t.Fatal(err)
	}
	reasons := filepath.Join(dir, "c.reasons")
	if err := os.WriteFile(reasons, []byte(good), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{input, "--rejects", input},
		{input, "--rejects", link},
		{input, "--summary", link},
		{reasons, "--rejects", filepath.Join(dir, "c")},
		{input, "--rejects", filepath.Join(dir, "new"), "--summary", filepath.Join(dir, "new.reasons")},
	} {
		p := run(t, nobody, nil, append([]string{"load", "--dry-run"}, args...)...)
		wantExit(t, p, 2, "would overwrite")
	}
	if content(t, input) != good+bad+good || content(t, reasons) != good {
		t.Error("an input was overwritten")
	}
}

// TestAnEarlierRejectsFileStays until a load has read its file.
func TestAnEarlierRejectsFileStays(t *testing.T) {
	rejects := filepath.Join(t.TempDir(), "rejects.csv")
	for _, name := range []string{rejects, rejects + ".reasons"} {
		if err := os.WriteFile(name, []byte("half mended\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	load := func(name, text string) *env.Proc {
		return run(t, nobody, nil, "load", file(t, name, text), "--dry-run", "--rejects", rejects)
	}
	wantExit(t, load("refused.csv", "email,phone\na@b.co,1\n"), 1)
	if content(t, rejects) != "half mended\n" || content(t, rejects+".reasons") != "half mended\n" {
		t.Error("a load that was refused has emptied the files")
	}
	wantExit(t, load("bad.csv", "customerId,name,email,createdAt\n1,A,a@b.co,2024,5\n"), 1)
	if got := content(t, rejects); got != "customerId,name,email,createdAt\n1,A,a@b.co,2024,5\n" {
		t.Errorf("the file has %q", got)
	}
	wantExit(t, load("good.csv", "customerId,name,email,createdAt\n1,A,a@b.co,2024-01-15\n"), 0)
	if _, err := os.Stat(rejects); !os.IsNotExist(err) {
		t.Errorf("after a load without rejected rows: %v", err)
	}
}

func TestWhatColumnsAreReadAsIsSaid(t *testing.T) {
	p := run(t, nobody, nil, "load", file(t, "c.csv", "Customer_ID,name,email,createdAt\n1,A,a@b.co,2024-01-15\n"), "--dry-run")
	wantExit(t, p, 0, `note: column "Customer_ID" is read as customerId`)
}
