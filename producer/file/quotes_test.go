package file_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ingestion/producer/file"
)

// An open quote whose end is that of another field is CSV, and takes whole rows.
func TestRowsWithinAField(t *testing.T) {
	const rest = ",e,t\n"
	for name, c := range map[string]struct {
		text  string
		want  []string
		notes int
	}{
		"a name": {header + "1,\"Ada,e,t\n2,Bob,e,t\n3,Eve\",e,t\n4,Zoe,e,t\n",
			[]string{"line 2, column 2 (name): the quoted value ends on line 4, and has lines that look like rows: perhaps a quote is missing", "5-6 " + person("4", "Zoe")}, 0},
		"two rows":             {header + "1,\"Ada,e,t\r\n3,Eve\",e,t\r\n", []string{"line 2, column 2 (name): the quoted value ends on line 3, and has lines that look like rows: perhaps a quote is missing"}, 0},
		"the first column":     {header + "\"1,Ada,e,t\n2\",Bob,e,t\n", []string{"line 2, column 1 (customerId): the quoted value ends on line 3, and has lines that look like rows: perhaps a quote is missing"}, 0},
		"the last column":      {header + "1,Ada,e,\"t\n2,Bob,e,t\"\n", []string{"line 2, column 4 (createdAt): the quoted value ends on line 3, and has lines that look like rows: perhaps a quote is missing"}, 0},
		"a row in the middle":  {header + "1,\"Ada\n2,Bob,e,t\nEve\"" + rest, []string{"line 2, column 2 (name): the quoted value ends on line 4, and has lines that look like rows: perhaps a quote is missing"}, 0},
		"semicolons":           {"customerId;name;email;createdAt\n1;\"Ada;e;t\n3;Eve\";e;t\n", []string{"line 2, column 2 (name): the quoted value ends on line 3, and has lines that look like rows: perhaps a quote is missing"}, 0},
		"a name on two lines":  {header + "1,\"Lovelace,\nAda\"" + rest, []string{"2-4 " + person("1", `Lovelace,\u000aAda`)}, 0},
		"a name with commas":   {header + "1,\"Lovelace,\n\nAda, Countess\"" + rest, []string{"2-5 " + person("1", `Lovelace,\u000a\u000aAda, Countess`)}, 0},
		"a column of no field": {"customerId,name,email,createdAt,note\n1,a,e,t,\"x\n2,b,e,t,y\n3,c,e,t,z\"\n4,d,e,t,\"x\n2,b,e,t,y\n3,c,e,t,z\"\n", []string{`2-5 {"customerId":"1","name":"a","email":"e","createdAt":"t","note":"x\u000a2,b,e,t,y\u000a3,c,e,t,z"}`, `5-8 {"customerId":"4","name":"d","email":"e","createdAt":"t","note":"x\u000a2,b,e,t,y\u000a3,c,e,t,z"}`}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := readAll(strings.NewReader(c.text), file.Options{})
			if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
			notes := notesOf(t, []byte(c.text), file.Options{})
			if len(notes) != c.notes || c.notes > 0 && notes[0] != "line 2, column 5 (note): the quoted value ends on line 4, and has lines that look like rows: if rows are missing, a quote is" {
				t.Errorf("notes %q", notes)
			}
		})
	}
}

// Databases write tables without quotes, with \N for no value.
func TestWithoutQuotes(t *testing.T) {
	const head = "customerId\tname\temail\tcreatedAt\tnote\n"
	text := head + "1\tAda \"L\te\tt\t\"\n2\t\"Bob\te\tt\t\\N\n3\t\\N\te\tt\t\n4\tZoë \\N\te\tt\ta,b\n"
	got, _, err := readAll(strings.NewReader(text), file.Options{NoQuotes: true})
	want := []string{
		`2-3 {"customerId":"1","name":"Ada \"L","email":"e","createdAt":"t","note":"\""}`,
		`3-4 {"customerId":"2","name":"\"Bob","email":"e","createdAt":"t","note":""}`,
		`4-5 {"customerId":"3","name":"","email":"e","createdAt":"t","note":""}`,
		`5-6 {"customerId":"4","name":"Zoë \\N","email":"e","createdAt":"t","note":"a,b"}`,
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	notes := notesOf(t, []byte(text), file.Options{NoQuotes: true})
	if len(notes) != 1 || !strings.HasPrefix(notes[0], "line 5, column 2 (name): a backslash stays as it is") {
		t.Errorf("notes %q", notes)
	}
	got, _, err = readAll(strings.NewReader("1\ta\"\te\tt\n"), file.Options{NoQuotes: true, Columns: []string{"customerId", "name", "email", "createdAt"}})
	if err != nil || !cmp.Equal(got, []string{"1-2 " + person("1", `a\"`)}) {
		t.Errorf("without a header: %q, %v", got, err)
	}
}

// With quotes, \N is a text. It is no value of a record's field.
func TestNoValueOfADatabase(t *testing.T) {
	text := "customerId\tname\temail\tcreatedAt\tnote\n1\t\\N\te\tt\tx\n2\ta\te\tt\t\\N\n"
	r, err := file.NewReader(strings.NewReader(text), file.Options{})
	must(t, err)
	line, err := r.Next()
	must(t, err)
	var fault *file.RowError
	if want := (file.RowError{Line: 2, Column: 2, Field: "name", Reason: `\N is how a database writes that there is no value`, Hint: file.HintQuotes}); !errors.As(line.Err, &fault) || *fault != want {
		t.Errorf("%v, want %v", line.Err, &want)
	}
	if line, err = r.Next(); err != nil || string(line.Body) != `{"customerId":"2","name":"a","email":"e","createdAt":"t","note":"\\N"}` {
		t.Errorf("%s %v, %v", line.Body, line.Err, err)
	}
}

// rowsIn returns the number of the first field of a record that seems to have whole rows
// in it, or 0. The last field of the row is in no record.
func rowsIn(row []string, comma string) int {
	for i, field := range row[:4] {
		lines := lineEnd.Split(field, -1)
		count := func(line string) int { return strings.Count(line, comma) }
		last := len(lines) - 1
		if last < 1 {
			continue
		}
		whole := slices.ContainsFunc(lines[1:last], func(line string) bool { return count(line) >= len(row)-1 })
		if whole || i+count(lines[0]) >= len(row)-1 && count(lines[last]) >= i {
			return i + 1
		}
	}
	return 0
}
