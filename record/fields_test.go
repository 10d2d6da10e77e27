package record_test

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ingestion/record"
)

// The tests below check each field's rule, clause by clause, and its stored form.

type cell struct {
	phrase, value string // value is JSON
	stored        string // "" if refused
	reason        string
}

func checkCells(t *testing.T, field string, cells []cell) {
	t.Helper()
	for _, c := range cells {
		t.Run(c.phrase, func(t *testing.T) {
			r, err := record.Decoder{}.Decode(bodyWith(t, field, c.value))
			if c.reason == "" && (err != nil || storedField(r, field) != c.stored) {
				t.Errorf("stored %+q, %v, want %+q", storedField(r, field), err, c.stored)
			}
			if c.reason != "" && (outcome(err) != record.Invalid || err.Error() != field+": "+c.reason) {
				t.Errorf("got %v, want %q", err, c.reason)
			}
		})
	}
}

func TestBodyRule(t *testing.T) {
	with := func(member string) string { return ordinary[:len(ordinary)-1] + "," + member + "}" }
	nested := func(levels int) string {
		return with(`"a":` + strings.Repeat("[", levels-1) + strings.Repeat("]", levels-1))
	}
	padded := func(size int) string { return ordinary + strings.Repeat(" ", size-len(ordinary)) }
	for _, c := range []struct{ phrase, body, reason string }{
		{"one JSON object", ordinary, ""},
		{"an array is not an object", `[` + ordinary + `]`, "Invalid JSON: the body is not an object"},
		{"a string is not an object", `"{}"`, "Invalid JSON: the body is not an object"},
		{"nothing is not an object", ``, "Invalid JSON: the body is empty"},
		{"UTF-8", with(`"a":"é"`), ""},
		{"invalid UTF-8", with("\"a\":\"\xe9\""), "Invalid JSON: invalid UTF-8"},
		{"not UTF-16", "\xff\xfe{\x00}\x00", "Invalid JSON: the body is not an object"},
		{"65536 bytes", padded(65536), ""},
		{"65537 bytes", padded(65537), "Invalid JSON: larger than 65536 bytes"},
		{"duplicate keys", with(`"name":"Ada Lovelace"`), "Invalid JSON: the same key twice in one object"},
		{"duplicate keys, escaped", with(`"n\u0061me":"Ada"`), "Invalid JSON: the same key twice in one object"},
		{"duplicate unknown keys", with(`"a":1,"a":1`), "Invalid JSON: the same key twice in one object"},
		{"trailing text", ordinary + ` x`, "Invalid JSON: there is text after the object"},
		{"NaN", with(`"a":NaN`), "Invalid JSON: NaN and Infinity are not allowed"},
		{"nesting of 32", nested(32), ""},
		{"nesting deeper than 32", nested(33), "Invalid JSON: nested deeper than 32 levels"},
		{"names match exactly", strings.Replace(ordinary, "customerId", "customerID", 1), "customerId: missing"},
		{"unknown fields are ignored", with(`"CustomerId":7,"_id":"x","":null`), ""},
		{"all field errors are reported", `{"customerId":" ","name":"","email":"","createdAt":""}`,
			"customerId: blank; name: blank; email: blank; createdAt: blank"},
	} {
		t.Run(c.phrase, func(t *testing.T) {
			_, err := record.Decoder{}.Decode([]byte(c.body))
			if c.reason == "" && err != nil {
				t.Errorf("refused: %v", err)
			}
			if c.reason != "" && (err == nil || !strings.HasPrefix(err.Error(), c.reason)) {
				t.Errorf("got %v, want %q", err, c.reason)
			}
			if want := strings.HasPrefix(c.reason, "Invalid JSON"); want != (outcome(err) == record.Malformed) {
				t.Errorf("outcome %v", outcome(err))
			}
		})
	}
}

func TestIdentityRule(t *testing.T) {
	for _, c := range []struct{ phrase, customerID, email, createdAt, hashed string }{
		{"the fields as stored", " é ", "Ada@EXAMPLE.com", "2024-01-02T05:04:05+02:00", "é|Ada@example.com|2024-01-02T03:04:05Z"},
		{"fewest fractional digits", "1", "a@b.co", "2024-01-02T03:04:05.120000", "1|a@b.co|2024-01-02T03:04:05.12Z"},
		{"up to microseconds", "1", "a@b.co", "2024-01-02T03:04:05.0000019", "1|a@b.co|2024-01-02T03:04:05.000001Z"},
		{"no fraction of zero", "1", "a@b.co", "2024-01-02T03:04:05.0000009", "1|a@b.co|2024-01-02T03:04:05Z"},
		{"four digits of a year", "1", "a@b.co", "0001", "1|a@b.co|0001-01-01T00:00:00Z"},
		{"the last instant", "1", "a@b.co", "9999-12-31T23:59:59.999999", "1|a@b.co|9999-12-31T23:59:59.999999Z"},
		{"| is escaped", "1|2", "a|b@b.co", "2024", `1\|2|a\|b@b.co|2024-01-01T00:00:00Z`},
		{`\ is escaped`, `1\`, "a@b.co", "2024", `1\\|a@b.co|2024-01-01T00:00:00Z`},
	} {
		t.Run(c.phrase, func(t *testing.T) {
			r, err := decodeAll(c.customerID, "any name", c.email, c.createdAt)
			if err != nil {
				t.Fatal(err)
			}
			if want := fmt.Sprintf("%x", sha256.Sum256([]byte(c.hashed))); r.ID != want {
				t.Errorf("_id %s, want that of %s", r.ID, c.hashed)
			}
		})
	}
}

func quoted(s string) string { return `"` + s + `"` }

func TestCustomerIDRule(t *testing.T) {
	x256 := strings.Repeat("x", 256)
	checkCells(t, "customerId", []cell{
		{"required", `missing`, "", "missing"},
		{"a JSON string", `"007"`, "007", ""},
		{"a number is an error", `42`, "", "must be a string, is a number"},
		{"null is an error", `null`, "", "must be a string, is null"},
		{"1 byte", `"x"`, "x", ""},
		{"0 bytes", `""`, "", "blank"},
		{"256 bytes", quoted(x256), x256, ""},
		{"257 bytes", quoted(x256 + "x"), "", "longer than 256 bytes"},
		{"bytes, not characters", quoted(x256[1:] + "é"), "", "longer than 256 bytes"},
		{"256 bytes once trimmed", quoted(" " + x256 + " "), x256, ""},
		{"not blank", `"\u2003 \u00a0"`, "", "blank"},
		{"no control character", `"a\u001fb"`, "", "contains a control character"},
		{"no DEL", `"a\u007fb"`, "", "contains a control character"},
		{"no non-ASCII control character", `"é\u0086b"`, "", "contains a control character"},
		{"no control character at the end, even white space", `"42\n"`, "", "contains a control character"},
		{"no control character at the beginning", `"\t42"`, "", "contains a control character"},
		{"no control character that is Unicode white space", `"42\u0085"`, "", "contains a control character"},
		{"no control character in a blank", `" \t"`, "", "contains a control character"},
	})
}

func TestCustomerIDStored(t *testing.T) {
	checkCells(t, "customerId", []cell{
		{"trimmed", `"\u3000 a b\u00a0 \u2029"`, "a b", ""},
		{"only trimmed", `"É|\\e\u0301"`, `É|\` + "e\u0301", ""},
	})
}

func TestNameRule(t *testing.T) {
	x1024 := strings.Repeat("x", 1024)
	checkCells(t, "name", []cell{
		{"required", `missing`, "", "missing"},
		{"a JSON string", `"7"`, "7", ""},
		{"a number is an error", `7`, "", "must be a string, is a number"},
		{"an object is an error", `{"first":"Ada"}`, "", "must be a string, is an object"},
		{"not empty", `""`, "", "blank"},
		{"not blank after trimming", `" \u00a0"`, "", "blank"},
		{"1024 bytes", quoted(x1024), x1024, ""},
		{"1025 bytes", quoted(x1024 + "x"), "", "longer than 1024 bytes"},
		{"bytes, not characters", quoted(x1024[1:] + "é"), "", "longer than 1024 bytes"},
	})
}

func TestNameStored(t *testing.T) {
	checkCells(t, "name", []cell{
		{"trimmed", `"\t Ada  Lovelace \u2029"`, "Ada  Lovelace", ""},
		{"only trimmed", `"Zoe\u0308\u0000"`, "Zoe\u0308\x00", ""},
		{"bidi controls are kept", `"\u202eAda\u2066"`, "\u202eAda\u2066", ""},
	})
}

func TestEmailRule(t *testing.T) {
	aceLabels := strings.Repeat("xn--fiq"+strings.Repeat("a", 14)+".", 5) // of 15 ideographs each
	uLabels := strings.Repeat(strings.Repeat("中", 15)+".", 5)
	checkCells(t, "email", []cell{
		{"required", `missing`, "", "missing"},
		{"a JSON string", `false`, "", "must be a string, is a boolean"},
		{"not empty", `""`, "", "blank"},
		{"not blank", `" \u3000\n"`, "", "blank"},
		{"dot-atom", `"a.b+c/d=e@example.com"`, "a.b+c/d=e@example.com", ""},
		{"SMTPUTF8", `"ñoñó@example.com"`, "ñoñó@example.com", ""},
		{"IDNA domains", `"a@臺網中心.tw"`, "a@臺網中心.tw", ""},
		{"no quoted local part", `"\"ada\"@example.com"`, "", "a quoted part before @ is not allowed"},
		{"no address literal", `"ada@[IPv6:::1]"`, "", "an address in brackets after @ is not allowed"},
		{"no unclosed address literal", `"ada@[127.0.0.1"`, "", "the part after @ contains a character that is not allowed"},
		{"brackets and nothing before @", `"@<b.co>"`, "", "there is nothing before @"},
		{"no display name", `"Ada Lovelace <ada@example.com>"`, "", "a display name or angle brackets are not allowed"},
		{"no comment", `"ada@(home)example.com"`, "", "the part after @ contains a character that is not allowed"},
		{"a domain with a dot", `"ada@localhost"`, "", "the part after @ has no dot"},
		{"64 before the @", quoted(strings.Repeat("a", 65) + "@example.com"), "", "the part before @ is longer than 64 bytes"},
		{"254 in all", quoted("a@" + strings.Repeat("b.", 125) + "cde"), "", "longer than 254 bytes"},
		{"254 in all, as given", quoted("a@" + strings.Repeat("e\u0301", 62) + "." + strings.Repeat("e\u0301", 30) + ".example"), "", "longer than 254 bytes"},
		{"254 in all, as stored", quoted("a@" + aceLabels + strings.Repeat("x", 14) + ".example"), "a@" + uLabels + strings.Repeat("x", 14) + ".example", ""},
		{"255 in all, as stored", quoted("a@" + aceLabels + strings.Repeat("x", 15) + ".example"), "",
			"longer than 254 bytes when the part after @ is written without xn--"},
		{"an ASCII @", `"a﹫example.com"`, "", "has a full-width or small @ instead of a plain one"},
		{"special-use domains refused", `"ada@printer.local"`, "", "the part after @ is a special-use name"},
		{"example domains accepted", `"ada@mail.example"`, "ada@mail.example", ""},
		{"not trimmed", `"ada@example.com "`, "", "the part after @ contains a character that is not allowed"},
	})
}

func TestEmailStored(t *testing.T) {
	checkCells(t, "email", []cell{
		{"domain in lower case", `"Ada@Example.COM"`, "Ada@example.com", ""},
		{"NFC", `"e\u0301@e\u0301.example"`, "é@é.example", ""},
		{"domain in Unicode", `"a@XN--BCHER-KVA.example"`, "a@bücher.example", ""},
		{"role names in lower case", `"INFO@example.com"`, "info@example.com", ""},
	})
}

func TestCreatedAtRule(t *testing.T) {
	checkCells(t, "createdAt", []cell{
		{"required", `missing`, "", "missing"},
		{"not empty", `""`, "", "blank"},
		{"not blank", `"\t \u00a0"`, "", "blank"},
		{"a JSON string", `1700000000`, "", "must be a string, is a number"},
		{"calendar date", `"2024-02-29"`, "2024-02-29T00:00:00Z", ""},
		{"ISO week", `"2020-W53-7"`, "2021-01-03T00:00:00Z", ""},
		{"ordinal date", `"2024-366"`, "2024-12-31T00:00:00Z", ""},
		{"basic form", `"20240229T235958Z"`, "2024-02-29T23:59:58Z", ""},
		{"extended form", `"2024-02-29T23:59:58Z"`, "2024-02-29T23:59:58Z", ""},
		{"hours", `"2024-02-29T23"`, "2024-02-29T23:00:00Z", ""},
		{"to microseconds", `"2024-02-29T23:59:58.000001"`, "2024-02-29T23:59:58.000001Z", ""},
		{"comma", `"2024-02-29T23:59:58,5"`, "2024-02-29T23:59:58.5Z", ""},
		{"point", `"2024-02-29T23:59:58.5"`, "2024-02-29T23:59:58.5Z", ""},
		{"24:00", `"2023-12-31T24:00"`, "2024-01-01T00:00:00Z", ""},
		{"24:00 only", `"2023-12-31T24:00:00.1"`, "", "no such time of day"},
		{"Z", `"2024-02-29T23:59:58Z"`, "2024-02-29T23:59:58Z", ""},
		{"an offset", `"2024-02-29T23:59:58-08:00"`, "2024-03-01T07:59:58Z", ""},
		{"separator T", `"2024-02-29T12"`, "2024-02-29T12:00:00Z", ""},
		{"separator t", `"2024-02-29t12"`, "2024-02-29T12:00:00Z", ""},
		{"one space", `"2024-02-29 12"`, "2024-02-29T12:00:00Z", ""},
		{"two spaces", `"2024-02-29  1:00"`, "", "not an ISO 8601 time of day, such as 12:30:00.5"},
		{"no other separator", `"2014-01-01-05:00"`, "", "date and time must be separated by T or one space"},
		{"no tab as separator", `"2024-01-02\t03:04"`, "", "date and time must be separated by T or one space"},
		{"no seconds in an offset", `"2024-01-02T03:04+050003"`, "", "not an offset from UTC, such as Z or +05:30"},
		{"without an offset it is UTC", `"2024-02-29T12:00"`, "2024-02-29T12:00:00Z", ""},
		{"from year 1", `"0001-01-01T00:00+00:01"`, "", "the instant must lie in the years 1 to 9999"},
		{"to year 9999", `"9999-12-31T23:59-00:01"`, "", "the instant must lie in the years 1 to 9999"},
		{"to year 9999 in local time too", `"9999-12-31T24:00+05:00"`, "", "the instant must lie in the years 1 to 9999"},
		{"Gregorian leap years", `"1900-02-29"`, "", "no such date"},
		{"leap years divisible by 400", `"2000-02-29"`, "2000-02-29T00:00:00Z", ""},
		{"no basic ordinal date before a space", `"2024060 12:00"`, "", "not an ISO 8601 date, such as 2024-01-31"},
		{"digits only", `"2024-04 -19"`, "", "not an ISO 8601 date, such as 2024-01-31"},
	})
}

func TestMonthLengths(t *testing.T) {
	for month, days := range map[string]int{
		"2023-01": 31, "2023-02": 28, "2024-02": 29, "2023-03": 31, "2023-04": 30, "2023-05": 31, "2023-06": 30,
		"2023-07": 31, "2023-08": 31, "2023-09": 30, "2023-10": 31, "2023-11": 30, "2023-12": 31,
	} {
		if _, err := decodeWith("createdAt", fmt.Sprintf("%s-%d", month, days)); err != nil {
			t.Errorf("%s has no day %d: %v", month, days, err)
		}
		if _, err := decodeWith("createdAt", fmt.Sprintf("%s-%d", month, days+1)); err == nil {
			t.Errorf("%s has a day %d", month, days+1)
		}
	}
}

func TestCreatedAtStored(t *testing.T) {
	r, err := decodeWith("createdAt", "2024-01-02T05:04:05.1234567+02:00")
	if err != nil {
		t.Fatal(err)
	}
	if want := time.Date(2024, 1, 2, 3, 4, 5, 123_456_000, time.UTC); r.CreatedAt != want {
		t.Errorf("got %v, want %v", r.CreatedAt, want)
	}
}

// dateForms returns all forms of t's date.
func dateForms(t time.Time) []string {
	year, week := t.ISOWeek()
	weekday := (int(t.Weekday())+6)%7 + 1
	return []string{
		t.Format("2006-01-02"), t.Format("20060102"),
		fmt.Sprintf("%04d-%03d", t.Year(), t.YearDay()), fmt.Sprintf("%04d%03d", t.Year(), t.YearDay()),
		fmt.Sprintf("%04d-W%02d-%d", year, week, weekday), fmt.Sprintf("%04dW%02d%d", year, week, weekday),
	}
}

// clockForms returns all forms of t's time of day, to the microsecond.
func clockForms(t time.Time) []string {
	fraction := strings.TrimRight(fmt.Sprintf("%06d", t.Nanosecond()/1000), "0")
	layouts := []string{"15:04:05", "150405"}
	switch {
	case fraction != "":
		var forms []string
		for _, layout := range layouts {
			for _, mark := range []string{".", ","} {
				forms = append(forms, t.Format(layout)+mark+fraction, t.Format(layout)+mark+fraction+strings.Repeat("0", 8))
			}
		}
		return forms
	case t.Second() == 0 && t.Minute() == 0:
		layouts = append(layouts, "15:04", "1504", "15")
	case t.Second() == 0:
		layouts = append(layouts, "15:04", "1504")
	}
	for i, layout := range layouts {
		layouts[i] = t.Format(layout)
	}
	return layouts
}

// offsetForms returns all forms of an offset in minutes.
func offsetForms(minutes int) []string {
	sign, size := "+", minutes
	if minutes < 0 {
		sign, size = "-", -minutes
	}
	h, m := size/60, size%60
	forms := []string{fmt.Sprintf("%s%02d:%02d", sign, h, m), fmt.Sprintf("%s%02d%02d", sign, h, m)}
	if m == 0 {
		forms = append(forms, fmt.Sprintf("%s%02d", sign, h))
	}
	if minutes == 0 {
		forms = append(forms, "", "Z", "z", "-00:00", "-0000", "-00")
	}
	return forms
}

// All combinations of the forms of date, time of day and offset are parsed as the
// same instant.
func TestEveryFormOfAnInstant(t *testing.T) {
	first, last := time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 30, 0, 0, 0, 0, time.UTC)
	units := []time.Duration{time.Microsecond, time.Millisecond, time.Second, time.Minute, time.Hour}
	rapid.Check(t, func(t *rapid.T) {
		want := time.Unix(rapid.Int64Range(first.Unix(), last.Unix()).Draw(t, "second"), 0).
			Add(time.Duration(rapid.IntRange(0, 999_999).Draw(t, "µs")) * time.Microsecond).UTC().
			Truncate(rapid.SampledFrom(units).Draw(t, "to"))
		minutes := rapid.OneOf(rapid.Just(0), rapid.IntRange(-1439, 1439), rapid.Map(rapid.IntRange(-23, 23), func(h int) int { return 60 * h })).Draw(t, "offset")
		local := want.Add(time.Duration(minutes) * time.Minute)
		for _, date := range dateForms(local) {
			for _, clock := range clockForms(local) {
				for _, offset := range offsetForms(minutes) {
					separator := rapid.SampledFrom([]string{"T", "t", " "}).Draw(t, "separator")
					text := date + separator + clock + offset
					if separator == " " && len(date) == len("2006002") && date[4] != 'W' && date[4] != '-' {
						continue // isoparse accepts no space after a basic ordinal date
					}
					if got, err := decodeWith("createdAt", text); err != nil || !got.CreatedAt.Equal(want) {
						t.Fatalf("%s: read as %v, %v, want %v", text, got.CreatedAt, err, want)
					}
				}
			}
		}
	})
}
