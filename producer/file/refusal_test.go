package file_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"ingestion/producer/file"
)

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		o    file.Options
		hint file.Hint
		says []string
	}{
		"bzip2":               {"BZh91AY&SY\x00\x01\x02", file.Options{}, file.HintFormat, []string{"bzip2", "decompress it first (bunzip2)"}},
		"xz":                  {"\xfd7zXZ\x00\x00\x04", file.Options{}, file.HintFormat, []string{"xz", "unxz"}},
		"lz4":                 {"\x04\x22\x4d\x18xxxx", file.Options{}, file.HintFormat, []string{"lz4"}},
		"7z":                  {"7z\xbc\xaf\x27\x1cxxxx", file.Options{}, file.HintFormat, []string{"7z archive"}},
		"RAR":                 {"Rar!\x1a\x07\x01\x00", file.Options{}, file.HintFormat, []string{"RAR archive"}},
		"zip":                 {"PK\x03\x04\x14\x00customers.csv", file.Options{}, file.NoHint, []string{"zip archive", "unpack it first"}},
		"zip in gzip":         {string(packed("PK\x03\x04\x14\x00customers.csv")), file.Options{}, file.NoHint, []string{"zip archive"}},
		"xls":                 {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00\x00", file.Options{}, file.NoHint, []string{".xls", "password", "save it as .xlsx or CSV"}},
		"Parquet":             {"PAR1\x15\x00\x15", file.Options{}, file.HintFormat, []string{"Parquet", "export it as CSV"}},
		"SQLite":              {"SQLite format 3\x00\x10", file.Options{}, file.HintFormat, []string{"SQLite"}},
		"PDF":                 {"%PDF-1.7\n", file.Options{}, file.HintFormat, []string{"PDF"}},
		"RTF":                 {"{\\rtf1\\ansi", file.Options{}, file.HintFormat, []string{"Rich Text"}},
		"vCard":               {"BEGIN:VCARD\r\nVERSION:3.0\r\n", file.Options{}, file.HintFormat, []string{"vCard"}},
		"HTML":                {"\n <!DOCTYPE HTML>\n<html>", file.Options{}, file.HintFormat, []string{"web page", "login page"}},
		"XML":                 {"<?xml version=\"1.0\"?>\n<customers/>", file.Options{}, file.HintFormat, []string{"XML"}},
		"tar":                 {strings.Repeat("a", 100) + strings.Repeat("\x00", 157) + "ustar\x0000", file.Options{}, file.HintFormat, []string{"tar archive"}},
		"binary":              {"\x01\x02\x00\x03abc", file.Options{}, file.HintFormat, []string{"binary data"}},
		"UTF-16":              {"{\x00\"\x00a\x00", file.Options{}, file.HintUTF16, []string{"UTF-16 without a byte order mark"}},
		"UTF-16 as Latin-1":   {"\x00{\x00\"\x00a", file.Options{Encoding: "latin1"}, file.HintUTF16, []string{"UTF-16 without a byte order mark"}},
		"UTF-16 as windows":   {"c\x00u\x00\"\x00a\x00", file.Options{Encoding: "cp1252", Format: file.CSV}, file.HintUTF16, []string{"UTF-16 without a byte order mark"}},
		"UTF-32":              {"\xff\xfe\x00\x00{\x00\x00\x00", file.Options{}, file.NoHint, []string{"UTF-32"}},
		"broken gzip":         {"\x1f\x8bxxxxxxxxxxxxx", file.Options{}, file.NoHint, []string{"begins like gzip but is not"}},
		"UTF-16 as UTF-8":     {"\xff\xfe{\x00}\x00", file.Options{Encoding: "utf-8"}, file.HintNoEncoding, []string{"byte order mark of UTF-16LE, so it is not utf-8"}},
		"other UTF-16":        {"\xff\xfe{\x00}\x00", file.Options{Encoding: "utf-16be"}, file.HintNoEncoding, []string{"byte order mark of UTF-16LE, so it is not utf-16be"}},
		"a late ORC":          {"ORC\n\n\x0b\x00", file.Options{}, file.HintFormat, []string{"ORC"}},
		"a sheet of CSV":      {header, file.Options{Sheet: "People"}, file.HintNoSheet, []string{"the file is csv, which has no sheets"}},
		"a sheet of NDJSON":   {"{}\n", file.Options{Sheet: "People"}, file.HintNoSheet, []string{"the file is ndjson, which has no sheets"}},
		"a delimiter of JSON": {"[{}]\n", file.Options{Delimiter: ';'}, file.HintNoDelimiter, []string{"the file is json, which has no delimiters"}},
		"columns of JSON":     {"[{}]\n", file.Options{Columns: []string{"a"}, Format: file.JSON}, file.HintNoColumns, []string{"the file is json, which has no columns"}},
		"no encoding":         {"{}", file.Options{Encoding: "ebcdic"}, file.HintOtherEncoding, []string{`unknown encoding "ebcdic"`, "windows-1252"}},
		"no delimiter":        {"{}", file.Options{Format: file.CSV, Delimiter: '"'}, file.HintDelimiter, []string{"can't separate fields"}},

		"text":                    {"hello\nworld\n", file.Options{}, file.HintOneColumn, []string{"customerId: there is no such column; name: there is no such column; email: there is no such column; createdAt: there is no such column", `the header is "hello"`}},
		"a number":                {"1\n2\n", file.Options{}, file.HintOneColumn, []string{`the header is "1"`}},
		"no header":               {"1,Ada,a@b.co,2024\n", file.Options{Format: file.CSV}, file.HintHeader, []string{"customerId: there is no such column", `the header is "1", "Ada"`}},
		"empty CSV":               {"\n,,\n", file.Options{Format: file.CSV}, file.HintHeader, []string{"no CSV header", "empty"}},
		"carets":                  {"customerId^name^email^createdAt\n", file.Options{}, file.HintDelimiter, []string{`the header lacks fields of a record; with '^' between the columns it has all of them`}},
		"tildes and commas":       {"customerId~name~email~createdAt~\"a,b\"\n", file.Options{}, file.HintDelimiter, []string{`the header lacks fields of a record; with '~' between the columns it has all of them`}},
		"spaces":                  {"customerId name email createdAt\n", file.Options{}, file.HintDelimiter, []string{`the header lacks fields of a record; with ' ' between the columns it has all of them`}},
		"a wrong delimiter":       {"customerId,name,email,createdAt\n", file.Options{Delimiter: ';'}, file.HintDelimiter, []string{`the header lacks fields of a record; with ',' between the columns it has all of them`}},
		"a wrong line sep=":       {"sep=;\ncustomerId,name,email,createdAt\n", file.Options{}, file.HintDelimiter, []string{`the header lacks fields of a record; with ',' between the columns it has all of them`}},
		"other columns, carets":   {"id^name^email\n", file.Options{}, file.HintOneColumn, []string{`the header is "id^name^email"`}},
		"some columns":            {"email,Customer No,Full Name,Created\n", file.Options{}, file.HintHeader, []string{`customerId: there is no such column (similar: "Customer No"); name: there is no such column (similar: "Full Name"); createdAt: there is no such column (similar: "Created")`, `the header is "email", "Customer No"`}},
		"a column twice":          {"name,email,createdAt,customerId,name\n", file.Options{}, file.HintHeader, []string{`name: "name" fits the columns 1 ("name") and 5 ("name")`}},
		"an ambiguous column":     {"name,email,createdAt,Customer ID,customer_id\n", file.Options{}, file.HintHeader, []string{`"customerId" fits the columns 4 ("Customer ID") and 5 ("customer_id")`}},
		"CR in a name":            {"\"customer\rId\",name,email,createdAt\n", file.Options{}, file.HintQuote, []string{"column 1", "carriage return"}},
		"Latin-1 header":          {"customerId,pr\xe9nom\n", file.Options{}, file.HintEncoding, []string{"no CSV header: line 1, column 2: the byte 0xE9"}},
		"header with a bad quote": {"customerId, \"name\",email,createdAt\n", file.Options{}, file.HintQuotes, []string{"no CSV header: line 1, column 2: a space"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(c.text), iotest.OneByteReader(strings.NewReader(c.text))} {
				got, _, err := readAll(r, c.o)
				var refused *file.Refusal
				if !errors.As(err, &refused) || refused.Hint != c.hint || len(got) > 0 {
					t.Fatalf("%d records, then %#v %v", len(got), err, err)
				}
				for _, part := range c.says {
					if !strings.Contains(err.Error(), part) {
						t.Errorf("%q does not say %q", err, part)
					}
				}
			}
		})
	}
	if _, _, err := readAll(strings.NewReader(""), file.Options{Format: file.CSV}); !errors.Is(err, file.ErrNoHeader) {
		t.Errorf("an empty CSV file: %v", err)
	}
	if _, _, err := readAll(strings.NewReader("{}"), file.Options{Format: "xml"}); err == nil || !strings.Contains(err.Error(), `"xml"`) {
		t.Errorf("an unknown format: %v", err)
	}
	gzipped := string(packed("{}\n"))
	if _, _, err := readAll(strings.NewReader(gzipped[:5]), file.Options{}); err == nil || !strings.Contains(err.Error(), "the gzip file is truncated") {
		t.Errorf("a truncated gzip header: %v", err)
	}
}

func TestEncodings(t *testing.T) {
	text := header + "1,Müller €,e,t\n"
	want := person("1", "Müller €")
	utf16 := func(order unicode.Endianness, mark unicode.BOMPolicy) encoding.Encoding {
		return unicode.UTF16(order, mark)
	}
	for name, c := range map[string]struct {
		in   encoding.Encoding
		text string
		o    string
		want string
	}{
		"UTF-8":                    {encoding.Nop, text, "UTF-8", want},
		"UTF-8 with mark":          {encoding.Nop, "\ufeff" + text, "utf8", want},
		"UTF-16LE with mark":       {utf16(unicode.LittleEndian, unicode.UseBOM), text, "", want},
		"UTF-16BE with mark":       {utf16(unicode.BigEndian, unicode.UseBOM), text, "", want},
		"UTF-16 named":             {utf16(unicode.BigEndian, unicode.UseBOM), text, "utf-16", want},
		"UTF-16LE":                 {utf16(unicode.LittleEndian, unicode.IgnoreBOM), text, "UTF-16LE", want},
		"UTF-16BE":                 {utf16(unicode.BigEndian, unicode.IgnoreBOM), text, "utf_16be", want},
		"UTF-16LE guessed":         {utf16(unicode.LittleEndian, unicode.IgnoreBOM), text, "utf-16", want},
		"UTF-16BE guessed":         {utf16(unicode.BigEndian, unicode.IgnoreBOM), text, "utf-16", want},
		"UTF-16LE named with mark": {utf16(unicode.LittleEndian, unicode.UseBOM), text, "utf-16le", want},
		"windows-1252":             {charmap.Windows1252, text, "windows-1252", want},
		"Latin-1":                  {charmap.ISO8859_1, strings.ReplaceAll(text, "€", "ÿ"), "latin1", strings.ReplaceAll(want, "€", "ÿ")},
		"NDJSON in UTF-16":         {utf16(unicode.LittleEndian, unicode.UseBOM), want + "\r\n", "", want},
		"JSON in Latin-1":          {charmap.ISO8859_1, `[{"a":"ü"}]`, "ISO-8859-1", `{"a":"ü"}`},
	} {
		t.Run(name, func(t *testing.T) {
			content, err := c.in.NewEncoder().Bytes([]byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			for _, content := range [][]byte{content, packed(string(content))} {
				got, _, err := readAll(bytes.NewReader(content), file.Options{Encoding: c.o})
				if err != nil || len(got) != 1 || !strings.HasSuffix(got[0], c.want) {
					t.Errorf("%q: %v, want %s", got, err, c.want)
				}
			}
		})
	}
	got, _, err := readAll(strings.NewReader("\xff\xfe{\x00\x00\xd8}\x00\n\x00{\x00}\x00"), file.Options{})
	if err != nil || len(got) != 2 || got[0] != "line 1: a character is not valid UTF-16" || got[1] != "2-3 {}" {
		t.Errorf("half a character of UTF-16: %q, %v", got, err)
	}
}

// TestBytesOfNoCharacter has bytes that single-byte encodings do not use in text.
func TestBytesOfNoCharacter(t *testing.T) {
	for encoding, c := range map[string]struct{ char, want string }{
		"windows-1252": {"\x81", "line 2, column 2 (name): a byte is no character of windows-1252"},
		"latin1":       {"\x80", "line 2, column 2 (name): the byte 0x80 is a control character in Latin-1; the file may be windows-1252"},
	} {
		got, _, err := readAll(strings.NewReader(header+"1,"+c.char+"5,e,t\n2,b,e,t\n"), file.Options{Encoding: encoding})
		if err != nil || len(got) != 2 || got[0] != c.want || got[1] != "3-4 "+person("2", "b") {
			t.Errorf("%s: %q, %v", encoding, got, err)
		}
		got, _, err = readAll(strings.NewReader(`{"name":"`+c.char+`"}`+"\n{}\n"), file.Options{Encoding: encoding})
		if err != nil || len(got) != 2 || !strings.Contains(got[0], "windows-1252") || got[1] != "2-3 {}" {
			t.Errorf("%s, JSON: %q, %v", encoding, got, err)
		}
	}
}

// A UTF-8 file that is read in another encoding has wrong letters, which only a person
// can tell for certain.
func TestUTF8ReadAsLatin1(t *testing.T) {
	const tail = "the file seems to be UTF-8, not %s: if letters come out wrong, read it with the encoding utf-8"
	for name, c := range map[string]struct {
		text, encoding string
		want           []string
	}{
		"CSV":          {header + "1,a,e,t\n2,Zoë,e,t\n3,Zoë,e,t\n", "latin1", []string{"line 3, column 2 (name): the file seems to be UTF-8, not ISO 8859-1"}},
		"windows-1252": {header + "1,Élan,e,t\n", "windows-1252", []string{"line 2, column 2 (name): the file seems to be UTF-8, not Windows 1252"}},
		"header":       {"customerId,name,email,createdAt,prénom\n1,a,e,t,Zoë\n", "latin1", []string{"line 1, column 5: the file seems"}},
		"NDJSON":       {"{}\n" + `{"name":"Zoë"}` + "\n", "latin1", []string{"line 2 (name): the file seems"}},
		"JSON":         {"[{},\n" + `{"name":"Zoë"}]` + "\n", "latin1", []string{"line 2 (name): the file seems"}},
		"Latin-1":      {header + "1,Zo\xeb,e,t\n2,S\xe3o \xc3\xfc,e,t\n", "latin1", nil},
		"ASCII":        {header + "1,a,e,t\n", "latin1", nil},
		"UTF-8":        {header + "1,Zoë,e,t\n", "", nil},
	} {
		notes := notesOf(t, []byte(c.text), file.Options{Encoding: c.encoding})
		if len(notes) != len(c.want) || len(notes) > 0 && (!strings.HasPrefix(notes[0], c.want[0]) || !strings.HasSuffix(notes[0], tail[len("the file seems to be UTF-8, not %s"):])) {
			t.Errorf("%s: %q", name, notes)
		}
	}
	got, _, err := readAll(strings.NewReader(header+"1,É,e,t\n"), file.Options{Encoding: "latin1"})
	if want := "line 2, column 2 (name): the byte 0x89 is a control character in Latin-1; the file may be UTF-8"; err != nil || got[0] != want {
		t.Errorf("%q, %v", got, err)
	}
}
