package sheet

import (
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"ingestion/internal/inspect"
)

// unknown is what is printed for a value that is not known.
const unknown = "unknown"

// count is a number in at most 15 columns: exact up to 10^12.
func count(n int64) string {
	if -1e12 < n && n < 1e12 {
		return humanize.Comma(n)
	}
	return Short(n)
}

// Short is a number in at most 7 columns: exact up to 10^5.
func Short(n int64) string {
	switch {
	case -1e4 < n && n < 1e5:
		return humanize.Comma(n)
	case -1e15 < n && n < 1e15:
		return humanize.SIWithDigits(float64(n), 1, "")
	default:
		return fmt.Sprintf("%.1e", float64(n))
	}
}

// bytes is an amount of memory.
func bytes(n int64) string {
	if n < 0 {
		return unknown
	}
	return humanize.IBytes(uint64(n))
}

// age is about how long ago an entry arrived, in at most 5 columns; "-" if there is none.
func age(p inspect.Partition, id string) string {
	d, ok := p.Age(id)
	if !ok {
		return "-"
	}
	return largest(d)
}

// largest is a duration in its largest unit.
func largest(d time.Duration) string {
	text, _, _ := strings.Cut(inspect.Age(d), " ")
	return text
}

// milliseconds is a short time.
func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%d ms", max(1, d.Milliseconds()))
}
