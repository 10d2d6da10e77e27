package mapping

import (
	"strings"
	"time"
)

// parseISO parses the usual forms of ISO 8601: a date, and a time of day after T or
// a space, with at least hours and minutes. Either both are in the extended form or
// both are in the basic one.
func parseISO(value string) (t time.Time, wall, ok bool) {
	layout, wall := isoLayout(value)
	t, err := time.Parse(layout, value)
	return t, wall, err == nil
}

// isoLayout returns the layout that a value seems to have, and whether that has no
// offset.
func isoLayout(value string) (layout string, wall bool) {
	date, colon := "2006-01-02", ":"
	if len(value) < 5 || value[4] != '-' {
		date, colon = "20060102", ""
	}
	if len(value) <= len(date) {
		return date, true
	}
	separator := "T"
	if value[len(date)] == ' ' {
		separator = " "
	}
	clock, offset := value[len(date)+1:], ""
	if i := strings.IndexAny(clock, "Z+-"); i >= 0 {
		clock, offset = clock[:i], clock[i:]
	}
	layout = date + separator + "15" + colon + "04"
	if len(clock) > len("15"+colon+"04") {
		layout += colon + "05"
	}
	switch len(offset) {
	case 0:
		return layout, true
	case len("+05"):
		return layout + "Z07", false
	case len("+0530"):
		return layout + "Z0700", false
	}
	return layout + "Z07:00", false
}

// isDateTime reports whether a value seems to be a date and a time of day as ISO 8601
// has them, to the second and with T between them. No other notation looks like that,
// so such a value is read whatever the time format is. Dates of a spreadsheet are
// written so.
func isDateTime(value string) bool {
	const least = "2006-01-02T15:04:05"
	return len(value) >= len(least) && value[len("2006-01-02")] == 'T' && value[4] == '-'
}
