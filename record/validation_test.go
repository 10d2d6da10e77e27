package record_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"ingestion/record"
)

const validationPage = "../docs/validation.md"

// row is a line of one of the page's tables, its cells stripped of code marks.
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

// validationRows reads the tables of the page, without their heads.
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

// spelledOut resolves the page's short forms x{256} and <FF>.
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

// bodyWith is an ordinary record with one field given as JSON, or left out.
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

// Every example on the page is judged as the page says.
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
