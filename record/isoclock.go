package record

import "time"

// clock is a time of day and its offset from UTC.
type clock struct{ sinceMidnight, offset time.Duration }

// parseClock reads hh, hh:mm, hhmm, hh:mm:ss or hhmmss, a fraction of the
// seconds after . or , (cut to microseconds), and an offset. Colons are used
// throughout or not at all. As in isoparse the offset may follow at any point,
// and the last number of all may have one digit.
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

// clockDigits are the numbers of a time of day as written.
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

// fraction reads .d+ or ,d+ as microseconds; without one it reads nothing.
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

// sinceMidnight takes 24:00 as the midnight that ends the day.
func (p clockDigits) sinceMidnight() (time.Duration, string) {
	h, m, s := p.hms[0], p.hms[1], p.hms[2]
	if h > 24 || m > 59 || s > 59 || h == 24 && (m > 0 || s > 0 || p.micros > 0) {
		return 0, noSuchClock
	}
	return time.Duration(h)*time.Hour + time.Duration(m)*time.Minute +
		time.Duration(s)*time.Second + time.Duration(p.micros)*time.Microsecond, ""
}

func startsOffset(c byte) bool { return c == 'Z' || c == 'z' || c == '+' || c == '-' }

// parseOffset reads Z, z, ±hh, ±hhmm or ±hh:mm, at most 23:59. By isoparse's
// count of characters it takes ±hh:m and ±hhmmm too.
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
