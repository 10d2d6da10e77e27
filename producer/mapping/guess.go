package mapping

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// plausible reports whether a customer may have been created then.
func plausible(t time.Time) bool { return t.Year() >= 1980 && t.Year() < 2100 }

// Guess returns the time formats, at most three, in which all values are read as times
// from 1980 to 2099. Blank values are ignored.
func Guess(values []string) (formats []string) {
	var trimmed []string
	for _, v := range values {
		if v = strings.TrimSpace(v); v != "" {
			trimmed = append(trimmed, v)
		}
	}
	if len(trimmed) == 0 {
		return nil
	}
	for _, format := range usual() {
		c, err := newClock(format, time.UTC)
		if err == nil && !slices.ContainsFunc(trimmed, func(v string) bool { return !c.reads(v) }) {
			if formats = append(formats, format); len(formats) == 3 {
				break
			}
		}
	}
	return formats
}

func (c *clock) reads(value string) bool {
	t, _, ok := c.parse(value)
	return ok && plausible(t)
}

// usual returns formats that exports have.
func usual() []string {
	formats := []string{unix, unixMilli, "%Y%m%d", excel, "%Y%m%d%H%M%S"}
	for _, date := range []string{"%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%d %b %Y", "%d-%b-%Y", "%b %d, %Y", "%B %d, %Y", "%m/%d/%y", "%d/%m/%y", "%d.%m.%y"} {
		for _, clock := range []string{"", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", ", %H:%M", ", %I:%M %p"} {
			formats = append(formats, date+clock)
		}
	}
	return append(formats, "%Y-%m-%d %I:%M %p", "%Y-%m-%d %H:%M:%S %z", time.RFC1123, time.RFC1123Z, time.ANSIC)
}

// numeric returns clocks for the formats whose values are numbers, which may be
// mistaken for one another.
var numeric = sync.OnceValue(func() (clocks []*clock) {
	for _, format := range []string{unix, unixMilli, "%Y%m%d", excel, "%Y", "%Y%m%d%H%M%S"} {
		if c, err := newClock(format, nil); err == nil {
			clocks = append(clocks, c)
		}
	}
	return clocks
})

// other says in which other numeric format a value would be plausible, or nothing.
func (c *clock) other(value string) string {
	if strings.Trim(value, "0123456789.") != "" {
		return ""
	}
	for _, n := range numeric() {
		if n.format != c.format && n.reads(value) {
			return "; it may be in the time format " + n.format
		}
	}
	return ""
}

// Doubt says why records probably have wrong times, or nothing: none of them is of
// 1980 to 2099, but all would be if their numbers were in another time format.
func (m *Mapping) Doubt(records [][]byte) string {
	if m.clock == nil || m.clock.number() == nil {
		return ""
	}
	var times []time.Time
	for _, record := range records {
		t, err := time.Parse(time.RFC3339, CreatedAt(record))
		if err != nil || plausible(t) {
			return ""
		}
		times = append(times, t)
	}
	if len(times) == 0 {
		return ""
	}
	for _, n := range numeric() {
		var others []time.Time
		for _, t := range times {
			if other, _, ok := n.parse(m.clock.number()(t)); ok && plausible(other) {
				others = append(others, other)
			}
		}
		if n.format != m.clock.format && len(others) == len(times) {
			return fmt.Sprintf("in the time format %s, createdAt is of %s; in %s it would be of %s", m.clock.format, years(times), n.format, years(others))
		}
	}
	return ""
}

// number returns the function that writes a time as a number in the clock's format, or
// nil.
func (c *clock) number() func(time.Time) string {
	switch c.format {
	case unix:
		return func(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }
	case unixMilli:
		return func(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }
	case excel:
		return func(t time.Time) string {
			_, offset := t.Zone()
			days := t.Add(time.Duration(offset)*time.Second).Sub(time.Date(1899, time.December, 30, 0, 0, 0, 0, time.UTC)).Hours() / 24
			return strconv.FormatInt(int64(days), 10)
		}
	}
	return nil
}

// years returns the years of times: 1970, or 2021 to 2024.
func years(times []time.Time) string {
	first, last := times[0].Year(), times[0].Year()
	for _, t := range times {
		first, last = min(first, t.Year()), max(last, t.Year())
	}
	if first == last {
		return strconv.Itoa(first)
	}
	return fmt.Sprintf("%d to %d", first, last)
}

// CreatedAt returns the createdAt of a record, or nothing.
func CreatedAt(record []byte) string {
	members, _ := parseMembers(record)
	if i := find(members, fieldNames[createdAt]); i >= 0 {
		if text, err := jsontext.AppendUnquote(nil, members[i].value); err == nil {
			return string(text)
		}
	}
	return ""
}
