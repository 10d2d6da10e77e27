package main

import (
	"fmt"
	"regexp"
	"strconv"
)

// rate is a flag with a number per second, minute or hour; 0 means no limit.
type rateFlag struct {
	perSecond float64
	text      string
}

var ratePattern = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?)(?:/([smh]))?$`)

// Set reads for example 50/s, 50 or 600/m.
func (r *rateFlag) Set(text string) error {
	parts := ratePattern.FindStringSubmatch(text)
	if parts == nil {
		return fmt.Errorf("%q is not a rate: want for example 50/s, 600/m or 1000/h", text)
	}
	n, err := strconv.ParseFloat(parts[1], 64)
	if err != nil {
		return err
	}
	r.perSecond, r.text = n/map[string]float64{"": 1, "s": 1, "m": 60, "h": 3600}[parts[2]], text
	return nil
}

func (r *rateFlag) String() string { return r.text }

// Type names the value in the help.
func (r *rateFlag) Type() string { return "N/s" }
