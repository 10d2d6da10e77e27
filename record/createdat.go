package record

import "time"

// The reasons for which a createdAt is refused.
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

// The first second of year 1 and of year 10000, as Unix time.
const (
	yearOneUnix         = -62135596800
	yearTenThousandUnix = 253402300800
)

// parseCreatedAt reads an ISO 8601 time as dateutil.parser.isoparse does
// (https://dateutil.readthedocs.io/en/stable/parser.html#dateutil.parser.isoparse),
// or says why it is refused. It is stricter in two points: the separator is T,
// t or one space, and a number consists of digits only, where isoparse takes
// whatever Python's int does (" 1", "+1"). Without an offset the time is UTC.
// The result is UTC, cut to microseconds.
func parseCreatedAt(text []byte) (t time.Time, why string) {
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

// number reads digits only; anything else, and no digit at all, is not ok.
func number(b []byte) (n int, ok bool) {
	for _, c := range b {
		if !isDigit(c) {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, len(b) > 0
}
