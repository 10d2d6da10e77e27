package inspect

import (
	"fmt"
	"strings"
	"time"
)

var units = []struct {
	name string
	size time.Duration
}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}}

// Span is an exact duration for people, such as "1m", "1h 30m", "7d" or "2.5s".
func Span(d time.Duration) string {
	var parts []string
	for _, u := range units {
		if n := d / u.size; n > 0 {
			parts = append(parts, fmt.Sprintf("%d%s", n, u.name))
			d %= u.size
		}
	}
	if d != 0 || len(parts) == 0 {
		parts = append(parts, d.String())
	}
	return strings.Join(parts, " ")
}

// Age is a Span in whole seconds, of minutes if it has hours, and of hours if it has days.
func Age(d time.Duration) string {
	switch {
	case d >= 24*time.Hour:
		return Span(d.Truncate(time.Hour))
	case d >= time.Hour:
		return Span(d.Truncate(time.Minute))
	default:
		return Span(d.Truncate(time.Second))
	}
}
