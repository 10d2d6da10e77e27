package record

import (
	"bytes"
	"time"
)

// The reasons to refuse a createdAt.
const (
	notISO       = "not an ISO 8601 time such as 2024-01-31T12:00:00Z"
	badDate      = "not an ISO 8601 date, such as 2024-01-31"
	noSuchDate   = "no such date"
	badSeparator = "date and time must be separated by T or one space"
	badClock     = "not an ISO 8601 time of day, such as 12:30:00.5"
	noSuchClock  = "no such time of day"
	badOffset    = "not an offset from UTC, such as Z or +05:30"
	outsideYears = "the instant must lie in the years 1 to 9999"
)

// The beginnings of the years 1 and 10000 in Unix time, in seconds.
const (
	yearOneUnix         = -62135596800
	yearTenThousandUnix = 253402300800
)

// createdAtRule parses an ISO 8601 time as dateutil.parser.isoparse does
// (https://dateutil.readthedocs.io/en/stable/parser.html#dateutil.parser.isoparse),
// or says why it is refused. It is stricter in two ways: the separator must be T,
// t or one space, and numbers must consist of digits, whereas isoparse accepts
// what Python's int does (" 1", "+1"). A time without an offset is in UTC.
// The result is in UTC, truncated to microseconds.
func createdAtRule(text []byte) (t time.Time, why string) {
	if len(bytes.TrimSpace(text)) == 0 {
		return time.Time{}, blank
	}
	day, rest, why := parseDate(text)
	if why != "" {
		return time.Time{}, why
	}
	var at clock
	if len(rest) > 0 {
		if c := rest[0]; c != 'T' && c != 't' && c != ' ' {
			return time.Time{}, badSeparator
		}
		if at, why = parseClock(rest[1:]); why != "" {
			return time.Time{}, why
		}
	}
	local := day.Add(at.sinceMidnight)
	t = local.Add(-at.offset)
	if !inRange(local) || !inRange(t) {
		return time.Time{}, outsideYears
	}
	return t, ""
}

func inRange(t time.Time) bool {
	sec := t.Unix()
	return yearOneUnix <= sec && sec < yearTenThousandUnix
}

// number parses b, which must consist of one or more digits.
func number(b []byte) (n int, ok bool) {
	for _, c := range b {
		if !isDigit(c) {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, len(b) > 0
}

// parseDate parses the date at the beginning of b and returns its midnight and
// the rest of b. The forms are YYYY, YYYY-MM, YYYY-MM-DD, YYYYMMDD, YYYY-Www,
// YYYYWww, YYYY-Www-D, YYYYWwwD, YYYY-DDD and YYYYDDD. Nothing may follow a week
// or a month without a day.
func parseDate(b []byte) (day time.Time, rest []byte, why string) {
	if len(b) < 4 {
		return day, nil, notISO
	}
	year, ok := number(b[:4])
	if !ok {
		return day, nil, notISO
	}
	if year == 0 {
		return day, nil, noSuchDate
	}
	b = b[4:]
	dashed := len(b) > 0 && b[0] == '-'
	if dashed {
		b = b[1:]
	}
	if month, dayOfMonth, rest, ok := calendarDate(b, dashed); ok {
		day, why = dateOf(year, month, dayOfMonth)
		return day, rest, why
	}
	if len(b) > 0 && b[0] == 'W' {
		return weekDate(year, b[1:], dashed)
	}
	return ordinalDate(year, b, dashed)
}

// calendarDate parses what follows the year (and its dash) as a month and a day.
// It is not ok if b has another form.
func calendarDate(b []byte, dashed bool) (month, day int, rest []byte, ok bool) {
	if len(b) == 0 {
		return 1, 1, nil, !dashed
	}
	if len(b) < 2 {
		return 0, 0, nil, false
	}
	if month, ok = number(b[:2]); !ok {
		return 0, 0, nil, false
	}
	b = b[2:]
	if len(b) == 0 {
		return month, 1, nil, dashed
	}
	if dashed {
		if b[0] != '-' {
			return 0, 0, nil, false
		}
		b = b[1:]
	}
	if len(b) < 2 {
		return 0, 0, nil, false
	}
	day, ok = number(b[:2])
	return month, day, b[2:], ok
}

func dateOf(year, month, dayOfMonth int) (time.Time, string) {
	if month < 1 || month > 12 || dayOfMonth < 1 || dayOfMonth > daysIn(year, month) {
		return time.Time{}, noSuchDate
	}
	return time.Date(year, time.Month(month), dayOfMonth, 0, 0, 0, 0, time.UTC), ""
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		return 28 + leapDay(year)
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

func leapDay(year int) int {
	if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
		return 1
	}
	return 0
}

// weekDate parses ww, wwD or ww-D. As in isoparse, week 53 is valid in every year
// (it may be the first week of the next year), and a week at the end of the text
// may have one digit.
func weekDate(year int, b []byte, dashed bool) (t time.Time, rest []byte, why string) {
	week, ok := number(b[:min(2, len(b))])
	if !ok {
		return t, nil, badDate
	}
	b = b[min(2, len(b)):]
	weekday := 1
	if len(b) > 0 {
		if (b[0] == '-') != dashed {
			return t, nil, badDate
		}
		if dashed {
			b = b[1:]
		}
		if weekday, ok = number(b[:min(1, len(b))]); !ok {
			return t, nil, badDate
		}
		b = b[1:]
	}
	if week < 1 || week > 53 || weekday < 1 || weekday > 7 {
		return t, nil, noSuchDate
	}
	return weekStart(year).AddDate(0, 0, 7*(week-1)+weekday-1), b, ""
}

// weekStart returns the Monday of the year's first ISO week, which contains
// 4 January.
func weekStart(year int) time.Time {
	january4 := time.Date(year, time.January, 4, 0, 0, 0, 0, time.UTC)
	sinceMonday := (int(january4.Weekday()) + 6) % 7
	return january4.AddDate(0, 0, -sinceMonday)
}

// ordinalDate parses DDD, the day of the year. The basic form must not be followed
// by a space: isoparse takes the space for a digit of a calendar date.
func ordinalDate(year int, b []byte, dashed bool) (t time.Time, rest []byte, why string) {
	if len(b) < 3 {
		return t, nil, badDate
	}
	day, ok := number(b[:3])
	if !ok {
		return t, nil, badDate
	}
	rest = b[3:]
	if !dashed && len(rest) > 0 && rest[0] == ' ' {
		return t, nil, badDate
	}
	if day < 1 || day > 365+leapDay(year) {
		return t, nil, noSuchDate
	}
	return time.Date(year, time.January, day, 0, 0, 0, 0, time.UTC), rest, ""
}

// clock is a time of day with its offset from UTC.
type clock struct{ sinceMidnight, offset time.Duration }

// parseClock parses hh, hh:mm, hhmm, hh:mm:ss or hhmmss, a fraction of the seconds
// after . or , (truncated to microseconds), and an offset. Either all separators
// are colons or there are none. As in isoparse, the offset may follow any of these
// forms, and a number at the end of the text may have one digit.
func parseClock(b []byte) (clock, string) {
	if len(b) < 2 {
		return clock{}, badClock
	}
	var c clock
	parts, b, ok := clockParts(b)
	if !ok {
		return clock{}, badClock
	}
	var why string
	if c.sinceMidnight, why = parts.sinceMidnight(); why != "" {
		return clock{}, why
	}
	if len(b) > 0 {
		if !startsOffset(b[0]) {
			return clock{}, badClock
		}
		if c.offset, ok = parseOffset(b); !ok {
			return clock{}, badOffset
		}
	}
	return c, ""
}

// clockDigits holds the numbers of a time of day as written.
type clockDigits struct {
	hms    [3]int
	micros int
}

func clockParts(b []byte) (parts clockDigits, rest []byte, ok bool) {
	colons := false
	for i := range parts.hms {
		if len(b) == 0 || startsOffset(b[0]) {
			return parts, b, true
		}
		switch {
		case i == 1 && b[0] == ':':
			colons = true
			b = b[1:]
		case i == 2 && colons:
			if b[0] != ':' {
				return parts, nil, false
			}
			b = b[1:]
		}
		n := min(2, len(b))
		if parts.hms[i], ok = number(b[:n]); !ok {
			return parts, nil, false
		}
		b = b[n:]
	}
	parts.micros, b = fraction(b)
	return parts, b, true
}

// fraction parses .d+ or ,d+ as microseconds. It returns 0 and b if b begins with
// neither.
func fraction(b []byte) (micros int, rest []byte) {
	if len(b) < 2 || b[0] != '.' && b[0] != ',' || !isDigit(b[1]) {
		return 0, b
	}
	b = b[1:]
	unit := 100_000
	for len(b) > 0 && isDigit(b[0]) {
		micros += unit * int(b[0]-'0')
		unit /= 10
		b = b[1:]
	}
	return micros, b
}

// sinceMidnight accepts 24:00, the midnight at the end of the day.
func (p clockDigits) sinceMidnight() (time.Duration, string) {
	h, m, s := p.hms[0], p.hms[1], p.hms[2]
	if h > 24 || m > 59 || s > 59 || h == 24 && (m > 0 || s > 0 || p.micros > 0) {
		return 0, noSuchClock
	}
	return time.Duration(h)*time.Hour + time.Duration(m)*time.Minute +
		time.Duration(s)*time.Second + time.Duration(p.micros)*time.Microsecond, ""
}

func startsOffset(c byte) bool { return c == 'Z' || c == 'z' || c == '+' || c == '-' }

// parseOffset parses Z, z, ±hh, ±hhmm or ±hh:mm, at most 23:59. Like isoparse,
// which only counts characters, it also accepts ±hh:m and ±hhmmm.
func parseOffset(b []byte) (time.Duration, bool) {
	if len(b) == 1 && (b[0] == 'Z' || b[0] == 'z') {
		return 0, true
	}
	if len(b) != 3 && len(b) != 5 && len(b) != 6 || b[0] != '+' && b[0] != '-' {
		return 0, false
	}
	hours, ok := number(b[1:3])
	minutes := 0
	if ok && len(b) > 3 {
		digits := b[3:]
		if digits[0] == ':' {
			digits = digits[1:]
		}
		minutes, ok = number(digits)
	}
	if !ok || hours > 23 || minutes > 59 {
		return 0, false
	}
	d := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if b[0] == '-' {
		d = -d
	}
	return d, true
}
