package file_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"

	"ingestion/producer/file"
	"ingestion/producer/mapping"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// readAll returns each record as "number-after body" or "error". After an error that
// concerns one record it reads on, but returns the first.
func readAll(r io.Reader, o file.Options) (lines []string, blank int, err error) {
	return readStrictly(r, lenient(o))
}

// lenient returns options with which any object is a record.
func lenient(o file.Options) file.Options {
	if m, err := mapping.New(mapping.Options{}); err == nil && o.Mapper == nil {
		o.Mapper = anyObject{file.MapColumns(m)}
	}
	return o
}

type anyObject struct{ *file.Columns }

func (anyObject) Sample() file.Sample { return nil }

func readStrictly(r io.Reader, o file.Options) (lines []string, blank int, err error) {
	reader, err := file.NewReader(r, o)
	if err != nil {
		return nil, 0, err
	}
	defer reader.Close()
	for {
		line, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return lines, reader.Blank(), nil
		}
		if err != nil {
			return lines, reader.Blank(), err
		}
		if line.Err != nil {
			lines = append(lines, line.Err.Error())
		} else {
			lines = append(lines, fmt.Sprintf("%d-%d %s", line.Number, line.After, line.Body))
		}
	}
}

const header = "customerId,name,email,createdAt\n"

// person returns the body of a row in which the other fields are e and t.
func person(id, name string) string {
	return fmt.Sprintf(`{"customerId":"%s","name":"%s","email":"e","createdAt":"t"}`, id, name)
}

func TestReader(t *testing.T) {
	for name, c := range map[string]struct {
		text  string
		o     file.Options
		want  []string
		blank int
	}{
		"empty":                {"", file.Options{}, nil, 0},
		"only blank lines":     {"\n \n\t\r\n", file.Options{}, nil, 3},
		"lines":                {"{}\n[1]\nnot JSON\n", file.Options{}, []string{"1-2 {}", "2-3 [1]", "3-4 not JSON"}, 0},
		"no final line feed":   {"{}\n{", file.Options{}, []string{"1-2 {}", "2-3 {"}, 0},
		"Windows line endings": {"{}\r\n\r\n{ }\r\n", file.Options{}, []string{"1-2 {}", "3-4 { }"}, 1},
		"CR line endings":      {"{}\r\r{ }\r", file.Options{}, []string{"1-2 {}", "3-4 { }"}, 1},
		"mixed line endings":   {"{}\r{ }\n\r\n{}\r\n{}", file.Options{}, []string{"1-2 {}", "2-3 { }", "4-5 {}", "5-6 {}"}, 1},
		"byte order mark":      {"\ufeff{}\n\ufeff{}", file.Options{}, []string{"1-2 {}", "2-3 \ufeff{}"}, 0},
		"spaces are kept":      {"  {} \n", file.Options{}, []string{"1-2   {} "}, 0},
		"broken first line":    {`{"a":1` + "\n{}\n", file.Options{}, []string{`1-2 {"a":1`, "2-3 {}"}, 0},
		"not UTF-8":            {"{\xff}\n", file.Options{}, []string{"line 1: the byte 0xFF is not valid UTF-8"}, 0},
		"from a line":          {"{a}\n\nb\nc\n", file.Options{FromLine: 3}, []string{"3-4 b", "4-5 c"}, 0},
		"from the end":         {"{a}\nb\n", file.Options{FromLine: 3}, nil, 0},
		"skip a long line":     {"{" + strings.Repeat("x", 900_000) + "\ny", file.Options{FromLine: 2, MaxLine: 100}, []string{"2-3 y"}, 0},
		"maximum length":       {"{" + strings.Repeat("x", 99) + "\r\n", file.Options{MaxLine: 100}, []string{"1-2 {" + strings.Repeat("x", 99)}, 0},

		"CSV": {header + "1,Zoë,e,t\n", file.Options{}, []string{"2-3 " + person("1", "Zoë")}, 0},
		"CSV with byte order mark, Windows line endings and spaces in the header": {"\ufeff customerId , name,email,createdAt\r\n1,a,e,t\r\n", file.Options{},
			[]string{"2-3 " + person("1", "a")}, 0},
		"CSV with CR": {strings.ReplaceAll(header+"1,a,e,t\n2,b,e,t\n", "\n", "\r"), file.Options{}, []string{"2-3 " + person("1", "a"), "3-4 " + person("2", "b")}, 0},
		"CSV with a CR after its header only": {"customerId,name,email,createdAt\r1,a,e,t\n2,b,e,t\n", file.Options{},
			[]string{"2-3 " + person("1", "a"), "3-4 " + person("2", "b")}, 0},
		"CSV with semicolons":              {"name;customerId;email;createdAt\nDoe, J;1;e;t\n", file.Options{}, []string{`2-3 {"customerId":"1","name":"Doe, J","email":"e","createdAt":"t"}`}, 0},
		"CSV with tabs":                    {strings.ReplaceAll(header+"1,a,e,t\n", ",", "\t"), file.Options{}, []string{"2-3 " + person("1", "a")}, 0},
		"CSV with bars":                    {strings.ReplaceAll(header+"1,a,e,t\n", ",", "|"), file.Options{}, []string{"2-3 " + person("1", "a")}, 0},
		"CSV with a delimiter":             {strings.ReplaceAll(header+"1,a,e,t\n", ",", "¦"), file.Options{Delimiter: '¦'}, []string{"2-3 " + person("1", "a")}, 0},
		"sep=":                             {"sep=;\r\n" + strings.ReplaceAll(header+"1,a,e,t\n", ",", ";"), file.Options{}, []string{"3-4 " + person("1", "a")}, 0},
		"sep= in quotes":                   {"\"sep=^\"\n" + strings.ReplaceAll(header+"1,a,e,t\n", ",", "^"), file.Options{}, []string{"3-4 " + person("1", "a")}, 0},
		"column names in another spelling": {"Customer ID,NAME,e-mail,created_at\n1,a,e,t\n", file.Options{}, []string{"2-3 " + person("1", "a")}, 0},
		"an exact name wins":               {"Customer_ID,customerId,name,email,createdAt\n9,1,a,e,t\n", file.Options{}, []string{`2-3 {"customerId":"1","name":"a","email":"e","createdAt":"t","Customer_ID":"9"}`}, 0},
		"other columns, repeated and without name": {"note,customerId,,name,note,email,createdAt,column3,,\nn,1,u,a,m,e,t,3,,\nn,1,,a,m,e,t,3\n", file.Options{},
			[]string{`2-3 {"customerId":"1","name":"a","email":"e","createdAt":"t","note":"n","column3":"u","note (2)":"m","column3 (2)":"3"}`, `3-4 {"customerId":"1","name":"a","email":"e","createdAt":"t","note":"n","note (2)":"m","column3 (2)":"3"}`}, 0},
		"trailing empty fields":             {header + "1,a,e,t,,,\n,,,\n,, ,,,,\n", file.Options{}, []string{"2-3 " + person("1", "a")}, 2},
		"CSV with blank lines":              {"\n\r\n" + header + "\n1,a,e,t\n\r\n  \n2,b,e,t\n\n", file.Options{}, []string{"5-6 " + person("1", "a"), "8-9 " + person("2", "b")}, 4},
		"CSV record on two lines":           {header + "1,\"a\nb\",e,t\n2,c,e,t\n", file.Options{}, []string{"2-4 " + person("1", `a\u000ab`), "4-5 " + person("2", "c")}, 0},
		"CRLF in a quoted field":            {strings.ReplaceAll(header+"1,\"a\nb\",e,t\n", "\n", "\r\n"), file.Options{}, []string{"2-4 " + person("1", `a\u000d\u000ab`)}, 0},
		"CR in a quoted field":              {header + "1,\"a\rb\",e,t\n", file.Options{}, []string{"2-4 " + person("1", `a\u000db`)}, 0},
		"CSV quoting":                       {header + `"1","say ""hi"" \n","e",t`, file.Options{}, []string{"2-3 " + person("1", `say \"hi\" \\n`)}, 0},
		"empty quoted fields":               {header + `1,"",e,""` + "\n", file.Options{}, []string{`2-3 {"customerId":"1","name":"","email":"e","createdAt":""}`}, 0},
		"a line feed in the header":         {"customerId,name,email,\"created\nAt\",\n1,a,e,t\n", file.Options{Mapper: numbering{}}, []string{`3-4 {"0":"1","1":"a","2":"e","3":"t","4":""}`}, 0},
		"CSV from a line":                   {header + "1,a,e,t\n2,b,e,t\n", file.Options{FromLine: 3}, []string{"3-4 " + person("2", "b")}, 0},
		"CSV from after an open quote":      {header + "1,\"a\n2,b,e,t\n", file.Options{FromLine: 3}, []string{"3-4 " + person("2", "b")}, 0},
		"CSV from after a long row":         {header + strings.Repeat("x", 900_000) + "\n2,b,e,t\n", file.Options{FromLine: 3, MaxLine: 100}, []string{"3-4 " + person("2", "b")}, 0},
		"CSV from its header":               {header + "1,a,e,t\n", file.Options{FromLine: 1}, []string{"2-3 " + person("1", "a")}, 0},
		"only a CSV header":                 {strings.TrimSpace(header), file.Options{}, nil, 0},
		"CSV without a header":              {"1;a;e;t\n", file.Options{Columns: strings.Split(strings.TrimSpace(header), ",")}, []string{"1-2 " + person("1", "a")}, 0},
		"CSV without a header, with commas": {"1;a, b, c, d, e;e;t\n", file.Options{Columns: strings.Split(strings.TrimSpace(header), ",")}, []string{"1-2 " + person("1", "a, b, c, d, e")}, 0},
		"commas in a quoted name":           {"customerId;name;email;createdAt;\"a,b,c,d,e,f\"\n1;a;e;t;\n", file.Options{}, []string{`2-3 {"customerId":"1","name":"a","email":"e","createdAt":"t","a,b,c,d,e,f":""}`}, 0},
		"CSV of identifiers in braces":      {"{1},a,e,t\n", file.Options{Columns: strings.Split(strings.TrimSpace(header), ",")}, []string{"1-2 " + person("{1}", "a")}, 0},
		"CSV read as NDJSON":                {header + "1\n", file.Options{Format: file.NDJSON}, []string{"1-2 " + strings.TrimSpace(header), "2-3 1"}, 0},
		"NDJSON named .csv":                 {"{}\n", file.Options{Name: "a.csv"}, []string{"1-2 {}"}, 0},
		"empty file named .csv":             {"\n", file.Options{Name: "a.csv"}, nil, 1},

		"array on a line":       {`[{"a":1},{"b":[2, 3]}]`, file.Options{}, []string{`1-1 {"a":1}`, `1-1 {"b":[2, 3]}`}, 0},
		"array, one on a line":  {"[\n{\"a\":1},\r\n{\"b\":2}]\n", file.Options{}, []string{`2-3 {"a":1}`, `3-4 {"b":2}`}, 0},
		"pretty array":          {"\n[\n  {\n    \"a\": \"x y\"\n  }, {\n    \"b\": 2\n  }\n]\n", file.Options{}, []string{`3-5 {"a":"x y"}`, `5-8 {"b":2}`}, 0},
		"pretty objects":        {"{\r  \"a\": 1\r}\r{\r  \"b\": 2\r}", file.Options{}, []string{`1-4 {"a":1}`, `4-6 {"b":2}`}, 0},
		"objects on a line":     {`{"a":1} {"b":2}`, file.Options{}, []string{`1-1 {"a":1}`, `1-1 {"b":2}`}, 0},
		"two arrays":            {"[]\n[{}]", file.Options{}, []string{"2-2 {}"}, 0},
		"pretty, from a line":   {"{\n\"a\":1\n}\n{\n\"b\":2\n}\n", file.Options{FromLine: 4}, []string{`4-7 {"b":2}`}, 0},
		"array, from its line":  {`[{"a":1},{"b":2}]`, file.Options{FromLine: 1}, []string{`1-1 {"a":1}`, `1-1 {"b":2}`}, 0},
		"values in an array":    {`[1,"x",null,true,[2],{}]`, file.Options{}, []string{"line 1: a number, not an object", "line 1: a string, not an object", "line 1: null, not an object", "line 1: a boolean, not an object", "line 1: an array, not an object", "1-1 {}"}, 0},
		"null, then objects":    {"null\n3\n\"x\"\n{}\n", file.Options{}, []string{"1-2 null", "2-3 3", `3-4 "x"`, "4-5 {}"}, 0},
		"only null":             {"null\ntrue\n", file.Options{}, []string{"1-2 null", "2-3 true"}, 0},
		"a sequence of objects": {"\x1e{\"a\":1}\n\x1e{\n\"b\":2}\n", file.Options{}, []string{`1-2 {"a":1}`, `2-4 {"b":2}`}, 0},
		"a name twice":          {"[{\"a\":1,\n\"a\":2}]", file.Options{}, []string{`1-2 {"a":1,"a":2}`}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			for way, r := range map[string]io.Reader{
				"plain":           strings.NewReader(c.text),
				"byte by byte":    iotest.OneByteReader(strings.NewReader(c.text)),
				"error with data": iotest.DataErrReader(strings.NewReader(c.text)),
				"gzip":            bytes.NewReader(packed(c.text)),
				"zstd":            bytes.NewReader(zipped(c.text)),
			} {
				got, blank, err := readAll(r, c.o)
				if err != nil || blank != c.blank {
					t.Errorf("%s: %d blank lines, %v; want %d", way, blank, err, c.blank)
				}
				if way == "byte by byte" && (strings.Contains(name, "array") || strings.Contains(name, "objects") || strings.Contains(name, "pretty")) {
					continue // After depends on what is read ahead
				}
				if d := cmp.Diff(c.want, got); d != "" {
					t.Errorf("%s (-want +got):\n%s", way, d)
				}
			}
		})
	}
}

// A pipe that has no more for a while does not keep the records back that it had.
func TestPipeThatStaysOpen(t *testing.T) {
	ada := person("1", "Ada")
	for _, text := range []string{ada + "\n[]\n", "\n" + ada + "\n", ada + "\r\n", header + "1,a,e,t\n", "[\n" + ada + ",\n{}", "\ufeff" + ada + "\n", "ORCID," + header + "1,1,a,e,t\n"} {
		in, out := io.Pipe()
		go func() { _, _ = io.WriteString(out, text) }()
		r, err := file.NewReader(in, file.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if line, err := r.Next(); err != nil || line.Body == nil {
			t.Errorf("%q: %+v, %v", text, line, err)
		}
		out.Close()
	}
}

// If the time grew with the square of the number of blank lines, this would take hours.
func TestManyBlankLines(t *testing.T) {
	const n = 1 << 20
	for name, text := range map[string]string{
		"before a header": strings.Repeat(" \n", n) + header, "before a header with sep=": strings.Repeat("\n", n) + "sep=,\n" + header,
		"after a row of commas": ",,\n" + strings.Repeat("\n", n) + header,
	} {
		got, _, err := readAll(strings.NewReader(text+"1,a,e,t\n"), file.Options{})
		if err != nil || len(got) != 1 || !strings.HasSuffix(got[0], person("1", "a")) {
			t.Errorf("%s: %d records, %v", name, len(got), err)
		}
	}
}

// numbering is a Mapper that names the fields by their number.
type numbering struct{}

type numbered struct{}

func (numbering) Object(body []byte) ([]byte, error) { return body, nil }
func (numbering) Sample() file.Sample                { return nil }
func (numbering) Header([]string) (file.Row, error)  { return numbered{}, nil }
func (numbered) Object(row []string) ([]byte, error) {
	object := map[int]string{}
	for i, field := range row {
		object[i] = field
	}
	return json.Marshal(object)
}

func packed(text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	fmt.Fprint(z, text)
	z.Close()
	return b.Bytes()
}

func zipped(text string) []byte {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		panic(err)
	}
	return z.EncodeAll([]byte(text), nil)
}
