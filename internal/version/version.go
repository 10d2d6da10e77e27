// Package version compares the versions of servers.
package version

import (
	"strconv"
	"strings"
)

// Older reports whether a dotted version number, such as 7.0.15, is less than another. Parts
// that are missing or no numbers count as 0; parts that the other one lacks do not count.
func Older(version, than string) bool {
	a, b := strings.Split(version, "."), strings.Split(than, ".")
	for i := range b {
		x, y := 0, 0
		if i < len(a) {
			x, _ = strconv.Atoi(a[i])
		}
		y, _ = strconv.Atoi(b[i])
		if x != y {
			return x < y
		}
	}
	return false
}
