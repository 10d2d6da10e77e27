// Package duration reads durations as people write them: Go's, and days and weeks.
package duration

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// longUnit is a number of days or weeks, which Go's durations lack.
var longUnit = regexp.MustCompile(`([0-9]*\.?[0-9]+)([dw])`)

var hours = map[string]float64{"d": 24, "w": 7 * 24}

// Parse reads a duration such as 90s, 1h30m, 7d, 1.5d or 1w2d. A day has 24 hours
// and a week has seven days. The error quotes the text and says what it may be.
func Parse(text string) (time.Duration, error) {
	inHours := longUnit.ReplaceAllStringFunc(strings.TrimSpace(text), func(part string) string {
		last := len(part) - 1
		n, err := strconv.ParseFloat(part[:last], 64)
		if err != nil {
			return part
		}
		return strconv.FormatFloat(n*hours[part[last:]], 'f', -1, 64) + "h"
	})
	d, err := time.ParseDuration(inHours)
	if err != nil {
		return 0, fmt.Errorf("%q is not a duration: want for example 90s, 1h30m, 7d or 1w2d", text)
	}
	return d, nil
}

// Value is a duration as the value of a flag.
type Value time.Duration

// Set reads the value with Parse.
func (v *Value) Set(text string) error {
	d, err := Parse(text)
	if err == nil {
		*v = Value(d)
	}
	return err
}

// String returns the duration as Go writes it, but 0 for 0s, which the help of a
// flag leaves out.
func (v *Value) String() string {
	if *v == 0 {
		return "0"
	}
	return time.Duration(*v).String()
}

// Type names the value in the help of a flag.
func (v *Value) Type() string { return "duration" }
