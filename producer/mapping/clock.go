package mapping

import (
	"strings"
	"time"
)

// clock reads times.
type clock struct {
	format string
	zone   *time.Location
	given  bool // the zone is given by the Options
	// parse reads a value. If the value has no offset, the result has wall set and
	// its fields in UTC.
	parse func(value string) (t time.Time, wall, ok bool)
	want  string // what a value must be
}

// newClock returns nil if times remain unchanged.
func newClock(format string, zone *time.Location) (*clock, error) {
	if format == "" && zone == nil {
		return nil, nil
	}
	c := &clock{format: format, zone: zone, given: zone != nil}
	if zone == nil {
		c.zone = time.UTC
	}
	switch format {
	case "":
		c.parse, c.want = parseISO, "an ISO 8601 time such as 2024-01-31T12:00:00; other times need a time format"
	case unix:
		c.parse, c.want = parseUnix, "seconds since 1970, such as 1706702400"
	case unixMilli:
		c.parse, c.want = parseUnixMilli, "milliseconds since 1970, such as 1706702400000"
	case excel:
		c.parse, c.want = parseExcel, "days since 1900, such as 45322.5"
	default:
		return c, c.useFormat(format)
	}
	return c, nil
}

// Time formats that are no layouts.
const (
	unix      = "unix"
	unixMilli = "unix-ms"
	excel     = "excel"
)

// read parses a value, or says why it can't. A value without an offset is in the
// clock's zone, or in UTC. The result can be written in RFC 3339.
func (c *clock) read(value string, utc bool) (t time.Time, why unread) {
	value = strings.TrimSpace(value)
	if value == "" {
		return t, unread{rule: "blank"}
	}
	t, wall, ok := c.parse(value)
	if !ok && isDateTime(value) {
		t, wall, ok = parseISO(value)
	}
	if !ok {
		return t, unread{value, "not " + c.want + c.other(value)}
	}
	switch {
	case !wall:
		t = t.In(c.zone)
	case !utc:
		t = place(t, c.zone)
	}
	if _, offset := t.Zone(); offset%60 != 0 {
		t = t.UTC() // RFC 3339 has no seconds in offsets
	}
	if !fourDigits(t) || !fourDigits(t.UTC()) {
		return t, unread{value, "not in the years 1 to 9999" + c.other(value)}
	}
	return t, unread{}
}

// unread says why a value is not read. The zero value means that it is.
type unread struct{ value, rule string }

func (u unread) String() string {
	if u.value == "" {
		return u.rule
	}
	return shorten(u.value) + " is " + u.rule
}

func fourDigits(t time.Time) bool { return t.Year() >= 1 && t.Year() <= 9999 }

// place returns the instant at which clocks in the zone show the fields of t. Like
// java.time (https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/time/ZonedDateTime.html),
// it moves a time that the clocks skip by as much as they are set forward, and takes
// the first of two instants at which they show the same.
func place(t time.Time, zone *time.Location) time.Time {
	if zone == time.UTC {
		return t
	}
	year, month, day := t.Date()
	placed := time.Date(year, month, day, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), zone)
	_, offset := placed.Zone()
	if shown := placed.Add(time.Duration(offset) * time.Second); shown.Before(t) {
		return at(t, offset, zone) // skipped; the offset is that of before
	}
	if start, _ := placed.ZoneBounds(); !start.IsZero() {
		_, before := start.Add(-1).Zone()
		if first := at(t, before, zone); first.Before(start) {
			return first
		}
	}
	return placed
}

// at returns the instant at which clocks that are this many seconds ahead of UTC show
// the fields of t.
func at(t time.Time, offset int, zone *time.Location) time.Time {
	return t.Add(-time.Duration(offset) * time.Second).In(zone)
}
