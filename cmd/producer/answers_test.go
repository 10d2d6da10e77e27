package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
)

const (
	headerLine = "customerId,name,email,createdAt\n"
	goodLine   = "1,Ada,ada@quillmarsh.net,2024-01-15\n"
)

// write returns the path of a new file.
func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	must(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func (a answer) want(t *testing.T, code int, says ...string) {
	t.Helper()
	if a.code != code {
		t.Errorf("exit code %d, want %d", a.code, code)
	}
	for _, part := range says {
		if !strings.Contains(a.stderr+a.stdout, part) {
			t.Errorf("it does not say %q", part)
		}
	}
	if t.Failed() {
		t.Fatalf("%s\n%s", a.stdout, a.stderr)
	}
}

// withoutRedis makes sure that a command waits for Redis longer than a test may take.
func withoutRedis(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, l.Close())
	t.Setenv("REDIS_URL", "redis://"+l.Addr().String())
	t.Setenv("STARTUP_TIMEOUT_SEC", "3600")
	t.Chdir(t.TempDir())
}

// TestDoomedFilesNeedNoRedis: what is wrong with a file is told without waiting for
// Redis.
func TestDoomedFilesNeedNoRedis(t *testing.T) {
	withoutRedis(t)
	for name, c := range map[string]struct {
		content string
		args    []string
		says    string
	}{
		"missing columns":   {"a,b\n1,2\n", nil, "there is no such column"},
		"truncated":         {string(zipped([]byte(goodLine))[:20]), nil, "truncated; repeat"},
		"first row":         {headerLine + "\"1,A\n2,B\n", nil, "mend it and repeat the command, or skip it with --from-line 3"},
		"past the end":      {headerLine + goodLine, []string{"--from-line", "9"}, "line 9 is past the end"},
		"inside a record":   {headerLine + "\"1\n\"" + goodLine[1:], []string{"--from-line", "3"}, "inside the record"},
		"a web page":        {"<html>", nil, "web page"},
		"empty":             {"", nil, "the file is empty"},
		"blank":             {"\n \n", nil, "the file is empty"},
		"empty without one": {"", []string{"--no-header", "customerId,name,email,createdAt"}, "the file is empty"},
		"empty of a format": {"\ufeff", []string{"--format", "json"}, "the file is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, more := range [][]string{nil, {"--dry-run"}, {"--preview", "3"}} {
				execute(t, append(append([]string{"load", write(t, "x", c.content)}, c.args...), more...)...).want(t, 1, strings.Split(c.says, "; ")...)
			}
		})
	}
}

func TestFilesWithoutRecords(t *testing.T) {
	ownQueue(t)
	for name, c := range map[string]struct {
		content string
		args    []string
		says    string
	}{
		"header alone":      {headerLine, nil, "the file has a header, but no rows"},
		"spreadsheet":       {string(dialect{sheet: true, header: true}.workbook(nil)), nil, "the file has a header, but no rows"},
		"empty array":       {"[]", nil, "the file has no records"},
		"rows of commas":    {",,,\n", []string{"--no-header", "customerId,name,email,createdAt"}, "the file has no records"},
		"all loaded before": {headerLine + goodLine, []string{"--from-line", "3"}, "no record begins on line 3 or after it"},
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, "x", c.content)
			for _, more := range [][]string{nil, {"--dry-run"}} {
				execute(t, append(append([]string{"load", path}, c.args...), more...)...).want(t, 0, "note: "+c.says, "0 records")
			}
			a := execute(t, append(append([]string{"load", path}, c.args...), "--preview", "2")...)
			a.want(t, 0, c.says+": there is nothing to show")
			if strings.Contains(a.stdout, "accepted") || strings.Contains(a.stdout, "LINE") {
				t.Errorf("it shows an empty table:\n%s", a.stdout)
			}
		})
	}
}

func TestWhatToDoAboutAnUnreadableLine(t *testing.T) {
	ownQueue(t)
	const good = `{"customerId":"1","name":"A","email":"a@quillmarsh.net","createdAt":"2024"}`
	for name, c := range map[string]struct{ content, says string }{
		"JSON is wrong":           {"[" + good + ",\n{,}]", "once that is mended, continue with --from-line 2"},
		"JSON is wrong, at once":  {"[{,}]", "once that is mended, repeat the command"},
		"JSON ends":               {"[" + good + ",\n{", "the file ends within a JSON value; once the file is complete, continue with --from-line 2"},
		"a quote that stays open": {headerLine + goodLine + "\"2\n3\n", "mend it and continue with --from-line 3, or skip it with --from-line 4"},
	} {
		t.Run(name, func(t *testing.T) {
			a := execute(t, "load", write(t, "x", c.content), "--dry-run")
			a.want(t, 1, c.says)
			if said := strings.Count(a.stderr, "complete"); said != strings.Count(c.says, "complete") {
				t.Errorf("it speaks of an incomplete file:\n%s", a.stderr)
			}
		})
	}
}

func TestPreviewWritesNoFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	path := write(t, "x.csv", headerLine+goodLine)
	execute(t, "load", path, "--preview", "1", "--rejects", "r", "--summary", "-").want(t, 2, "--preview: a preview writes no files: leave out --rejects and --summary")
	execute(t, "load", path, "--preview", "1", "--summary", "s").want(t, 2, "leave out --summary,")
	execute(t, "load", path, "--preview", "1").want(t, 0, "1 row shown")
}

func TestRejectsAreRegularFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	path := write(t, "x.csv", headerLine+goodLine)
	link := filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink(os.DevNull, link))
	must(t, os.Symlink(os.DevNull, link+"2.reasons"))
	for _, name := range []string{link, link + "2", t.TempDir()} {
		execute(t, "load", path, "--dry-run", "--rejects", name).want(t, 2, "--rejects: ", "is not a regular file")
	}
	for _, name := range []string{link + ".reasons", link + "2"} {
		if _, err := os.Lstat(name); !os.IsNotExist(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRejectsAreAppendedOnLinesOfTheirOwn: the user may have mended the rejects of the
// load that is continued, in an editor that leaves out the last line end.
func TestRejectsAreAppendedOnLinesOfTheirOwn(t *testing.T) {
	t.Chdir(t.TempDir())
	path := write(t, "x.csv", headerLine+"1,A\n2,B")
	must(t, os.WriteFile("r", []byte(headerLine+"1,A\r\"\n\",c,d"), 0o600))
	must(t, os.WriteFile("r.reasons", []byte("rejectsLine,line,reason\n2,2,few"), 0o600))
	execute(t, "load", path, "--dry-run", "--rejects", "r", "--from-line", "3").want(t, 1)
	rows, err := os.ReadFile("r")
	must(t, err)
	reasons, err := os.ReadFile("r.reasons")
	must(t, err)
	if want := headerLine + "1,A\r\"\n\",c,d\n2,B\n"; string(rows) != want {
		t.Errorf("the rows are %q, want %q", rows, want)
	}
	if want := "rejectsLine,line,reason\n2,2,few\n5,3,"; !strings.HasPrefix(string(reasons), want) {
		t.Errorf("the reasons are %q, want %q", reasons, want)
	}
}

func TestMarkWinsOverEncoding(t *testing.T) {
	ownQueue(t)
	path := write(t, "x.csv", "\ufeff"+headerLine+strings.Replace(goodLine, "Ada", "Zoë", 1))
	execute(t, "load", path, "--preview", "1", "--encoding", "latin1").want(t, 0, "Zoë ", "note: the file begins with the byte order mark of UTF-8, and is not read as latin1")
	execute(t, "load", path, "--dry-run", "--encoding", "latin1").want(t, 0, "1 record", "note: the file begins with the byte order mark")
}

// TestRejectsOfJSONKeepTheirValues: only the space between the parts of a value is left
// out. An array is put into another, since its elements would be read as records.
func TestRejectsOfJSONKeepTheirValues(t *testing.T) {
	t.Chdir(t.TempDir())
	const object = `{"customerId":"1","name":"A","email":"a@quillmarsh.net","createdAt":"2024"}`
	path := write(t, "x.json", "["+object+",\r\n{ \"a\" : \"\xff \\u00e9\\/<&\",\r\n\"a\":\t1.0e+05,\n\"b\": 12345678901234567890 } , [ 1,\n\"x\" ],\n{}]")
	execute(t, "load", path, "--dry-run", "--rejects", "r").want(t, 1, "3 rejected")
	got, err := os.ReadFile("r")
	must(t, err)
	if want := "{\"a\":\"\xff \\u00e9\\/<&\",\"a\":1.0e+05,\"b\":12345678901234567890}\n[[1,\"x\"]]\n{}\n"; string(got) != want {
		t.Errorf("the rejects are\n%q, want\n%q", got, want)
	}
}

// TestNotesAboutRows: what the reader notes about cells is told, once for a column.
func TestNotesAboutRows(t *testing.T) {
	t.Chdir(t.TempDir())
	f := excelize.NewFile()
	defer f.Close()
	whole, err := f.NewStyle(&excelize.Style{NumFmt: 1})
	must(t, err)
	must(t, f.SetSheetRow("Sheet1", "A1", &[]any{"customerId", "name", "email", "createdAt"}))
	for _, row := range []string{"A2", "A3"} {
		must(t, f.SetSheetRow("Sheet1", row, &[]any{42.4, "Ada", "ada@quillmarsh.net", "2024"}))
		must(t, f.SetCellStyle("Sheet1", row, row, whole))
	}
	content, err := f.WriteToBuffer()
	must(t, err)
	path := write(t, "x.xlsx", content.String())
	for _, args := range [][]string{{"--dry-run"}, {"--preview", "2"}} {
		a := execute(t, append([]string{"load", path}, args...)...)
		a.want(t, 0, "note: line 2, column 1 (customerId): numbers in the format 0 are read as they are stored")
		if n := strings.Count(a.stdout+a.stderr, "note: "); n != 1 {
			t.Errorf("%d notes:\n%s%s", n, a.stdout, a.stderr)
		}
	}
}
