package file

import (
	"math"
	"time"
)

// isoDate returns a date in ISO 8601, with milliseconds where it has them. In the date
// system of 1900, the day 60 is 29 February 1900, which did not exist (ECMA-376,
// 18.17.4.1).
func isoDate(serial float64, is1904 bool) value {
	const day = 24 * time.Hour / time.Millisecond
	first, last := time.Duration(1), time.Duration(2958465) // 9999-12-31
	epoch := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	if is1904 {
		first, last = 0, 2957003
		epoch = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	millis := time.Duration(math.Round(min(max(serial, -1), 1e7) * float64(day)))
	days := millis / day
	if millis < first*day || days > last || !is1904 && days == 60 {
		return value{text: decimal(serial), fault: "the number in the cell is shown as a date, but is that of no day"}
	}
	if !is1904 && days < 60 {
		days++
	}
	layout := "2006-01-02T15:04:05"
	if millis%1000 != 0 {
		layout += ".000"
	}
	return value{text: epoch.AddDate(0, 0, int(days)).Add(millis % day * time.Millisecond).Format(layout)}
}
