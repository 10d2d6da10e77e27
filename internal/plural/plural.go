// Package plural counts things in messages.
package plural

import "fmt"

// Of returns n with the form of the noun that fits it, such as "1 entry is" or
// "0 entries are".
func Of[N ~int | ~int64](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
