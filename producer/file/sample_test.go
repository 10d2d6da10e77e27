package file_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"ingestion/producer/file"
	"ingestion/producer/mapping"
)

func mapperOf(t testing.TB, o mapping.Options) *file.Columns {
	t.Helper()
	m, err := mapping.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return file.MapColumns(m)
}

const (
	good    = `{"customerId":"1","name":"Ada","email":"a@b.co","createdAt":"2024-01-02"}`
	foreign = `{"id":"1","name":"Ada","mail":"a@b.co","created_at":"2024-01-02"}`
)

// A file of objects is refused before its first record if the first ones show that the
// worker would refuse all.
func TestDoomedObjects(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		o    file.Options
		hint file.Hint
		says []string
	}{
		"a wrapper":           {`{"data":[` + good + "," + good + `]}`, file.Options{}, file.HintMembers, []string{"the records may be the elements of data: extract them, for example with jq -c '.data[]'"}},
		"a pretty wrapper":    {"{\n  \"meta\": {\"n\": [1]},\n  \"customers\": [\n" + good + "\n]}", file.Options{}, file.HintMembers, []string{"elements of customers", "jq -c '.customers[]'"}},
		"a wrapper of pages":  {strings.Repeat(`{"result":{"my data":[`+good+`]}}`+"\n", 3), file.Options{}, file.HintMembers, []string{`jq -c '.result["my data"][]'`}},
		"a wrapper in lines":  {`{"data":[` + good + "\n," + good + "\n]}\n", file.Options{}, file.HintFormat, []string{"none of the first 3 records is a JSON object; line 1: it ends too early; the records may be the elements of data"}},
		"a wrapper too long":  {`{"n":2,"data":[` + strings.Repeat(good+",", 5000) + good + "]}", file.Options{MaxLine: 100}, file.NoHint, nil},
		"commas at line ends": {good + ",\n" + good + ",\n" + good + "\n", file.Options{}, file.NoHint, []string{"line 1: a comma follows the object: remove it from all lines, or put [ and ] around them"}},
		"commas, by format":   {"\n" + foreign + " , \r\n" + good, file.Options{Format: file.NDJSON}, file.NoHint, []string{"line 2: a comma follows"}},
		"no known member":     {`{"id":"1","phone":"2"}` + "\n", file.Options{}, file.HintMembers, []string{"customerId: there is no such member; name: there is no such member; email: there is no such member; createdAt: there is no such member; the first object has the members \"id\", \"phone\""}},
		"some known members": {foreign + "\n" + foreign, file.Options{}, file.HintMembers, []string{
			`email: there is no such member (similar: "mail"); createdAt: there is no such member (similar: "created_at")`, `the first 2 objects have the members "id", "name", "mail", "created_at"`}},
		"in an array":           {"[" + foreign + ",\n" + foreign + "]", file.Options{}, file.HintMembers, []string{`(similar: "created_at")`}},
		"numbers":               {strings.ReplaceAll(good, `"1"`, "1"), file.Options{}, file.HintMembers, []string{"customerId: the member is a number, not a string; a member that is mapped becomes a string"}},
		"two arrays":            {`{"n":[1],"orders":[{"id":1,"items":[{}]}],"data":{"customers":[` + good + `]}}`, file.Options{}, file.HintMembers, []string{"elements of orders or data.customers: extract them, for example with jq -c '.orders[]'"}},
		"an object":             {strings.ReplaceAll(good, `"Ada"`, `{"first":"Ada","last":"L"}`), file.Options{}, file.HintMembers, []string{`name: the member is an object, not a string; it has "first", "last"`}},
		"an object, by a path":  {strings.ReplaceAll(good, `"Ada"`, `{"first":"Ada"}`), file.Options{Mapper: mapperOf(t, mapping.Options{Fields: map[string]string{"name": "$.name"}})}, file.HintMembers, []string{`name: the member is an object, not a string; it has "first"`}},
		"null":                  {strings.ReplaceAll(good, `"Ada"`, "null"), file.Options{}, file.HintMembers, []string{"name: the member is null"}},
		"no JSON":               {"{'customerId':'1'}\n{'customerId':'2'}\n", file.Options{}, file.HintFormat, []string{"none of the first 2 records is a JSON object; line 1: invalid character '\\''"}},
		"no objects":            {"1\n\"x\"\n", file.Options{Format: file.NDJSON}, file.HintFormat, []string{"none of the first 2 records is a JSON object; line 1: a number, not an object"}},
		"arrays in lines":       {"[" + good + "]\n[" + good + "]", file.Options{Format: file.NDJSON}, file.HintFormat, []string{"line 1: an array, not an object; the records may be the elements of the array: extract them, for example with jq -c '.[]'"}},
		"an array of no object": {"\n[[1],[2]]", file.Options{}, file.HintFormat, []string{"none of the first 2 records is a JSON object; line 2: an array, not an object"}},
		"one line that ends":    {`{"customerId":"1`, file.Options{Format: file.NDJSON}, file.HintFormat, []string{"line 1 is not a JSON object: "}},
		"a name twice":          {strings.ReplaceAll(good, "name", "email"), file.Options{}, file.HintFormat, []string{"line 1 is not a JSON object: it has a member twice"}},
		"Latin-1":               {strings.ReplaceAll(good, "Ada", "Ren\xe9"), file.Options{}, file.HintEncoding, []string{"line 1 is not a JSON object: the byte 0xE9 is not valid UTF-8"}},
		"a typo in a name": {good, file.Options{Mapper: mapperOf(t, mapping.Options{Fields: map[string]string{"customerId": "idd"}})}, file.HintMembers,
			[]string{`customerId: there is no member "idd"`, `the first object has the members "customerId", "name", "email", "createdAt"`}},
		"from a line, many": {strings.Repeat(foreign+"\n", 200), file.Options{FromLine: 50}, file.HintMembers, []string{"the first 100 objects"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := readStrictly(strings.NewReader(c.text), c.o)
			if len(got) > 0 || err == nil {
				t.Fatalf("%q, then %v", got, err)
			}
			var refused *file.Refusal
			if name != "a wrapper too long" && (!errors.As(err, &refused) || refused.Hint != c.hint) {
				t.Errorf("%#v", err)
			}
			if name == "a wrapper too long" {
				c.says = []string{"longer than 100 bytes", "elements of data", "jq -c '.data[]'"}
			}
			for _, part := range c.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
		})
	}
}

// What is not sure to be wrong is read, and the worker decides.
func TestObjectsThatMayBeGood(t *testing.T) {
	many := strings.Repeat(foreign+"\n", 99)
	for name, c := range map[string]struct {
		text string
		o    file.Options
		n    int
	}{
		"members in different objects": {`{"customerId":"1","name":"A"}` + "\n" + `{"email":"e","createdAt":"t"}` + "\n", file.Options{}, 2},
		"the hundredth object":         {many + good + "\n" + many, file.Options{}, 199},
		"bad lines among good ones":    {"nonsense\n{\"a\":1,}\n\n" + good + "\n{},\n", file.Options{Format: file.NDJSON}, 4},
		"objects before the line":      {many + good + "\n", file.Options{FromLine: 100}, 1},
		"a short rest":                 {good + "\n" + foreign + "\n" + foreign + "\n", file.Options{FromLine: 2}, 2},
		"a rest of no objects":         {good + "\nx\n", file.Options{FromLine: 2}, 1},
		"only blank lines":             {"\n\n \n", file.Options{}, 0},
		"an empty array":               {"[ ]", file.Options{}, 0},
		"an array in a record":         {strings.Replace(good, "}", `,"orders":[{}]}`, 1), file.Options{}, 1},
		"a mapped number": {strings.ReplaceAll(good, `"1"`, "1"),
			file.Options{Mapper: mapperOf(t, mapping.Options{Fields: map[string]string{"customerId": "customerId"}})}, 1},
		"a member of some objects": {`{"name":"A","email":"e","createdAt":"t"}` + "\n" + `{"id":7}` + "\n",
			file.Options{Mapper: mapperOf(t, mapping.Options{Fields: map[string]string{"customerId": "$.id"}})}, 2},
	} {
		got, _, err := readStrictly(strings.NewReader(c.text), c.o)
		if err != nil || len(got) != c.n {
			t.Errorf("%s: %d records, %v; want %d", name, len(got), err, c.n)
		}
	}
}

// The notes are there when the first record is.
func TestNotesOfObjects(t *testing.T) {
	for text, o := range map[string]mapping.Options{
		`{"Record ID":"1","First Name":"A","Email":"e","Create Date":"2024"}`: {Preset: "hubspot"},
		good[:len(good)-1] + `,"first":"A"}`:                                  {Fields: map[string]string{"name": "first+' '+middle"}},
	} {
		mapper := mapperOf(t, o)
		r, err := file.NewReader(strings.NewReader(text), file.Options{Mapper: mapper})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Next(); err != nil || len(mapper.Notes()) != 1 {
			t.Errorf("%s: %v, notes %q", text, err, mapper.Notes())
		}
	}
}

// The first record with all fields is returned before the next one can be read.
func TestGoodObjectsAreNotHeldBack(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	go fmt.Fprintln(w, good)
	reader, err := file.NewReader(r, file.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if line, err := reader.Next(); err != nil || string(line.Body) != good {
		t.Errorf("%s, %v", line.Body, err)
	}
}

// Of a file that is not UTF-8, as its first line with other characters than ASCII
// shows, each such line is an error. In a file that is UTF-8, the worker refuses it.
func TestNDJSONThatIsNotUTF8(t *testing.T) {
	ascii, latin1, utf8 := good, strings.ReplaceAll(good, "Ada", "Ren\xe9"), strings.ReplaceAll(good, "Ada", "René")
	for name, c := range map[string]struct{ text, want string }{
		"Latin-1": {ascii + "\n" + latin1 + "\n" + ascii + "\n" + latin1, "1-2 " + ascii + "; line 2 (name): the byte 0xE9 is not valid UTF-8; 3-4 " + ascii + "; line 4 (name): the byte 0xE9 is not valid UTF-8"},
		"UTF-8":   {utf8 + "\n" + latin1, "1-2 " + utf8 + "; 2-3 " + latin1},
	} {
		got, _, err := readStrictly(strings.NewReader(c.text), file.Options{})
		if all := strings.Join(got, "; "); err != nil || all != c.want {
			t.Errorf("%s: %v\n%s, want\n%s", name, err, all, c.want)
		}
	}
}
