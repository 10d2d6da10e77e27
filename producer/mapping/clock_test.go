package mapping_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"

	"ingestion/producer/mapping"
)

func zone(t testing.TB, name string) *time.Location {
	if name == "" {
		return nil
	}
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// reader returns a function that reads createdAt.
func reader(t interface{ Fatal(...any) }, format string, zone *time.Location) func(value string) (string, error) {
	m, err := mapping.New(mapping.Options{TimeFormat: format, Zone: zone})
	if err != nil {
		t.Fatal(err)
	}
	r, err := m.Header([]string{"customerId", "name", "email", "Created At"})
	if err != nil {
		t.Fatal(err)
	}
	return func(value string) (string, error) {
		body, err := r.Object([]string{"42", "Ada", "a@b.co", value})
		if err != nil {
			return "", err
		}
		var o map[string]string
		if err := json.Unmarshal(body, &o); err != nil {
			t.Fatal(err)
		}
		return o["createdAt"], nil
	}
}

func TestTimes(t *testing.T) {
	for _, c := range []struct{ format, zone, value, want string }{
		{"", "", " any text", " any text"}, // the worker's task
		{"", "Europe/Berlin", "2024-07-01T12:30:00", "2024-07-01T12:30:00+02:00"},
		{"", "Europe/Berlin", "2024-01-01 12:30:00.25", "2024-01-01T12:30:00.25+01:00"},
		{"", "Europe/Berlin", "2024-03-12 09:14", "2024-03-12T09:14:00+01:00"},
		{"", "Europe/Berlin", "2024-03-12", "2024-03-12T00:00:00+01:00"},
		{"", "Europe/Berlin", "20240312T091407", "2024-03-12T09:14:07+01:00"},
		{"", "Europe/Berlin", "20240312T0914Z", "2024-03-12T10:14:00+01:00"},
		{"", "Europe/Berlin", "20240312", "2024-03-12T00:00:00+01:00"},
		{"", "Europe/Berlin", "2024-03-12T09:14:00Z", "2024-03-12T10:14:00+01:00"},
		{"", "Europe/Berlin", "2024-03-12T09:14:00.000+0000", "2024-03-12T10:14:00+01:00"},
		{"", "Europe/Berlin", "2024-03-12T09:14-05", "2024-03-12T15:14:00+01:00"},
		{"", "Europe/Berlin", "2024-03-12 09:14:00-05:30", "2024-03-12T15:44:00+01:00"},

		{"unix", "", "0", "1970-01-01T00:00:00Z"},
		{"unix", "", "1706702400", "2024-01-31T12:00:00Z"},
		{"unix", "", "1706702400.123456", "2024-01-31T12:00:00.123456Z"},
		{"unix", "", "-1.5", "1969-12-31T23:59:58.5Z"},
		{"unix", "", "-0.5", "1969-12-31T23:59:59.5Z"},
		{"unix", "Asia/Kolkata", "1706702400", "2024-01-31T17:30:00+05:30"},
		{"unix", "", "253402300799", "9999-12-31T23:59:59Z"},
		{"unix-ms", "", "1706702400123", "2024-01-31T12:00:00.123Z"},
		{"unix-ms", "", "-1", "1969-12-31T23:59:59.999Z"},

		// Values as Excel shows them.
		{"excel", "", "1", "1900-01-01T00:00:00Z"},
		{"excel", "", "59", "1900-02-28T00:00:00Z"},
		{"excel", "", "61", "1900-03-01T00:00:00Z"},
		{"excel", "", "25569", "1970-01-01T00:00:00Z"},
		{"excel", "", "45322", "2024-01-31T00:00:00Z"},
		{"excel", "", "45322.5", "2024-01-31T12:00:00Z"},
		{"excel", "", "45322.999988425923", "2024-01-31T23:59:59Z"},
		{"excel", "", "45322.9999999999", "2024-02-01T00:00:00Z"},
		{"excel", "Europe/Berlin", "45322.5", "2024-01-31T12:00:00+01:00"},
		{"excel", "", "2958465", "9999-12-31T00:00:00Z"},

		{"%d/%m/%Y %H:%M", "", "31/01/2024 14:30", "2024-01-31T14:30:00Z"},
		{"%m/%d/%Y", "", "1/5/2024", "2024-01-05T00:00:00Z"},
		{"%m/%d/%y %I:%M %p", "", "1/5/24 2:03 pm", "2024-01-05T14:03:00Z"},
		{"%m/%d/%Y, %I:%M %p", "America/New_York", "4/10/2025, 3:31 PM", "2025-04-10T15:31:00-04:00"},
		{"%Y%m%d%H%M%S", "", "20240131143005", "2024-01-31T14:30:05Z"},
		{"%d. %B %Y", "", "31. January 2024", "2024-01-31T00:00:00Z"},
		{"%a, %d %b %Y %T %z", "", "Wed, 31 Jan 2024 14:30:05 +0530", "2024-01-31T09:00:05Z"},
		{"%F %T %Z", "Europe/Berlin", "2024-07-01 12:00:00 CEST", "2024-07-01T12:00:00+02:00"},
		{"%F %T %Z", "", "2024-07-01 12:00:00 UTC", "2024-07-01T12:00:00Z"},
		{"%F %T.%f", "", "2024-07-01 12:00:00.5", "2024-07-01T12:00:00.5Z"},
		{"%Y-%j", "", "2024-366", "2024-12-31T00:00:00Z"},
		{"%Y-%j", "", "2024-001", "2024-01-01T00:00:00Z"},
		{"%d/%m/%Y", "", " 29/02/2024 ", "2024-02-29T00:00:00Z"},
		{"%d/%m/%Y", "", "1/3/2023", "2023-03-01T00:00:00Z"},
		{"100%% %Y", "", "100% 2024", "2024-01-01T00:00:00Z"},

		{"02/01/2006 15:04", "", "31/01/2024 14:30", "2024-01-31T14:30:00Z"},
		{"1/2/2006 3:04 PM", "America/New_York", "4/10/2025 3:31 PM", "2025-04-10T15:31:00-04:00"},
		{time.RFC1123Z, "", "Wed, 31 Jan 2024 14:30:05 +0530", "2024-01-31T09:00:05Z"},
		{time.RFC1123, "Europe/Berlin", "Mon, 01 Jul 2024 12:00:00 CEST", "2024-07-01T12:00:00+02:00"},
		{time.RFC1123, "Europe/Berlin", "Mon, 01 Jul 2024 12:00:00 GMT", "2024-07-01T14:00:00+02:00"},

		// Until 1972, Monrovia was 44 minutes and 30 seconds behind UTC.
		{"%Y-%m-%dT%H:%M:%SZ", "Europe/Berlin", "2024-01-15T10:30:00Z", "2024-01-15T11:30:00+01:00"},
		{"2006-01-02 15:04:05 UTC", "Europe/Berlin", "2024-01-15 10:30:00 UTC", "2024-01-15T11:30:00+01:00"},
		{"%F %T", "Africa/Monrovia", "1960-06-01 12:00:00", "1960-06-01T12:44:30Z"},
	} {
		got, err := reader(t, c.format, zone(t, c.zone))(c.value)
		if err != nil || got != c.want {
			t.Errorf("%q as %q in %q: got %s, %v, want %s", c.value, c.format, c.zone, got, err, c.want)
		}
	}
}

func TestTimeFaults(t *testing.T) {
	const unix, excel = "seconds since 1970, such as 1706702400", "days since 1900, such as 45322.5"
	const us = `in the time format "%m/%d/%Y", such as "01/31/2024"`
	for _, c := range []struct{ format, zone, value, want string }{
		{"", "Europe/Berlin", "31/01/2024", `"31/01/2024" is not an ISO 8601 time such as 2024-01-31T12:00:00; other times need a time format`},
		{"", "Europe/Berlin", "2024-02-30", `"2024-02-30" is not an ISO 8601 time such as 2024-01-31T12:00:00; other times need a time format`},
		{"", "Europe/Berlin", "2024-01-31x12:00", `"2024-01-31x12:00" is not an ISO 8601 time such as 2024-01-31T12:00:00; other times need a time format`},
		{"", "Europe/Berlin", "", "blank"},
		{"unix", "", "", "blank"},
		{"unix", "", "1e9", `"1e9" is not ` + unix},
		{"unix", "", "1.", `"1." is not ` + unix},
		{"unix", "", "--1", `"--1" is not ` + unix},
		{"unix", "", "2024-01-31", `"2024-01-31" is not ` + unix},
		{"unix", "", "1706702400123", `"1706702400123" is not ` + unix + "; it may be in the time format unix-ms"},
		{"unix", "", "17067024001234", `"17067024001234" is not ` + unix},
		{"excel", "", "20240131", `"20240131" is not ` + excel + "; it may be in the time format %Y%m%d"},
		{"excel", "", "1706702400", `"1706702400" is not ` + excel + "; it may be in the time format unix"},
		{"unix", "", "978307200000", `"978307200000" is not in the years 1 to 9999; it may be in the time format unix-ms`},
		{"%m/%d/%Y", "", "45322.5", `"45322.5" is not ` + us + "; it may be in the time format excel"},
		{"unix", "", "99999999999999999999", `"99999999999999999999" is not ` + unix},
		{"unix", "", "253402300800", `"253402300800" is not in the years 1 to 9999`},
		{"unix", "Europe/Berlin", "253402300799", `"253402300799" is not in the years 1 to 9999`},
		{"unix-ms", "", "1706702400.5", `"1706702400.5" is not milliseconds since 1970, such as 1706702400000; it may be in the time format unix`},
		{"excel", "", "0.5", `"0.5" is not ` + excel},
		{"excel", "", "60", `"60" is not ` + excel},
		{"excel", "", "60.5", `"60.5" is not ` + excel},
		{"excel", "", "2958466", `"2958466" is not ` + excel},
		{"excel", "", "45322,5", `"45322,5" is not ` + excel},
		{"excel", "", "4e4", `"4e4" is not ` + excel},
		{"excel", "", "31/01/2024", `"31/01/2024" is not ` + excel},
		{"%m/%d/%Y", "", "31/01/2024", `"31/01/2024" is not ` + us},
		{"%m/%d/%Y", "", "02/30/2024", `"02/30/2024" is not ` + us},
		{"%m/%d/%Y", "", "02/29/2023", `"02/29/2023" is not ` + us},
		{"%m/%d/%Y", "", "04/31/2023", `"04/31/2023" is not ` + us},
		{"%m/%d/%Y", "", "01/31/2024 12:00", `"01/31/2024 12:00" is not ` + us},
		{"%m/%d/%Y", "", "01/31/24", `"01/31/24" is not ` + us},
		{"%F", "", "24-01-31", `"24-01-31" is not in the time format "%F", such as "2024-01-31"`},
		{"%Y-%j", "", "2023-366", `"2023-366" is not in the time format "%Y-%j", such as "2024-031"`},
		{"%F %Z", "", "2024-07-01 EST", `"2024-07-01 EST" is not in the time format "%F %Z", such as "2024-01-31 UTC"`},
		{"%F %Z", "Europe/Berlin", "2024-01-01 CEST", `"2024-01-01 CEST" is not in the time format "%F %Z", such as "2024-01-31 UTC"`},
		{"%F %Z", "", "2024-01-01 +07", `"2024-01-01 +07" is not in the time format "%F %Z", such as "2024-01-31 UTC"`},
		{time.RFC1123, "", "Mon, 01 Jul 2024 12:00:00 CEST", `"Mon, 01 Jul 2024 12:00:00 CEST" is not in the time format "Mon, 02 Jan 2006 15:04:05 MST", such as "Wed, 31 Jan 2024 14:00:00 UTC"`},
		{"02/01/2006", "", strings.Repeat("x", 100), `"` + strings.Repeat("x", 40) + `"… is not in the time format "02/01/2006", such as "31/01/2024"`},
	} {
		_, err := reader(t, c.format, zone(t, c.zone))(c.value)
		var fault *mapping.Error
		if !errors.As(err, &fault) || fault.Reason != c.want || fault.Column != 4 || fault.Field != "createdAt" {
			t.Errorf("%q as %q in %q: got\n%v, want\n%s", c.value, c.format, c.zone, err, c.want)
			continue
		}
		if want := `createdAt: column 4 ("Created At"): ` + c.want; err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// Clocks that are set forward skip a time, and sometimes midnight; those that are set
// back show a time twice. As in java.time, the first is moved by the gap, and the second
// is the earlier instant.
func TestTimesThatClocksSkipOrRepeat(t *testing.T) {
	for _, c := range []struct{ format, zone, value, want string }{
		{"%d/%m/%Y", "America/Sao_Paulo", "15/10/2017", "2017-10-15T01:00:00-02:00"}, // midnight to 1:00
		{"", "America/Sao_Paulo", "2017-10-15", "2017-10-15T01:00:00-02:00"},
		{"", "Asia/Beirut", "2024-03-31", "2024-03-31T01:00:00+03:00"},
		{"%d/%m/%Y", "Africa/Cairo", "26/04/2024", "2024-04-26T01:00:00+03:00"},
		{"excel", "America/Havana", "45361", "2024-03-10T01:00:00-04:00"},
		{"", "Europe/Berlin", "2024-03-31T01:59:59", "2024-03-31T01:59:59+01:00"},
		{"", "Europe/Berlin", "2024-03-31T02:00:00", "2024-03-31T03:00:00+02:00"},
		{"", "Europe/Berlin", "2024-03-31T02:30:00.5", "2024-03-31T03:30:00.5+02:00"},
		{"", "Europe/Berlin", "2024-03-31T03:00:00", "2024-03-31T03:00:00+02:00"},
		{"%F %T", "America/New_York", "2024-03-10 02:30:00", "2024-03-10T03:30:00-04:00"},
		{"", "Australia/Lord_Howe", "2024-10-06T02:10:00", "2024-10-06T02:40:00+11:00"}, // half an hour
		{"", "Pacific/Apia", "2011-12-30T10:00:00", "2011-12-31T10:00:00+14:00"},        // a day
		{"", "Europe/Berlin", "2024-10-27T01:30:00", "2024-10-27T01:30:00+02:00"},
		{"", "Europe/Berlin", "2024-10-27T02:30:00", "2024-10-27T02:30:00+02:00"},
		{"", "Europe/Berlin", "2024-10-27T03:00:00", "2024-10-27T03:00:00+01:00"},
		{"%F %R", "America/New_York", "2024-11-03 01:30", "2024-11-03T01:30:00-04:00"},
		{"%F %R", "America/Sao_Paulo", "2018-02-17 23:30", "2018-02-17T23:30:00-02:00"},
		{"", "Australia/Lord_Howe", "2024-04-07T01:45:00", "2024-04-07T01:45:00+11:00"},
	} {
		got, err := reader(t, c.format, zone(t, c.zone))(c.value)
		if err != nil || got != c.want {
			t.Errorf("%q as %q in %q: got %s, %v, want %s", c.value, c.format, c.zone, got, err, c.want)
		}
	}
}

// A full ISO 8601 time is read in any format: a spreadsheet's dates are written so.
func TestISOTimesNeedNoFormat(t *testing.T) {
	for _, c := range []struct{ format, zone, value, want string }{
		{"%m/%d/%Y", "", "2024-01-31T00:00:00", "2024-01-31T00:00:00Z"},
		{"02.01.2006", "Europe/Berlin", "2024-01-31T12:30:00.250", "2024-01-31T12:30:00.25+01:00"},
		{"excel", "", "2024-01-31T12:30:00", "2024-01-31T12:30:00Z"},
		{"unix", "Asia/Kolkata", "2024-01-31T12:30:00Z", "2024-01-31T18:00:00+05:30"},
		{"%Y-%d-%mT%H:%M:%S", "", "2024-03-04T00:00:00", "2024-04-03T00:00:00Z"}, // the format is tried first
	} {
		got, err := reader(t, c.format, zone(t, c.zone))(c.value)
		if err != nil || got != c.want {
			t.Errorf("%q as %q in %q: got %s, %v, want %s", c.value, c.format, c.zone, got, err, c.want)
		}
	}
	if got, err := reader(t, "%m/%d/%Y", nil)("2024-01-31"); err == nil {
		t.Errorf("a date that is not in the format is read as %s", got)
	}
}

// A column whose name says UTC is not in the time zone of the others.
func TestColumnsInUTC(t *testing.T) {
	for name, want := range map[string]string{
		"Created (UTC)": "2024-01-31T12:30:00Z", "created_at_utc": "2024-01-31T12:30:00Z", "createdUtc": "2024-01-31T12:30:00Z",
		"CreatedAtUTC": "2024-01-31T12:30:00Z", "Created, GMT": "2024-01-31T12:30:00Z", "UTC": "2024-01-31T12:30:00Z",
		"Created": "2024-01-31T12:30:00-05:00", "Outcome": "2024-01-31T12:30:00-05:00", "Created (UTC+2)": "2024-01-31T12:30:00-05:00",
		"Created GMT -3": "2024-01-31T12:30:00-05:00", "Execution": "2024-01-31T12:30:00-05:00",
	} {
		m, err := mapping.New(mapping.Options{Fields: map[string]string{"createdAt": `"` + name + `"`}, TimeFormat: "%Y-%m-%d %H:%M", Zone: zone(t, "America/New_York")})
		if err != nil {
			t.Fatal(err)
		}
		r, err := m.Header([]string{"customerId", "name", "email", name})
		if err != nil {
			t.Fatal(err)
		}
		body, err := r.Object([]string{"1", "A", "a@b.co", "2024-01-31 12:30"})
		if err != nil || !strings.Contains(string(body), `"createdAt":"`+want+`"`) {
			t.Errorf("%s: %s, %v, want %s", name, body, err, want)
		}
		object, err := m.Object([]byte(`{"` + name + `":"2024-01-31 12:30"}`))
		if err != nil || !strings.Contains(string(object), `"createdAt":"`+want+`"`) {
			t.Errorf("a member %s: %s, %v, want %s", name, object, err, want)
		}
		if noted := strings.Contains(strings.Join(r.Notes(), "\n"), "not in the time zone America/New_York"); noted != strings.HasSuffix(want, "Z") {
			t.Errorf("%s: the notes are %q", name, r.Notes())
		}
	}
}

func TestGuess(t *testing.T) {
	for _, c := range []struct {
		values []string
		want   []string
	}{
		{[]string{"1706702400", "", "1609459200"}, []string{"unix"}},
		{[]string{"1706702400123"}, []string{"unix-ms"}},
		{[]string{"20240131"}, []string{"%Y%m%d"}},
		{[]string{"45322", "45322.5"}, []string{"excel"}},
		{[]string{"01/31/2024"}, []string{"%m/%d/%Y"}},
		{[]string{"31/01/2024 14:30", "01/02/2024 00:00"}, []string{"%d/%m/%Y %H:%M"}},
		{[]string{"01/02/2024"}, []string{"%d/%m/%Y", "%m/%d/%Y"}},
		{[]string{"31.1.2024"}, []string{"%d.%m.%Y"}},
		{[]string{"Jan 31, 2024"}, []string{"%b %d, %Y"}},
		{[]string{"1/5/24 2:03 pm", "1/31/24 2:03 pm"}, []string{"%m/%d/%y %I:%M %p"}},
		{[]string{"yesterday"}, nil},
		{[]string{"01/31/2024", "31/01/2024"}, nil},
		{[]string{" ", ""}, nil},
		{nil, nil},
	} {
		if got := mapping.Guess(c.values); !slices.Equal(got, c.want) {
			t.Errorf("%q: got %q, want %q", c.values, got, c.want)
		}
	}
}

func TestTimeFormatFaults(t *testing.T) {
	const no = " has no year: want unix, unix-ms, excel, a strftime format such as %d/%m/%Y %H:%M, or a layout of Go such as 02/01/2006 15:04"
	for format, want := range map[string]string{
		"15.01.2006":          `the time format "15.01.2006" has hours, but no day`,
		"02/15/2006":          `the time format "02/15/2006" has a day, but no month`,
		"%d %Y":               `the time format "%d %Y" has a day, but no month`,
		"%Y %H:%M":            `the time format "%Y %H:%M" has hours, but no day`,
		"iso":                 `the time format "iso"` + no,
		"dd/MM/yyyy":          `the time format "dd/MM/yyyy"` + no,
		"%H:%M":               `the time format "%H:%M"` + no,
		"%a":                  `the time format "%a"` + no,
		"15:04":               `the time format "15:04"` + no,
		"%Y-%m-%d %Q":         `the time format "%Y-%m-%d %Q" can't be read: not all of it is known`,
		"%Y-%":                `the time format "%Y-%" can't be read: not all of it is known`,
		"%s":                  `the time format "%s" has seconds since 1970, which are called unix here`,
		"%d/%m/%Y %I:%M":      `the time format "%d/%m/%Y %I:%M" has hours up to 12 without AM and PM`,
		"02/01/2006 03:04":    `the time format "02/01/2006 03:04" has hours up to 12 without AM and PM`,
		"%d/%m/%Y %I:%M %p":   "",
		"02/01/2006 03:04 PM": "",
	} {
		_, err := mapping.New(mapping.Options{TimeFormat: format})
		if got := fmt.Sprint(err); want == "" && err != nil || want != "" && got != want {
			t.Errorf("%s: got\n%v, want\n%s", format, err, want)
		}
	}
}

// Whatever is written in a format is read as the same instant, for all instants that
// clocks in the zone show only once.
func TestTimesAreReadAsTheyWereWritten(t *testing.T) {
	milli := func(t time.Time) string { return fmt.Sprintf("%03d", t.Nanosecond()/1e6) }
	notations := []struct {
		format    string
		precision time.Duration
		write     func(t time.Time) string
	}{
		{"unix", time.Second, func(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }},
		{"unix-ms", time.Millisecond, func(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }},
		{"excel", time.Second, serial},
		{"", time.Millisecond, func(t time.Time) string { return t.Format("2006-01-02 15:04:05.") + milli(t) }},
		{"%d.%m.%Y %H:%M:%S", time.Second, func(t time.Time) string { return t.Format("2.1.2006 15:4:5") }},
		{"%Y%m%d%H%M%S", time.Second, func(t time.Time) string { return t.Format("20060102150405") }},
		{"%b %e %Y %I:%M %p", time.Minute, func(t time.Time) string { return t.Format("Jan _2 2006 03:04 PM") }},
		{"%FT%T.%f%z", time.Millisecond, func(t time.Time) string { return t.Format("2006-01-02T15:04:05.") + milli(t) + t.Format("-0700") }},
		{"%Y-%j %R", time.Minute, func(t time.Time) string { return t.Format("2006-002 15:04") }},
		{"02.01.2006 15:04:05", time.Second, func(t time.Time) string { return t.Format("02.01.2006 15:04:05") }},
		{time.RFC850, time.Second, func(t time.Time) string { return t.UTC().Format(time.RFC850) }},
	}
	zones := []string{"UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "Australia/Lord_Howe", "Africa/Casablanca"}
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.SampledFrom(notations).Draw(r, "notation")
		zone := zone(t, rapid.SampledFrom(zones).Draw(r, "zone"))
		// 1972 to 2068: RFC850 has years of two digits, and Monrovia's was the last
		// offset with seconds.
		instant := time.UnixMilli(rapid.Int64Range(63072000_000, 3124223999_000).Draw(r, "ms")).In(zone).Truncate(n.precision)
		if repeated(instant) {
			r.Skip("clocks show this twice")
		}
		value := n.write(instant)
		got, err := reader(r, n.format, zone)(value)
		if err != nil {
			r.Fatalf("%s as %q: %v", value, n.format, err)
		}
		read, err := time.Parse(time.RFC3339, got)
		if err != nil || !read.Equal(instant) {
			r.Fatalf("%s as %q in %s: got %s, %v, want %s", value, n.format, zone, got, err, instant)
		}
	})
}

// serial returns the days since the end of 1899, as clocks show t.
func serial(t time.Time) string {
	wall := time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
	days := wall.Sub(time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)).Hours() / 24
	return strconv.FormatFloat(days, 'f', -1, 64)
}

// repeated reports whether clocks show t twice.
func repeated(t time.Time) bool {
	_, now := t.Zone()
	for _, near := range []time.Duration{-25 * time.Hour, -3 * time.Hour, 3 * time.Hour, 25 * time.Hour} {
		if _, then := t.Add(near).Zone(); then != now {
			return true
		}
	}
	return false
}
