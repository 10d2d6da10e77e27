// Package plural counts things in messages.
package plural

import (
	"fmt"

	"github.com/dustin/go-humanize"
)

// Of returns n with the form of the noun that fits it, such as "1 entry is" or
// "0 entries are".
func Of[N ~int | ~int64](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// Counted is Of with commas in the number, such as "1,000 entries are".
func Counted[N ~int | ~int64](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Thousands(n) + " " + many
}

// Thousands is a number with commas.
func Thousands[N ~int | ~int64](n N) string { return humanize.Comma(int64(n)) }
