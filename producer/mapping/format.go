package mapping

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/itchyny/timefmt-go"
)

// notation is a way to write times: a strftime format or a layout of package time.
type notation struct {
	format string
	// parse reads values without an offset in the zone.
	parse func(value string, zone *time.Location) (time.Time, error)
	write func(t time.Time) string
}

func newNotation(format string) notation {
	if strings.Contains(format, "%") {
		return notation{format,
			func(value string, zone *time.Location) (time.Time, error) { return strptime(value, format, zone) },
			func(t time.Time) string { return timefmt.Format(t, format) },
		}
	}
	return notation{format,
		func(value string, zone *time.Location) (time.Time, error) {
			return time.ParseInLocation(format, value, zone)
		},
		func(t time.Time) string { return t.Format(format) },
	}
}

// useFormat makes the clock read the format.
func (c *clock) useFormat(format string) error {
	n := newNotation(format)
	if err := n.check(); err != nil {
		return err
	}
	c.parse = n.parser(c.zone)
	c.want = fmt.Sprintf("in the time format %q, such as %q", format, n.write(time.Date(2024, time.January, 31, 14, 0, 0, 0, time.UTC)))
	return nil
}

// sample is a time for trying out a notation. In 2017, 29 November had the same
// weekday and the same week of the year.
var sample = time.Date(2023, time.November, 29, 16, 5, 7, 0, time.UTC)

// check returns an error if times would be read as others than were meant.
func (n notation) check() error {
	if strings.Contains(n.format, "%s") {
		return fmt.Errorf("the time format %q has seconds since 1970, which are called unix here", n.format)
	}
	if n.write(sample) == n.write(sample.AddDate(2017-2023, 0, 0)) {
		return fmt.Errorf("the time format %q has no year: want unix, unix-ms, excel, a strftime format such as %%d/%%m/%%Y %%H:%%M, or a layout of Go such as 02/01/2006 15:04", n.format)
	}
	hour := n.write(sample) != n.write(sample.Add(time.Hour))
	if hour && n.write(sample) == n.write(sample.Add(-12*time.Hour)) {
		return fmt.Errorf("the time format %q has hours up to 12 without AM and PM", n.format)
	}
	day, month := n.write(sample) != n.write(sample.AddDate(0, 0, 1)), n.write(sample) != n.write(sample.AddDate(0, -1, 0))
	switch {
	case hour && !day:
		return fmt.Errorf("the time format %q has hours, but no day", n.format)
	case day && !month:
		return fmt.Errorf("the time format %q has a day, but no month", n.format)
	}
	if _, err := n.parse(n.write(sample), time.UTC); err != nil {
		return fmt.Errorf("the time format %q can't be read: not all of it is known", n.format)
	}
	return nil
}

// parser returns the parse function of a clock.
func (n notation) parser(zone *time.Location) func(string) (time.Time, bool, bool) {
	switch {
	case n.shows("A", 1, "A", 2): // an offset
		return func(value string) (time.Time, bool, bool) {
			t, err := n.parse(value, zone)
			return t, false, err == nil
		}
	case n.shows("A", 1, "B", 1): // an abbreviation
		return func(value string) (time.Time, bool, bool) {
			t, err := n.parse(value, zone)
			return t, false, err == nil && abbreviated(t, value, zone)
		}
	}
	wall := !writesUTC.MatchString(n.write(sample))
	return func(value string) (time.Time, bool, bool) {
		t, err := n.parse(value, time.UTC)
		return t, wall, err == nil
	}
}

// writesUTC matches what is written with a notation that has no offset, but always says UTC.
var writesUTC = regexp.MustCompile(`\dZ\b|\b(UTC|GMT)\b`)

// shows reports whether the same clock reading is written differently in two zones,
// which have a name and an offset in hours.
func (n notation) shows(name1 string, hours1 int, name2 string, hours2 int) bool {
	in := func(name string, hours int) string {
		y, m, d := sample.Date()
		zone := time.FixedZone(name, hours*3600)
		return n.write(time.Date(y, m, d, sample.Hour(), sample.Minute(), sample.Second(), 0, zone))
	}
	return in(name1, hours1) != in(name2, hours2)
}

// abbreviated reports whether t, which was read from value, is in a known zone. Package
// time takes an abbreviation that it does not know for UTC.
func abbreviated(t time.Time, value string, zone *time.Location) bool {
	name, _ := t.Zone()
	known := t.Location() == zone || name == "UTC" || name == "GMT"
	return known && strings.Contains(value, name)
}

// strptime parses a value by a strftime format. Unlike the library, it refuses days
// that a month or year does not have, and years of less than four digits: the library
// takes 24 for the year 24.
func strptime(value, format string, zone *time.Location) (time.Time, error) {
	t, err := timefmt.ParseInLocation(value, format, zone)
	if err == nil && t.Year() < 1000 && !strings.Contains(value, fmt.Sprintf("%04d", t.Year())) {
		err = errShortYear
	}
	if err != nil || t.Day() > 3 {
		return t, err
	}
	// The library takes 30 February for 1 or 2 March. A month at the end of a format
	// replaces the one before, and January has all days. Likewise 2000 has day 366.
	january, err := timefmt.ParseInLocation(value+"\x001", format+"\x00%m", zone)
	if err == nil && january.Day() != t.Day() {
		err = errNoDay
	}
	if err == nil && t.YearDay() == 1 && strings.Contains(format, "%j") {
		if leap, _ := timefmt.ParseInLocation(value+"\x002000", format+"\x00%Y", zone); leap.YearDay() == 366 {
			err = errNoDay
		}
	}
	return t, err
}

var (
	errNoDay     = errors.New("no such day")
	errShortYear = errors.New("the year has less than four digits")
)
