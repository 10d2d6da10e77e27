package record_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"ingestion/record"
)

const validationPage = "../docs/validation.md"

// row is a row of one of the page's tables. Its cells have no backquotes.
type row struct {
	section string
	line    int
	cells   []string
}

func (r row) name() string { return r.section + ", line " + strconv.Itoa(r.line) + ", " + r.cells[0] }

func readValidationPage(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile(validationPage)
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// validationRows returns the rows of all tables of the page, without the headers.
func validationRows(t *testing.T) []row {
	t.Helper()
	var (
		rows    []row
		section string
		inTable bool
	)
	for i, line := range strings.Split(readValidationPage(t), "\n") {
		switch {
		case strings.HasPrefix(line, "## "):
			section = line[len("## "):]
		case strings.HasPrefix(line, "|---"):
			inTable = true
		case !strings.HasPrefix(line, "|"):
			inTable = false
		case inTable:
			rows = append(rows, row{section, i + 1, cellsOf(line)})
		}
	}
	return rows
}

func cellsOf(line string) []string {
	cells := strings.Split(strings.TrimSuffix(strings.TrimPrefix(line, "| "), " |"), " | ")
	for i, cell := range cells[1:] {
		cells[i+1] = strings.TrimSuffix(strings.TrimPrefix(cell, "`"), "`")
	}
	return cells
}

var (
	repeated = regexp.MustCompile(`(.)\{(\d+)\}`)
	aByte    = regexp.MustCompile(`<([0-9A-F]{2})>`)
)

// spelledOut expands the page's abbreviations x{256} and <FF>.
func spelledOut(t *testing.T, cell string) string {
	t.Helper()
	cell = repeated.ReplaceAllStringFunc(cell, func(m string) string {
		parts := repeated.FindStringSubmatch(m)
		n, err := strconv.Atoi(parts[2])
		if err != nil {
			t.Fatal(err)
		}
		return strings.Repeat(parts[1], n)
	})
	return aByte.ReplaceAllStringFunc(cell, func(m string) string {
		b, err := hex.DecodeString(m[1:3])
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	})
}

// bodyWith returns an ordinary record with one field replaced by JSON, or removed
// if value is "missing".
func bodyWith(t *testing.T, field, value string) []byte {
	t.Helper()
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(ordinary), &fields); err != nil {
		t.Fatal(err)
	}
	if value == "missing" {
		delete(fields, field)
	} else {
		fields[field] = json.RawMessage(value)
	}
	body, err := json.Marshal(fields)
	if err != nil {
		t.Fatalf("%s: %v", value, err)
	}
	return body
}

func storedField(r record.Record, field string) string {
	switch field {
	case "customerId":
		return r.CustomerID
	case "name":
		return r.Name
	case "email":
		return r.Email
	}
	return record.FormatTime(r.CreatedAt)
}

// The decoder accepts, stores and refuses every example as the page says.
func TestValidationPage(t *testing.T) {
	sections := map[string]int{}
	for _, r := range validationRows(t) {
		sections[r.section]++
		switch r.section {
		case "The body":
			t.Run(r.name(), func(t *testing.T) { checkBodyRow(t, r) })
		case "The fields":
			t.Run(r.name(), func(t *testing.T) { checkRecordRow(t, r) })
		case "customerId", "name", "email", "createdAt":
			t.Run(r.name(), func(t *testing.T) { checkFieldRow(t, r) })
		}
	}
	for section, atLeast := range map[string]int{"The body": 20, "The fields": 7, "customerId": 10, "name": 5, "email": 50, "createdAt": 40} {
		if sections[section] < atLeast {
			t.Errorf("%s: only %d rows were read", section, sections[section])
		}
	}
}

func checkBodyRow(t *testing.T, r row) {
	if len(r.cells) != 4 {
		t.Fatalf("%d cells, want 4: %q", len(r.cells), r.cells)
	}
	_, err := record.Decoder{}.Decode([]byte(spelledOut(t, r.cells[1])))
	if outcome(err) == record.Malformed {
		t.Errorf("%s: %v", r.cells[1], err)
	}
	_, err = record.Decoder{}.Decode([]byte(spelledOut(t, r.cells[2])))
	if outcome(err) != record.Malformed || !strings.HasPrefix(err.Error(), "Invalid JSON: "+r.cells[3]) {
		t.Errorf("%s: got %v, want %q", r.cells[2], err, r.cells[3])
	}
}

func checkRecordRow(t *testing.T, r row) {
	if len(r.cells) != 4 {
		t.Fatalf("%d cells, want 4: %q", len(r.cells), r.cells)
	}
	if _, err := (record.Decoder{}).Decode([]byte(r.cells[1])); err != nil {
		t.Errorf("%s: refused: %v", r.cells[1], err)
	}
	if _, err := (record.Decoder{}).Decode([]byte(r.cells[2])); err == nil || err.Error() != r.cells[3] {
		t.Errorf("%s: got %v, want %q", r.cells[2], err, r.cells[3])
	}
}

func checkFieldRow(t *testing.T, r row) {
	if len(r.cells) != 5 {
		t.Fatalf("%d cells, want 5: %q", len(r.cells), r.cells)
	}
	want := spelledOut(t, r.cells[2])
	if r.section != "createdAt" {
		if err := json.Unmarshal([]byte(want), &want); err != nil {
			t.Fatal(err)
		}
	}
	got, err := record.Decoder{}.Decode(bodyWith(t, r.section, spelledOut(t, r.cells[1])))
	if err != nil {
		t.Errorf("%s: refused: %v", r.cells[1], err)
	} else if stored := storedField(got, r.section); stored != want {
		t.Errorf("%s: stored as %q, want %q", r.cells[1], stored, want)
	}
	_, err = record.Decoder{}.Decode(bodyWith(t, r.section, spelledOut(t, r.cells[3])))
	if outcome(err) != record.Invalid || err.Error() != r.section+": "+r.cells[4] {
		t.Errorf("%s: got %v, want %q", r.cells[3], err, r.cells[4])
	}
}

// identityExample matches a record on the page, the command that computes its _id,
// and the command's output.
var identityExample = regexp.MustCompile(`(?m)^    (\{.*\})\n    (printf '%s' '(.*)' \| sha256sum)\n    (.*)  -$`)

// Each _id on the page is the command's output and the decoder's result.
func TestIdentitiesOnThePage(t *testing.T) {
	examples := identityExample.FindAllStringSubmatch(readValidationPage(t), -1)
	if len(examples) < 7 {
		t.Errorf("only %d examples were read", len(examples))
	}
	for _, e := range examples {
		body, command, joined, id := e[1], e[2], e[3], e[4]
		if got := mustDecode(t, body).ID; got != id {
			t.Errorf("%s: _id %s, the page says %s", body, got, id)
		}
		if sum := sha256.Sum256([]byte(joined)); hex.EncodeToString(sum[:]) != id {
			t.Errorf("%s: its SHA-256 is %x, the page says %s", joined, sum, id)
		}
		if _, err := exec.LookPath("sha256sum"); err != nil {
			continue
		}
		out, err := exec.Command("sh", "-c", command).CombinedOutput()
		if err != nil || string(out) != id+"  -\n" {
			t.Errorf("%s: %v, printed %s", command, err, out)
		}
	}
}

// noReasons are strings in the code that surround a reason.
var noReasons = map[string]bool{"Invalid JSON: ": true, "%s (at byte %d)": true}

// The page has an example for every reason in the code: each string literal that
// contains a space is part of an example's reason.
func TestEveryReasonIsOnThePage(t *testing.T) {
	var reasons strings.Builder
	for _, r := range validationRows(t) {
		reasons.WriteString(r.cells[len(r.cells)-1] + "\n")
	}
	found := 0
	for _, text := range textsOfTheCode(t) {
		if noReasons[text] || !strings.Contains(strings.TrimSpace(text), " ") {
			continue
		}
		found++
		if !strings.Contains(reasons.String(), text) {
			t.Errorf("no example is refused for %q", text)
		}
	}
	if found < 45 {
		t.Errorf("only %d reasons were found in the code", found)
	}
}

func textsOfTheCode(t *testing.T) (texts []string) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, source, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				if text, err := strconv.Unquote(literal.Value); err == nil {
					texts = append(texts, text)
				}
			}
			return true
		})
	}
	return texts
}
