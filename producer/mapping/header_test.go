package mapping_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"ingestion/producer/mapping"
)

// fields maps fields by alternating names and expressions.
func fields(pairs ...string) map[string]string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m
}

// object maps a row below a header, both with semicolons between their fields.
func object(t *testing.T, o mapping.Options, header, row string) (string, error) {
	t.Helper()
	m, err := mapping.New(o)
	if err != nil {
		t.Fatal(err)
	}
	r, err := m.Header(strings.Split(header, ";"))
	if err != nil {
		return "", err
	}
	body, err := r.Object(strings.Split(row, ";"))
	return string(body), err
}

func TestHeaders(t *testing.T) {
	names := fields("customerId", "Kd-Nr", "name", "First Name+ +Last Name")
	for what, c := range map[string]struct {
		options     mapping.Options
		header, row string
		want        string
	}{
		"the names themselves, in another order": {
			header: "email;createdAt;name;customerId", row: "a@b.co;2024;Ada;42",
			want: `{"customerId":"42","name":"Ada","email":"a@b.co","createdAt":"2024"}`,
		},
		"loose names": {
			header: "E-Mail;Customer ID;NAME;created_at", row: "a@b.co;42;Ada;2024",
			want: `{"customerId":"42","name":"Ada","email":"a@b.co","createdAt":"2024"}`,
		},
		"a byte order mark and no-break spaces": {
			header: "\ufeffcustomerId;name\u00a0;\u00a0email; createdAt ;\ufeff note", row: "42;Ada;a@b.co;2024;x",
			want: `{"customerId":"42","name":"Ada","email":"a@b.co","createdAt":"2024","note":"x"}`,
		},
		"an exact name goes before a loose one": {
			header: "Name;name;email;customerId;createdAt", row: "a;b;c;d;e",
			want: `{"customerId":"d","name":"b","email":"c","createdAt":"e","Name":"a"}`,
		},
		"other columns": {
			header: "customerId;phone;name;email;createdAt;Tax \"ID\"", row: "42;+44;Ada;a@b.co;2024;\\",
			want: `{"customerId":"42","name":"Ada","email":"a@b.co","createdAt":"2024","phone":"+44","Tax \"ID\"":"\\"}`,
		},
		"other columns with the same name": {
			header: "customerId;x;name;email;createdAt;x;x (2);x", row: "42;1;Ada;a@b.co;2024;2;3;4",
			want: `{"customerId":"42","name":"Ada","email":"a@b.co","createdAt":"2024","x":"1","x (2)":"2","x (2) (2)":"3","x (3)":"4"}`,
		},
		"columns without a name": {
			header: "customerId;;name;email;createdAt; ;", row: "42;;Ada;a@b.co;2024;x;",
			want: `{"customerId":"42","name":"Ada","email":"a@b.co","createdAt":"2024","column6":"x"}`,
		},
		"a column that has the name of one without": {
			header: "customerId;column3;;name;email;createdAt", row: "42;x;y;Ada;a@b.co;2024",
			want: `{"customerId":"42","name":"Ada","email":"a@b.co","createdAt":"2024","column3":"x","column3 (2)":"y"}`,
		},
		"an expression": {
			options: mapping.Options{Fields: names},
			header:  "Kd-Nr;First Name;Last Name;email;createdAt", row: "42;Ada;Lovelace;a@b.co;2024",
			want: `{"customerId":"42","name":"Ada Lovelace","email":"a@b.co","createdAt":"2024"}`,
		},
		"an expression with loose names": {
			options: mapping.Options{Fields: names},
			header:  "kd_nr;FIRSTNAME;last_name;email;createdAt", row: "42;Ada;Lovelace;a@b.co;2024",
			want: `{"customerId":"42","name":"Ada Lovelace","email":"a@b.co","createdAt":"2024"}`,
		},
		"a column with the name of a field that is mapped": {
			options: mapping.Options{Fields: names},
			header:  "Kd-Nr;First Name;Last Name;email;createdAt;name", row: "42;Ada;Lovelace;a@b.co;2024;adal",
			want: `{"customerId":"42","name":"Ada Lovelace","email":"a@b.co","createdAt":"2024","name (2)":"adal"}`,
		},
		"a column for two fields": {
			options: mapping.Options{Fields: fields("customerId", "email")},
			header:  "name;email;createdAt", row: "Ada;a@b.co;2024",
			want: `{"customerId":"a@b.co","name":"Ada","email":"a@b.co","createdAt":"2024"}`,
		},
		"a date for all": {
			options: mapping.Options{Fields: fields("createdAt", "'2024-01-31'")},
			header:  "customerId;name;email", row: "42;Ada;a@b.co",
			want: `{"customerId":"42","name":"Ada","email":"a@b.co","createdAt":"2024-01-31"}`,
		},
		"a date for all in a format": {
			options: mapping.Options{Fields: fields("createdAt", "'31/01/2024'"), TimeFormat: "%d/%m/%Y"},
			header:  "customerId;name;email", row: "42;Ada;a@b.co",
			want: `{"customerId":"42","name":"Ada","email":"a@b.co","createdAt":"2024-01-31T00:00:00Z"}`,
		},
		"a column whose name is a sign": {
			options: mapping.Options{Fields: fields("customerId", "'no '+#")},
			header:  "#;name;email;createdAt", row: "42;Ada;a@b.co;2024",
			want: `{"customerId":"no 42","name":"Ada","email":"a@b.co","createdAt":"2024"}`,
		},
		"a text with a column's name": {
			options: mapping.Options{Fields: fields("customerId", "'email'+email")},
			header:  "name;email;createdAt", row: "Ada;a@b.co;2024",
			want: `{"customerId":"emaila@b.co","name":"Ada","email":"a@b.co","createdAt":"2024"}`,
		},
	} {
		if got, err := object(t, c.options, c.header, c.row); err != nil || got != c.want {
			t.Errorf("%s: got\n%s, %v, want\n%s", what, got, err, c.want)
		}
	}
}

func TestHeaderFaults(t *testing.T) {
	for what, c := range map[string]struct {
		options mapping.Options
		header  string
		want    string
	}{
		"missing columns, with similar ones": {
			header: "email;Cust ID;Full name;Created;Notes",
			want:   `customerId: there is no such column (similar: "Cust ID"); name: there is no such column (similar: "Full name"); createdAt: there is no such column (similar: "Created"); the header is "email", "Cust ID", "Full name", "Created", "Notes"`,
		},
		"nothing similar": {
			header: "a;b",
			want:   `customerId: there is no such column; name: there is no such column; email: there is no such column; createdAt: there is no such column; the header is "a", "b"`,
		},
		"two that fit loosely": {
			header: "customer_id;Customer ID;name;email;createdAt",
			want:   `customerId: "customerId" fits the columns 1 ("customer_id") and 2 ("Customer ID"); the header is "customer_id", "Customer ID", "name", "email", "createdAt"`,
		},
		"the same name twice": {
			header: "email;customerId;name;email;createdAt",
			want:   `email: "email" fits the columns 1 ("email") and 4 ("email"); the header is "email", "customerId", "name", "email", "createdAt"`,
		},
		"the same name many times": {
			header: "customerId;createdAt;email" + strings.Repeat(";name", 7),
			want:   `name: "name" fits the columns 4 ("name") and 5 ("name") and 6 ("name") and 7 ("name") and 8 ("name") and 2 more; the header is "customerId", "createdAt", "email"` + strings.Repeat(`, "name"`, 7),
		},
		"a mistyped column": {
			options: mapping.Options{Fields: fields("name", "Frist Name+ +Last Name")},
			header:  "First Name;Last Name;email;customerId;createdAt",
			want:    `name: there is no column "Frist Name"; a text that stands for itself needs single quotes (similar: "First Name", "Last Name"); the header is "First Name", "Last Name", "email", "customerId", "createdAt"`,
		},
		"a column whose name is part of what was given": {
			options: mapping.Options{Fields: fields("email", "Customer e-mail address")},
			header:  "name;Mail;E-Mail;customerId;createdAt",
			want:    `email: there is no column "Customer e-mail address"; a text that stands for itself needs single quotes (similar: "E-Mail", "Mail"); the header is "name", "Mail", "E-Mail", "customerId", "createdAt"`,
		},
		"a field that would be the same in all records": {
			options: mapping.Options{Fields: fields("name", "'Ada'+ ")},
			header:  "email;customerId;createdAt",
			want:    `name: 'Ada'+" " would be the same in all records; only createdAt may be; the header is "email", "customerId", "createdAt"`,
		},
		"a template of another kind": {
			options: mapping.Options{Fields: fields("name", "{First Name} {Last Name}")},
			header:  "customerId;Last Name;Name;First Name;email;createdAt",
			want:    `name: there is no column "{First Name} {Last Name}"; a text that stands for itself needs single quotes; columns are joined like this: "First Name"+' '+"Last Name" (similar: "First Name", "Last Name", "Name"); the header is "customerId", "Last Name", "Name", "First Name", "email", "createdAt"`,
		},
		"a path": {
			options: mapping.Options{Fields: fields("email", "$.user.email")},
			header:  "name;customerId;createdAt",
			want:    `email: $.user.email is a path into a JSON object, but the file has columns; the header is "name", "customerId", "createdAt"`,
		},
		"a date for all that is none": {
			options: mapping.Options{Fields: fields("createdAt", "'2024-01-31'"), TimeFormat: "%d/%m/%Y"},
			header:  "name;customerId;email",
			want:    `createdAt: "2024-01-31" is not in the time format "%d/%m/%Y", such as "31/01/2024"; the header is "name", "customerId", "email"`,
		},
		"long names, and many": {
			header: strings.Repeat("x", 60) + strings.Repeat(";c", 41),
			want: `customerId: there is no such column; name: there is no such column; email: there is no such column; createdAt: there is no such column; the header is "` +
				strings.Repeat("x", 40) + `"…` + strings.Repeat(`, "c"`, 39) + ` and 2 more`,
		},
	} {
		_, err := object(t, c.options, c.header, "")
		var fault *mapping.HeaderError
		if !errors.As(err, &fault) || err.Error() != c.want {
			t.Errorf("%s: got\n%v, want\n%s", what, err, c.want)
		}
	}
}

func TestNotes(t *testing.T) {
	for what, c := range map[string]struct {
		options mapping.Options
		header  string
		want    []string
	}{
		"exact names": {header: "customerId;name;email;createdAt"},
		"loose names": {
			header: "Customer ID;Name;email;createdAt",
			want:   []string{`column "Customer ID" is read as customerId`, `column "Name" is read as name`},
		},
		"columns that are glued": {
			options: mapping.Options{Fields: fields("name", "First + Last", "customerId", "First+'-'+Last")},
			header:  "First;Last;email;createdAt",
			want:    []string{`name: "First" and "Last" are joined without a space; with a space, this is written "First"+' '+"Last"`},
		},
		"an offset in a name": {
			options: mapping.Options{Fields: fields("createdAt", `"Created (UTC+2)"`)},
			header:  "customerId;name;email;Created (UTC+2)",
			want:    []string{`column "Created (UTC+2)" is read as UTC, except for times with an offset, since no time zone is given`},
		},
		"loose names in an expression": {
			options: mapping.Options{Fields: fields("name", "first+ +last", "customerId", "first")},
			header:  "First;last;email;createdAt",
			want:    []string{`column "First" is read as "first" (customerId)`, `column "First" is read as "first" (name)`},
		},
		"other columns with the same name": {
			header: "customerId;x;name;email;createdAt;x;",
			want:   []string{`column 6, "x", is kept as "x (2)"`},
		},
		"many columns with the same name": {
			header: "customerId;name;email;createdAt" + strings.Repeat(";x", 13),
			want: []string{
				`column 6, "x", is kept as "x (2)"`, `column 7, "x", is kept as "x (3)"`, `column 8, "x", is kept as "x (4)"`, `column 9, "x", is kept as "x (5)"`, `column 10, "x", is kept as "x (6)"`,
				`column 11, "x", is kept as "x (7)"`, `column 12, "x", is kept as "x (8)"`, `column 13, "x", is kept as "x (9)"`, `column 14, "x", is kept as "x (10)"`, `column 15, "x", is kept as "x (11)"`,
				"2 more columns with the same names are kept under other names",
			},
		},
		"a preset's columns are missing": {
			options: mapping.Options{Preset: "mailchimp"},
			header:  "LEID;Email Address;First Name;CONFIRM_TIME",
			want:    []string{`there is no column "Last Name" for name`},
		},
		"an address that is the customerId": {
			options: mapping.Options{Preset: "google-contacts", Fields: fields("createdAt", "'2024-01-31'")},
			header:  "First Name;Middle Name;Last Name;E-mail 1 - Value",
			want:    []string{`column "E-mail 1 - Value" is both customerId and email`},
		},
		"the time zone of a preset": {
			options: mapping.Options{Preset: "hubspot"},
			header:  "Record ID;First Name;Last Name;Email;Create Date",
			want:    []string{"createdAt is read as UTC unless a time zone is given; HubSpot writes it in the account's time zone"},
		},
	} {
		m, err := mapping.New(c.options)
		if err != nil {
			t.Fatal(err)
		}
		row, err := m.Header(strings.Split(c.header, ";"))
		if err != nil || !slices.Equal(row.Notes(), c.want) {
			t.Errorf("%s: got %q, %v, want %q", what, row.Notes(), err, c.want)
		}
	}
}

func TestOptionFaults(t *testing.T) {
	for want, o := range map[string]mapping.Options{
		`"custmerId" is not a field of a record: want "customerId", "name", "email" or "createdAt"; did you mean "customerId"?`:                                    {Fields: fields("custmerId", "ID")},
		`"phone" is not a field of a record: want "customerId", "name", "email" or "createdAt"`:                                                                    {Fields: fields("phone", "Phone")},
		`name: "First Name++Last Name": a column or a text is missing here (at character 12)`:                                                                      {Fields: fields("name", "First Name++Last Name")},
		`there is no preset "shopfy": want "shopify", "hubspot", "salesforce", "mailchimp", "stripe", "woocommerce" or "google-contacts"; did you mean "shopify"?`: {Preset: "shopfy"},
		"email: \"\": a column or a text is missing here (at character 1)\nname: \"'\": this quote is not closed (at character 1)":                                 {Fields: fields("name", "'", "email", "")},
	} {
		if _, err := mapping.New(o); err == nil || err.Error() != want {
			t.Errorf("%v: got\n%v, want\n%s", slices.Sorted(maps.Keys(o.Fields)), err, want)
		}
	}
}
