package record

import "time"

// parseDate reads the date at the beginning of b and returns its midnight and
// what follows. The forms are YYYY, YYYY-MM, YYYY-MM-DD, YYYYMMDD, YYYY-Www,
// YYYYWww, YYYY-Www-D, YYYYWwwD, YYYY-DDD and YYYYDDD. A week or a month
// without its day can't be followed by anything.
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

// calendarDate reads what follows the year (and its dash) as month and day;
// it is not ok if it has another form.
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

// weekDate reads ww, wwD or ww-D. As in isoparse every year takes week 53,
// which may be the first week of the next year, and the last text of all may
// be a week of one digit.
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

// weekStart is the Monday of the year's first ISO week, the one with 4 January.
func weekStart(year int) time.Time {
	january4 := time.Date(year, time.January, 4, 0, 0, 0, 0, time.UTC)
	sinceMonday := (int(january4.Weekday()) + 6) % 7
	return january4.AddDate(0, 0, -sinceMonday)
}

// ordinalDate reads DDD, the day of the year. The basic form can't be followed
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
