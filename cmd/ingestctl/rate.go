package main

import (
	"fmt"
	"regexp"
	"strconv"

	"github.com/spf13/pflag"
)

// rateFlag is a flag with a number per second, minute or hour; 0 means no limit.
type rateFlag struct {
	perSecond float64
	text      string
}

func (r *rateFlag) addFlag(flags *pflag.FlagSet) {
	flags.Var(r, "rate", "at most `N/s`, evenly, such as 50/s, 50 (a second) or 600/m; 0 means as fast as Redis can")
}

var ratePattern = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?)(?:/([smh]))?$`)

// The range of a rate, a second. A smaller one would not end within a life.
const (
	minRate = 0.01 / 3600
	maxRate = 1e9
)

// Set reads for example 50/s, 50 or 600/m.
func (r *rateFlag) Set(text string) error {
	parts := ratePattern.FindStringSubmatch(text)
	if parts == nil {
		return fmt.Errorf("%q is not a rate: want for example 50/s, 600/m or 1000/h", text)
	}
	n, err := strconv.ParseFloat(parts[1], 64)
	perSecond := n / map[string]float64{"": 1, "s": 1, "m": 60, "h": 3600}[parts[2]]
	if err != nil || perSecond != 0 && (perSecond < minRate || perSecond > maxRate) {
		return fmt.Errorf("%q is out of range: want 0.01/h to 1000000000/s, or 0 for no limit", text)
	}
	r.perSecond, r.text = perSecond, text
	return nil
}

func (r *rateFlag) String() string { return r.text }

// Type names the value in the help.
func (r *rateFlag) Type() string { return "N/s" }
