package mapping

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// maxSeconds is far beyond the year 9999. It keeps the arithmetic within int64.
const maxSeconds = 1 << 40

// parseUnix parses seconds since 1970, with an optional fraction, truncated to
// nanoseconds.
func parseUnix(value string) (t time.Time, wall, ok bool) {
	whole, fraction, dotted := strings.Cut(value, ".")
	seconds, ok := integer(whole)
	if !ok || dotted && !digits(fraction) || seconds > maxSeconds || seconds < -maxSeconds {
		return t, false, false
	}
	nanos, _ := strconv.ParseInt((fraction + "000000000")[:9], 10, 64) // digits only
	if strings.HasPrefix(whole, "-") {
		nanos = -nanos
	}
	return time.Unix(seconds, nanos).UTC(), false, true
}

func parseUnixMilli(value string) (t time.Time, wall, ok bool) {
	millis, ok := integer(value)
	if !ok || millis > maxSeconds*1000 || millis < -maxSeconds*1000 {
		return t, false, false
	}
	return time.UnixMilli(millis).UTC(), false, true
}

// parseExcel parses a serial date in the 1900 date system, rounded to milliseconds.
// That system has a day that never was, 29 February 1900, which is serial 60. Source:
// "Excel incorrectly assumes that the year 1900 is a leap year",
// https://learn.microsoft.com/en-us/office/troubleshoot/excel/wrongly-assumes-1900-is-leap-year
func parseExcel(value string) (t time.Time, wall, ok bool) {
	const (
		leapDay = 60
		last    = 2958466 // the day after 9999-12-31
	)
	whole, fraction, dotted := strings.Cut(value, ".")
	if !digits(whole) || dotted && !digits(fraction) {
		return t, false, false
	}
	serial, err := strconv.ParseFloat(value, 64)
	if err != nil || serial < 1 || serial >= last || math.Floor(serial) == leapDay {
		return t, false, false
	}
	zero := time.Date(1899, time.December, 30, 0, 0, 0, 0, time.UTC)
	if serial < leapDay {
		zero = zero.AddDate(0, 0, 1)
	}
	days, part := math.Modf(serial)
	const day = 24 * time.Hour
	millis := time.Duration(math.Round(part * float64(day/time.Millisecond)))
	return zero.AddDate(0, 0, int(days)).Add(millis * time.Millisecond), true, true
}

// integer parses digits after an optional minus sign.
func integer(value string) (n int64, ok bool) {
	if !digits(strings.TrimPrefix(value, "-")) {
		return 0, false
	}
	n, err := strconv.ParseInt(value, 10, 64)
	return n, err == nil
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
