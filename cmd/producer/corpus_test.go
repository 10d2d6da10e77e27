package main_test

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/redis/go-redis/v9"
	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"ingestion/internal/test/env"
	"ingestion/producer/mapping"
)

// person is a record as the queue must have it: customerId, name, email, createdAt.
type person [4]string

var (
	ada     = person{"1", "Ada Lovelace", "ada@quillmarsh.net", "2024-01-02"}
	zoe     = person{"2", "Zoë, the 2nd", "zoe@quillmarsh.net", "2024-03-04"}
	people  = []person{ada, zoe}
	asISO   = func(p person) person { p[3] += "T00:00:00Z"; return p }
	columns = []string{"customerId", "name", "email", "createdAt"}
)

// sample is a file and what must become of it.
type sample struct {
	content []byte
	ending  string // of the file's name; .csv if empty
	args    []string
	stdin   bool

	want []person
	code int
	says []string // on standard error, or in the log
}

// table returns rows as CSV.
func table(comma rune, header []string, rows ...[]string) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Comma = comma
	_ = w.Write(header)
	_ = w.WriteAll(rows) // a buffer takes every write
	return b.Bytes()
}

func rowsOf(all ...person) (rows [][]string) {
	for _, p := range all {
		rows = append(rows, p[:])
	}
	return rows
}

func plain(all ...person) []byte { return table(',', columns, rowsOf(all...)...) }

func object(p person) string {
	text, _ := json.Marshal(map[string]string{"customerId": p[0], "name": p[1], "email": p[2], "createdAt": p[3]})
	return string(text)
}

func encoded(to encoding.Encoding, text []byte) []byte {
	out, err := to.NewEncoder().Bytes(text)
	if err != nil {
		panic(err)
	}
	return out
}

func gzipped(text []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(text)
	_ = z.Close()
	return b.Bytes()
}

func zstandard(text []byte) []byte {
	z, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	return z.EncodeAll(text, nil)
}

// workbook has the rows on its second sheet, "People".
func workbook(rows ...[]string) []byte {
	f := excelize.NewFile()
	defer f.Close()
	_, err := f.NewSheet("People")
	for i, row := range rows {
		for j, cell := range row {
			at, _ := excelize.CoordinatesToCellName(j+1, i+1)
			_ = f.SetCellStr("People", at, cell)
		}
	}
	b, writeErr := f.WriteToBuffer()
	if err != nil || writeErr != nil {
		panic(fmt.Sprint(err, writeErr))
	}
	return b.Bytes()
}

func lines(text ...string) []byte { return []byte(strings.Join(text, "\n") + "\n") }

func with(line string, of []byte) []byte { return append(slices.Clone(of), line+"\n"...) }

func corpus() map[string]sample {
	header := strings.Join(columns, ",")
	rows := rowsOf(people...)
	french := charmap.ISO8859_1
	return map[string]sample{
		// Rows and headers.
		"a field too many": {content: lines("email,createdAt,name,customerId", "a@b.co,2024-01-15,Lovelace, Ada,42"), code: 1,
			says: []string{"line 2", "5 fields, the header has 4"}},
		"a field too few":         {content: with("3,Ann,a@quillmarsh.net", plain(people...)), want: people, code: 1, says: []string{"line 4", "3 fields, the header has 4"}},
		"a known column alone":    {content: lines("email,Kundennr,Name,Created", "a@b.co,1,A,2024"), code: 1, says: []string{"customerId", "createdAt", `"Kundennr"`, "--map, --preset"}},
		"repeated columns":        {content: table(',', append(slices.Clone(columns), "tag", "tag"), append(ada[:], "x", "y")), want: []person{ada}},
		"a column called column6": {content: table(',', append(slices.Clone(columns), "", "column6"), append(ada[:], "x", "y")), want: []person{ada}},
		"rows of commas":          {content: with(",,,", with(",,,", plain(people...))), want: people},
		"a second header":         {content: slices.Concat(plain(ada), plain(zoe)), want: people, code: 1, says: []string{"line 3", "the header again"}},
		"a joined gzip":           {content: slices.Concat(gzipped(plain(ada)), gzipped(plain(zoe))), ending: ".csv.gz", want: people, code: 1, says: []string{"line 3", "the header again"}},
		"loosely named columns":   {content: table(',', []string{"Customer ID", "NAME", "e_mail", "created at"}, rows...), want: people},
		"no header":               {content: bytes.TrimPrefix(plain(people...), []byte(header+"\n")), args: []string{"--no-header", header}, want: people},
		"an unclosed quote":       {content: with(`3,"Ann,a@b.co,2024`, plain(ada)), want: []person{ada}, code: 1, says: []string{"line 3", "column 2", "not closed"}},
		"a quote after a space":   {content: with(`3, "Ada, L", a@b.co, 2024`, plain(ada)), want: []person{ada}, code: 1, says: []string{"line 3", "column 2 (name)", "a space is before the opening quote"}},

		"rows in a name":          {content: slices.Concat(plain(ada), lines(`3,"Ann,a@b.co,2024`, `4,Tim,t@b.co,2024`, `5,Eve",e@b.co,2024`)), want: []person{ada}, code: 1, says: []string{"line 3", "column 2 (name)", "ends on line 5", "--quote none"}},
		"a table of MySQL":        {content: lines("customerId\tname\temail\tcreatedAt", "1\tAda \"L\tada@quillmarsh.net\t2024-01-02", "2\t\\N\te\t2024"), ending: ".tsv", args: []string{"--quote", "none", "--validate"}, want: []person{{"1", `Ada "L`, "ada@quillmarsh.net", "2024-01-02"}}, code: 1, says: []string{"line 3", "name: blank"}},
		"no value of MySQL":       {content: with(`3,\N,a@b.co,2024`, plain(ada)), want: []person{ada}, code: 1, says: []string{"line 3", "column 2 (name)", "--quote none"}},
		"a title":                 {content: slices.Concat(lines("Customers of 2024", ""), plain(people...)), code: 1, says: []string{"line 3", "--skip-lines 2"}},
		"a title that is skipped": {content: slices.Concat(lines("Customers of 2024", ""), plain(people...)), args: []string{"--skip-lines", "2"}, want: people},

		// Line ends.
		"CR":            {content: bytes.ReplaceAll(plain(people...), []byte("\n"), []byte("\r")), want: people},
		"CRLF":          {content: bytes.ReplaceAll(plain(people...), []byte("\n"), []byte("\r\n")), want: people},
		"mixed":         {content: []byte(header + "\r" + strings.Join(ada[:], ",") + "\r\n" + "2,\"Zoë, the 2nd\",zoe@quillmarsh.net,2024-03-04\n"), want: people},
		"CRLF in field": {content: []byte(header + "\r\n1,\"A\r\nB\",a@quillmarsh.net,2024\r\n"), want: []person{{"1", "A\r\nB", "a@quillmarsh.net", "2024"}}},

		// Delimiters.
		"semicolons":        {content: table(';', columns, rows...), want: people},
		"a line sep=":       {content: slices.Concat([]byte("sep=;\n"), table(';', columns, rows...)), want: people},
		"tabs":              {content: table('\t', columns, rows...), ending: ".tsv", want: people},
		"bars":              {content: table('|', columns, rows...), want: people},
		"a delimiter":       {content: table('^', columns, rows...), args: []string{"--delimiter", "^"}, want: people},
		"tabs, by name":     {content: table('\t', columns, rows...), args: []string{"--delimiter", "tab"}, want: people},
		"another delimiter": {content: table('^', columns, rows...), code: 1, says: []string{"'^'", "--delimiter"}},

		// Encodings.
		"byte order mark":   {content: append([]byte("\ufeff"), plain(people...)...), want: people},
		"Latin-1, not said": {content: encoded(french, plain(people...)), want: []person{ada}, code: 1, says: []string{"line 3", "column 2 (name)", "--encoding"}},
		"Latin-1":           {content: encoded(french, plain(people...)), args: []string{"--encoding", "latin1"}, want: people},
		"Windows-1252":      {content: encoded(charmap.Windows1252, plain(person{"1", "“A” €", "a@quillmarsh.net", "2024"})), args: []string{"--encoding", "windows-1252"}, want: []person{{"1", "“A” €", "a@quillmarsh.net", "2024"}}},
		"UTF-16":            {content: encoded(unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), plain(people...)), want: people},
		"Latin-1 in NDJSON": {content: encoded(french, lines(object(ada), object(zoe))), ending: ".ndjson", want: []person{ada}, code: 1, says: []string{"line 2", "name: the byte 0xEB is not valid UTF-8", "--encoding"}},

		// Other formats.
		"NDJSON":               {content: lines(object(ada), "", object(zoe)), ending: ".ndjson", want: people, says: []string{"1 blank line"}},
		"a JSON array":         {content: []byte("[" + object(ada) + "," + object(zoe) + "]"), ending: ".json", want: people},
		"pretty JSON":          {content: []byte(strings.NewReplacer("{", "{\n  ", "\",\"", "\",\n  \"", "}", "\n}\n").Replace(object(ada) + object(zoe))), ending: ".json", want: people},
		"nested NDJSON":        {content: lines(`{"u":{"id":"1","names":["Ada Lovelace"],"mail":"ada@quillmarsh.net"},"at":"2024-01-02"}`), ending: ".ndjson", args: []string{"--map", "customerId=$.u.id", "--map", "name=$.u.names[0]", "--map", "email=$.u.mail", "--map", "createdAt=$.at"}, want: []person{ada}},
		"wrapped JSON":         {content: []byte(`{"data":[` + object(ada) + "," + object(zoe) + "]}"), ending: ".json", code: 1, says: []string{"elements of data", "jq -c '.data[]'"}},
		"commas in NDJSON":     {content: lines(object(ada)+",", object(zoe)), ending: ".ndjson", code: 1, says: []string{"line 1: a comma follows the object"}},
		"unknown members":      {content: lines(`{"id":"1","name":"A","mail":"a@b.co","created":"2024"}`), ending: ".ndjson", code: 1, says: []string{"customerId: there is no such member", `similar: "mail"`, "--map or --preset"}},
		"numeric IDs":          {content: lines(`{"customerId":1,"name":"A","email":"a@b.co","createdAt":"2024"}`), ending: ".ndjson", code: 1, says: []string{"customerId: the member is a number"}},
		"numeric IDs, mapped":  {content: lines(strings.ReplaceAll(object(ada), `"1"`, "1")), ending: ".ndjson", args: []string{"--map", "customerId=customerId"}, want: []person{ada}},
		"a member not there":   {content: lines(object(ada)), ending: ".ndjson", args: []string{"--map", "email=$.user.mail"}, code: 1, says: []string{"there is no member $.user.mail", `has the members "createdAt"`}},
		"gzip":                 {content: gzipped(plain(people...)), ending: ".csv.gz", want: people},
		"zstd":                 {content: zstandard(plain(people...)), ending: ".csv.zst", want: people},
		"a spreadsheet":        {content: workbook(slices.Concat([][]string{columns}, rows)...), ending: ".xlsx", args: []string{"--sheet", "People"}, want: people},
		"a sheet not there":    {content: workbook(columns), ending: ".xlsx", args: []string{"--sheet", "Peeple"}, code: 1, says: []string{`"Peeple"`, "People"}},
		"bzip2":                {content: []byte("BZh91AY&SY0123456789"), ending: ".csv.bz2", code: 1, says: []string{"bzip2"}},
		"a zip archive":        {content: []byte("PK\x03\x04xxxxxxxxxxxxxxxxxxx"), ending: ".zip", code: 1, says: []string{"zip archive"}},
		"a truncated gzip":     {content: gzipped(plain(people...))[:40], ending: ".csv.gz", code: 1, says: []string{"truncated"}},
		"a damaged gzip":       {content: flipped(gzipped(plain(people...)), -6), ending: ".csv.gz", want: people, code: 1, says: []string{"line 4: the gzip file is damaged", "the records before line 4 were sent, and any of them may be wrong; get an intact copy and load all of it"}},
		"a damaged header":     {content: flipped(gzipped(nil), -6), ending: ".csv.gz", code: 1, says: []string{"the gzip file is damaged", "nothing was sent; get an intact copy"}},
		"a JSON text sequence": {content: lines("\x1e"+object(ada), "\x1e"+object(zoe)), ending: ".json", want: people},
		"a last comma":         {content: lines("["+object(ada)+",", object(zoe)+",", "]"), ending: ".json", want: people, code: 1, says: []string{"line 2: invalid JSON: a comma follows the last element of an array"}},
		"a padded gzip":        {content: append(gzipped(plain(people...)), 0, 0), ending: ".csv.gz", want: people, says: []string{"note: the zeros that follow the gzip data are ignored: 2 bytes"}},
		"a sheet of CSV":       {content: plain(ada), args: []string{"--sheet", "People"}, code: 2, says: []string{"the file is csv, which has no sheets; leave out --sheet"}},
		"UTF-8 as Latin-1":     {content: plain(ada, zoe), args: []string{"--encoding", "latin1"}, want: []person{ada, {zoe[0], strings.ReplaceAll(zoe[1], "ë", "Ã«"), zoe[2], zoe[3]}}, says: []string{"note: line 3, column 2 (name): the file seems to be UTF-8"}},
		"foreign, by stdin":    {content: lines("id,mail", "1,a@b.co"), stdin: true, code: 1, says: []string{"customerId", `"mail"`}},
		"a web page":           {content: lines("<!DOCTYPE html>", "<html>"), code: 1, says: []string{"web page"}},

		// Mapping and times.
		"names that are joined": {content: table(',', []string{"Nr", "First Name", "Last Name", "Mail", "Since"}, []string{"1", "Ada", "Lovelace", "ada@quillmarsh.net", "2024-01-02"}),
			args: []string{"--map", "customerId=Nr", "--map", `name="First Name"+" "+"Last Name"`, "--map", "email=Mail", "--map", "createdAt=Since"}, want: []person{ada}},
		"names that a shell unquoted": {content: table(',', []string{"Nr", "First Name", "Last Name", "Mail", "Since"}, []string{"1", "Ada", "Lovelace", "ada@quillmarsh.net", "2024-01-02"}),
			args: []string{"--map", "customerId=Nr", "--map", `name=First Name+ +Last Name`, "--map", "email=Mail", "--map", "createdAt=Since"}, want: []person{ada}},
		"a column not there": {content: plain(ada), args: []string{"--map", "email=Mailbox"}, code: 1, says: []string{`"Mailbox"`, "the header is"}},
		"German dates": {content: plain(person{"1", "A", "a@quillmarsh.net", "02.01.2024"}), args: []string{"--time-format", "%d.%m.%Y", "--time-zone", "Europe/Berlin"},
			want: []person{{"1", "A", "a@quillmarsh.net", "2024-01-02T00:00:00+01:00"}}},
		"Unix ms":        {content: plain(person{"1", "A", "a@quillmarsh.net", "1704153600000"}), args: []string{"--time-format", "unix-ms"}, want: []person{{"1", "A", "a@quillmarsh.net", "2024-01-02T00:00:00Z"}}},
		"Excel days":     {content: plain(person{"1", "A", "a@quillmarsh.net", "45293.5"}), args: []string{"--time-format", "excel"}, want: []person{{"1", "A", "a@quillmarsh.net", "2024-01-02T12:00:00Z"}}},
		"a bad date":     {content: plain(asISO(ada), person{"3", "Ann", "a@quillmarsh.net", "01/31/2024"}), args: []string{"--time-format", "%d.%m.%Y"}, want: []person{asISO(ada)}, code: 1, says: []string{"line 3", "column 4 (createdAt)"}},
		"bad dates only": {content: plain(ada, zoe), args: []string{"--time-format", "%d.%m.%Y"}, code: 1, says: []string{"the worker would refuse all of the first 2 records: line 2, column 4 (createdAt): not in the time format \"%d.%m.%Y\", such as \"31.01.2024\"; change --time-format"}},

		// Where to begin.
		"from a line":          {content: plain(people...), args: []string{"--from-line", "3"}, want: []person{zoe}},
		"from past the end":    {content: plain(people...), args: []string{"--from-line", "9"}, code: 1, says: []string{"line 9 is past the end"}},
		"from inside a record": {content: lines(header, "1,\"A", "B\",a@b.co,2024"), args: []string{"--from-line", "3"}, code: 1, says: []string{"line 3 is inside the record that begins on line 2"}},
	}
}

// exports are the headers of the presets' vendors, and a row below each. A name is that
// of the preset and, after a space, of a variant.
func exports() map[string]sample {
	date := "--map=createdAt='2024-01-02'"
	one := func(header, row string, args ...string) sample {
		return sample{content: lines(header, row), args: args, want: []person{{"17", "Ada Lovelace", "ada@quillmarsh.net", "2024-01-02"}}}
	}
	byAddress := func(header, row string) sample {
		return sample{content: lines(header, row), args: []string{date}, want: []person{{"ada@quillmarsh.net", "Ada Lovelace", "ada@quillmarsh.net", "2024-01-02"}}}
	}
	return map[string]sample{
		"shopify":         one("Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address Company,Total Spent,Note", "'17,Ada,Lovelace,ada@quillmarsh.net,no,,0.00,", date),
		"hubspot":         one("Record ID,First Name,Last Name,Email,Phone Number,Create Date,Lead Status", "17,Ada,Lovelace,ada@quillmarsh.net,,2024-01-02,"),
		"salesforce":      one("ID,LASTNAME,FIRSTNAME,EMAIL,CREATEDDATE,ISDELETED", "17,Lovelace,Ada,ada@quillmarsh.net,2024-01-02,false"),
		"mailchimp":       one("Email Address,First Name,Last Name,MEMBER_RATING,OPTIN_TIME,CONFIRM_TIME,LEID,EUID", "ada@quillmarsh.net,Ada,Lovelace,2,,2024-01-02,17,ab12"),
		"stripe":          one("id,Description,Email,Name,Created (UTC),Delinquent", "17,,ada@quillmarsh.net,Ada Lovelace,2024-01-02,false"),
		"woocommerce":     one("customer_id,username,first_name,last_name,email,date_registered", "17,ada,Ada,Lovelace,ada@quillmarsh.net,2024-01-02"),
		"google-contacts": byAddress("First Name,Middle Name,Last Name,E-mail 1 - Label,E-mail 1 - Value", "Ada,,Lovelace,*,ada@quillmarsh.net"),

		"shopify before there were IDs":  byAddress("First Name,Last Name,Email,Company,Address1,Accepts Marketing,Total Spent", "Ada,Lovelace,ada@quillmarsh.net,,,no,0.00"),
		"mailchimp with whole names":     one("Email Address,Name,MEMBER_RATING,OPTIN_TIME,CONFIRM_TIME,LEID,EUID", "ada@quillmarsh.net,Ada Lovelace,2,,2024-01-02,17,ab12"),
		"google-contacts as they were":   byAddress("Name,Given Name,Additional Name,Family Name,E-mail 1 - Type,E-mail 1 - Value", "Ada Lovelace,Ada,,Lovelace,*,ada@quillmarsh.net"),
		"google-contacts in Outlook CSV": byAddress("First Name,Middle Name,Last Name,Title,E-mail Address,E-mail 2 Address", "Ada,,Lovelace,,ada@quillmarsh.net,"),
	}
}

// flipped damages a byte, counted from the end.
func flipped(content []byte, at int) []byte {
	content[len(content)+at] ^= 0x55
	return content
}

// TestCorpus loads each of the files that people have, right ones and wrong ones.
func TestCorpus(t *testing.T) {
	server := env.SharedRedis(t)
	all := corpus()
	for name, s := range exports() {
		preset, _, _ := strings.Cut(name, " ")
		s.args = append(s.args, "--preset", preset)
		all["preset "+name] = s
	}
	for _, p := range mapping.Presets() {
		if _, ok := all["preset "+p.Name]; !ok {
			t.Errorf("the preset %s has no export", p.Name)
		}
	}
	for name, s := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if s.ending == "" {
				s.ending = ".csv"
			}
			key := server.Prefix + name
			environ, args := []string{"STREAM_KEY=" + key}, append([]string{"load", file(t, "export"+s.ending, string(s.content))}, s.args...)
			var options []env.ProcessOption
			if s.stdin {
				args[1], options = "-", []env.ProcessOption{env.WithStdin(string(s.content))}
			}
			p := start(t, server.URL, environ, args, options...)
			wantExit(t, p, s.code)
			said := p.Stderr() + "\n" + strings.ReplaceAll(strings.Join(p.Lines(), "\n"), `\"`, `"`)
			for _, part := range s.says {
				if !strings.Contains(said, part) {
					t.Errorf("it does not say %q:\n%s", part, said)
				}
			}
			if got := peopleOf(t, server.Client(t), key); !slices.Equal(got, s.want) {
				t.Errorf("queued %q, want %q\n%s", got, s.want, said)
			}
		})
	}
}

// peopleOf returns the records of a stream.
func peopleOf(t *testing.T, client *redis.Client, key string) (all []person) {
	t.Helper()
	entries, err := client.XRange(t.Context(), key, "-", "+").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		var p struct{ CustomerID, Name, Email, CreatedAt string }
		if err := json.Unmarshal([]byte(e.Values["data"].(string)), &p); err != nil {
			t.Fatalf("%v: %v", e.Values, err)
		}
		all = append(all, person{p.CustomerID, p.Name, p.Email, p.CreatedAt})
	}
	return all
}
