package file_test

import (
	"strings"
	"testing"

	"ingestion/producer/file"
)

func TestHead(t *testing.T) {
	const names = `customerId;"name";email;createdAt`
	columns := []string{"customerId", "name", "email", "createdAt"}
	for name, c := range map[string]struct {
		text     string
		o        file.Options
		preamble string
	}{
		"CSV":                     {names + "\r\n1;a;b;c\r\n", file.Options{}, names + "\n"},
		"named delimiter":         {"\nsep=;\r\n\r\n" + names + "\r\n1;a;b;c\r\n", file.Options{}, "sep=;\n" + names + "\n"},
		"byte order mark":         {"\ufeff" + names + "\n", file.Options{}, "\ufeff" + names + "\n"},
		"converted":               {names + "\n", file.Options{Encoding: "latin1"}, "\ufeff" + names + "\n"},
		"not converted":           {"\ufeff" + names + "\n", file.Options{Encoding: "latin1"}, "\ufeff" + names + "\n"},
		"no header":               {"1;a;b;c\n", file.Options{Columns: columns}, "sep=;\n"},
		"no header, no detection": {"1;a;b;c\n", file.Options{Columns: columns, Delimiter: ';'}, "sep=;\n"},
		"JSON lines":              {"{}   \n", file.Options{}, ""},
		"JSON, converted":         {"[{}]", file.Options{Encoding: "windows-1252"}, "\ufeff"},
	} {
		r, err := file.NewReader(strings.NewReader(c.text), c.o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		head := r.Head()
		if string(head.Preamble) != c.preamble {
			t.Errorf("%s: %+v, want the preamble %q", name, head, c.preamble)
		}
	}
}

func TestEmptyFiles(t *testing.T) {
	columns := []string{"customerId", "name", "email", "createdAt"}
	for text, empty := range map[string]bool{"": true, "\ufeff": true, "\n\r\n  \t\n": true, "\ufeff\n": true, "[]": false, "{}": false, "1": false} {
		for _, o := range []file.Options{{}, {Format: file.NDJSON}, {Format: file.JSON}, {Columns: columns}, {FromLine: 3}} {
			r, err := file.NewReader(strings.NewReader(text), o)
			if err != nil && text == "1" {
				continue // no header
			}
			if err != nil || r.Head().Empty != empty {
				t.Errorf("%q, %+v: %v, want empty %v", text, o, err, empty)
			}
		}
	}
}
