package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// fate is what must become of a row.
type fate int

const (
	isSent fate = iota
	isRejected
	isInvalid // rejected if it is validated
	isSkipped // an error ends the load, which is continued behind the line
	isBlank
)

// line is a row of a file. It has a mark of its own.
type line struct {
	number int
	mark   string
	text   string
	fate   fate
}

// drawLines returns a file with random faults. Only its last rows have a quote that
// stays open: what follows one cannot be told from its field.
func drawLines(t *rapid.T, asCSV bool) (text string, lines []line) {
	newline := rapid.SampledFrom([]string{"\n", "\r\n", "\r"}).Draw(t, "newline")
	huge := rapid.IntRange(0, 9).Draw(t, "huge") == 0
	var b strings.Builder
	add := func(l line) {
		l.number = 1 + countEnds(b.String())
		b.WriteString(l.text + newline)
		lines = append(lines, l)
	}
	if asCSV {
		b.WriteString("customerId,name,email,createdAt" + newline)
	}
	for i := range rapid.IntRange(1, 40).Draw(t, "rows") {
		l := line{mark: fmt.Sprintf("row%d.", i)}
		if asCSV {
			l.text, l.fate = drawRow(t, l.mark)
		} else if l.text, l.fate = drawObject(t, l.mark); i == 0 {
			l.text, l.fate = `{"customerId":"`+l.mark+rest, isSent // or the file may be doomed
		}
		if huge && i == 0 {
			l.text, l.fate = l.mark+strings.Repeat("x", 17<<20), isSkipped
		}
		add(l)
	}
	if asCSV && rapid.Bool().Draw(t, "unclosed") {
		add(line{mark: "open.", text: `open.,"A,a@quillmarsh.net,2024`, fate: isSkipped})
		for i := range rapid.IntRange(1, 3).Draw(t, "swallowed") {
			mark := fmt.Sprintf("behind%d.", i)
			add(line{mark: mark, text: mark + ",A,a@quillmarsh.net,2024", fate: isSent})
		}
	}
	text = b.String()
	if rapid.Bool().Draw(t, "no final newline") && lines[len(lines)-1].fate != isBlank {
		text = strings.TrimSuffix(text, newline)
	}
	return text, lines
}

func drawRow(t *rapid.T, mark string) (string, fate) {
	switch rapid.IntRange(0, 12).Draw(t, "row") {
	case 0:
		return mark + ",A,a@quillmarsh.net", isRejected
	case 1:
		return mark + ",A,a@quillmarsh.net,2024,x", isRejected
	case 2:
		return mark + ",\xe9,a@quillmarsh.net,2024", isRejected
	case 3:
		return mark + `,A "B" C,a@quillmarsh.net,2024`, isRejected
	case 4:
		return mark + `, "A",a@quillmarsh.net,2024`, isRejected
	case 5:
		return rapid.SampledFrom([]string{"", " \t", ",,,", ", ,"}).Draw(t, "blank"), isBlank
	case 6:
		return mark + ",A,nowhere,2024", isInvalid
	case 7:
		return mark + "," + strings.Repeat("x", 3000) + ",a@quillmarsh.net,2024", isInvalid
	case 8:
		return mark + ",\"A\r\n\"\"B\"\"\n\rC\",a@quillmarsh.net,2024", isSent
	}
	return mark + ",A,a@quillmarsh.net,2024", isSent
}

// rest is an object but for the beginning of its customerId.
const rest = `","name":"A","email":"a@quillmarsh.net","createdAt":"2024"}`

func drawObject(t *rapid.T, mark string) (string, fate) {
	switch rapid.IntRange(0, 9).Draw(t, "object") {
	case 0:
		return `{"customerId":"` + mark, isInvalid
	case 1:
		return mark, isInvalid
	case 2:
		return `{"customerId":"` + mark + "\xe9" + rest, isRejected
	case 3:
		return rapid.SampledFrom([]string{"", " \t"}).Draw(t, "blank"), isBlank
	case 4:
		return `{"x":"` + strings.Repeat("x", 3000) + `","customerId":"` + mark + rest, isInvalid
	}
	return `{"customerId":"` + mark + rest, isSent
}

var (
	skipTo     = regexp.MustCompile(`line (\d+): .*or skip it with --from-line (\d+)`)
	loggedLine = regexp.MustCompile(`"line":(\d+)`)
)

// account is what became of a file, as far as it was told.
type account struct {
	marks    []string // of the bodies in the queue
	sent     int      // as the summaries say
	rejected []int    // lines
	skipped  []int    // lines
	blank    int
}

// TestEveryRowIsSentOrReported loads files with random faults, and behind each row that
// ends a load, continues where it says. Every row is then in the queue, or its line is
// reported, and nothing is twice.
func TestEveryRowIsSentOrReported(t *testing.T) {
	server := ownQueue(t)
	t.Setenv("MAX_RECORD_BYTES", "2000")
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		asCSV := rapid.Bool().Draw(t, "csv")
		text, lines := drawLines(t, asCSV)
		input := filepath.Join(dir, "input")
		must(t, os.WriteFile(input, []byte(text), 0o600))
		flags := []string{"--allow-invalid", "100%", "--batch", strconv.Itoa(rapid.IntRange(1, 20).Draw(t, "batch")), "--format", "ndjson"}
		if asCSV {
			flags[len(flags)-1] = "csv"
		}
		validated := rapid.Bool().Draw(t, "validate")
		if validated {
			flags = append(flags, "--validate")
		}
		if rapid.Bool().Draw(t, "rejects") {
			flags = append(flags, "--rejects", filepath.Join(dir, "rejects"))
		}
		from := 1
		if rapid.Bool().Draw(t, "from a line") {
			from = rapid.SampledFrom(lines).Draw(t, "first").number
		}

		got := loadAll(t, append([]string{"load", input}, flags...), from)
		for _, body := range takeQueue(t, server) {
			got.marks = append(got.marks, markOf(body))
		}
		want := expected(lines, from, validated)
		if got.sent != len(got.marks) {
			t.Fatalf("%d records are said to be sent, of %q", got.sent, got.marks)
		}
		got.sent, want.sent = 0, 0
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("got  %+v\nwant %+v\nof %.3000q from line %d", got, want, text, from)
		}

		// A dry run, which validates, says the same of the same file.
		dry := loadAll(t, append([]string{"load", input, "--dry-run"}, flags...), from)
		want = expected(lines, from, true)
		if dry.sent != len(want.marks) || !slices.Equal(dry.rejected, want.rejected) || !slices.Equal(dry.skipped, want.skipped) {
			t.Fatalf("dry run: got %+v\nwant %+v\nof %.3000q from line %d", dry, want, text, from)
		}
		if len(takeQueue(t, server)) > 0 {
			t.Fatal("a dry run sends")
		}
	})
}

func markOf(body string) string {
	return regexp.MustCompile(`(row\d+|open|behind\d+)\.`).FindString(body)
}

func expected(lines []line, from int, validated bool) (want account) {
	for _, l := range lines {
		switch {
		case l.number < from:
		case l.fate == isBlank:
			want.blank++
		case l.fate == isSkipped:
			want.skipped = append(want.skipped, l.number)
		case l.fate == isRejected, l.fate == isInvalid && validated:
			want.rejected = append(want.rejected, l.number)
		default:
			want.marks = append(want.marks, l.mark)
		}
	}
	return want
}

// loadAll loads a file from a line on to its end.
func loadAll(t *rapid.T, args []string, from int) (all account) {
	rejects := ""
	if i := slices.Index(args, "--rejects"); i >= 0 {
		rejects = args[i+1]
		_ = os.Remove(rejects)
		_ = os.Remove(reasonsOf(rejects))
	}
	for tries := 0; ; tries++ {
		a := execute(t, append(args, "--from-line", strconv.Itoa(from), "--summary", "-")...)
		var s summary
		must(t, json.Unmarshal([]byte(a.stdout[strings.LastIndexByte(strings.TrimSpace(a.stdout), '\n')+1:]), &s))
		all.sent, all.blank = all.sent+s.Sent, all.blank+s.Blank
		logged := loggedLine.FindAllStringSubmatch(a.stdout, -1)
		if s.Rows != s.Sent+s.Rejected || rejects == "" && s.Rejected != len(logged) || s.ExitCode != a.code {
			t.Fatalf("the summary is %+v, with %d rows logged\n%s", s, len(logged), a.stderr)
		}
		if rejects == "" {
			for _, line := range logged {
				all.rejected = append(all.rejected, number(t, line[1]))
			}
		}
		if a.code == 0 {
			break
		}
		found := skipTo.FindStringSubmatch(a.stderr)
		if a.code != 1 || found == nil || tries > 10 {
			t.Fatalf("%+v", a)
		}
		all.skipped, from = append(all.skipped, number(t, found[1])), number(t, found[2])
	}
	if text, err := os.ReadFile(reasonsOf(rejects)); rejects != "" && err == nil {
		rows, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
		must(t, err)
		for _, row := range rows[1:] {
			all.rejected = append(all.rejected, number(t, row[1]))
		}
	}
	return all
}

func number(t *rapid.T, text string) int {
	n, err := strconv.Atoi(text)
	must(t, err)
	return n
}
