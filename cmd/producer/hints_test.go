package main

import (
	"strings"
	"testing"

	"ingestion/producer/file"
)

// TestHintsProposeNothingThatIsGiven: a flag that is given is no advice, except to
// change it.
func TestHintsProposeNothingThatIsGiven(t *testing.T) {
	for hint, c := range map[file.Hint]struct {
		flag, value   string
		without, with string
	}{
		file.HintDelimiter: {"--delimiter", ";", "--delimiter says what", "another --delimiter may fit"},
		file.HintEncoding:  {"--encoding", "latin1", "--encoding says how", "another --encoding may fit"},
		file.HintFormat:    {"--format", "csv", "--format says what", "another --format may fit"},
		file.HintSheet:     {"--sheet", "A", "--sheet names", ""},
		file.HintTime:      {"--time-format", "unix", "--time-format says how createdAt is written", ""},
		file.HintHeader:    {"--preset", "stripe", "--map, --preset or --no-header say what the columns are", "--map or --no-header say what the columns are"},
		file.HintFields:    {"--preset", "stripe", "--map or --preset say which columns", "--map says which columns"},
		file.HintMembers:   {"--preset", "stripe", "--map or --preset say which members", "--map says which members"},
	} {
		if got := planOf(t).hint(hint); !strings.HasPrefix(got, c.without) {
			t.Errorf("without %s: %q, want %q", c.flag, got, c.without)
		}
		if got := planOf(t, c.flag, c.value).hint(hint); !strings.HasPrefix(got, c.with) || c.with == "" && got != "" {
			t.Errorf("with %s: %q, want %q", c.flag, got, c.with)
		}
	}
}

// TestRejectedTimes: the reason names the column, and the flag once.
func TestRejectedTimes(t *testing.T) {
	t.Chdir(t.TempDir())
	path := write(t, "x.csv", "customerId,name,email,Created\n1,A,a@quillmarsh.net,01/31/2024\n2,B,b@quillmarsh.net,02/28/2024\n3,C,c,03/15/2024\n")
	a := execute(t, "load", path, "--map", "createdAt=Created", "--dry-run")
	a.want(t, 1, "line 2 is rejected: column 4 (Created): createdAt: not an ISO 8601 time such as 2024-01-31T12:00:00Z; --time-format says how createdAt is written",
		"line 3 is rejected: column 4 (Created): createdAt: not an ISO", "line 4 is rejected: email: has no @")
	if n := strings.Count(a.stdout, "--time-format"); n != 1 {
		t.Errorf("--time-format is proposed %d times:\n%s", n, a.stdout)
	}
	execute(t, "load", path, "--map", "createdAt=Created", "--preview", "3").want(t, 0, "note: createdAt: the time format %m/%d/%Y fits")
	execute(t, "load", path, "--map", "createdAt=Created", "--preview", "3", "--time-format", "%d/%m/%Y").want(t, 0, "note: createdAt: the time format %m/%d/%Y fits")
	a = execute(t, "load", path, "--map", "createdAt=Created", "--dry-run", "--time-format", "%d/%m/%Y")
	a.want(t, 1, `column 4 (Created): createdAt: \"01/31/2024\" is not in the time format \"%d/%m/%Y\"`)
	if strings.Contains(a.stdout, "--time-format") {
		t.Errorf("--time-format is proposed though it is given:\n%s", a.stdout)
	}
}

// TestDoomedValuesAreNotSent: nothing is queued of a file whose first records are all
// doomed, unless a flag says so.
func TestDoomedValuesAreNotSent(t *testing.T) {
	server := ownQueue(t)
	path := write(t, "x.csv", headerLine+strings.Repeat("1,A,a@quillmarsh.net,01/31/2024\n", 200))
	workbook := write(t, "x.xlsx", string(dialect{sheet: true, header: true}.workbook([]entry{{fields: []string{"1", "A", "a@quillmarsh.net", "01/31/2024"}}})))
	for _, c := range []struct {
		args []string
		sent int
		code int
		says string
	}{
		{[]string{path}, 0, 1, "producer: the worker would refuse all of the first 100 records: line 2, column 4 (createdAt): not an ISO 8601 time such as 2024-01-31T12:00:00Z; the time format %m/%d/%Y fits; --time-format says how createdAt is written; with --format the file is sent as it is"},
		{[]string{path, "--map", "createdAt='01/31/2024'"}, 0, 1, "line 2 (createdAt): not an ISO 8601 time such as 2024-01-31T12:00:00Z; the time format %m/%d/%Y fits; change it in --map; with --format"},
		{[]string{path, "--time-format", "%d/%m/%Y"}, 0, 1, "; the time format %m/%d/%Y fits; change --time-format; with --format"},
		{[]string{workbook}, 0, 1, "would refuse the first record: line 2, column 4 (createdAt): "},
		{[]string{path, "--time-format", "%m/%d/%Y"}, 200, 0, ""},
		{[]string{path, "--format", "csv"}, 200, 0, ""},
		{[]string{path, "--validate"}, 0, 1, "200 of 200 rows rejected"},
	} {
		execute(t, append([]string{"load"}, c.args...)...).want(t, c.code, c.says)
		if sent := takeQueue(t, server); len(sent) != c.sent {
			t.Errorf("%v: %d records are queued, want %d", c.args, len(sent), c.sent)
		}
	}
}
