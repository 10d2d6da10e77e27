package main

import (
	"math"
	"strings"
	"testing"
)

func TestRates(t *testing.T) {
	for text, want := range map[string]float64{"50/s": 50, "50": 50, "600/m": 10, "0.5/h": 0.5 / 3600, "0.01/h": 0.01 / 3600, "1000000000": 1e9, "0": 0, "0/h": 0} {
		var r rateFlag
		if err := r.Set(text); err != nil || math.Abs(r.perSecond-want) > 1e-12 || r.String() != text {
			t.Errorf("%s: %v, %v; want %v", text, r.perSecond, err, want)
		}
	}
	for text, words := range map[string]string{
		"": "not a rate", "fast": "not a rate", "-1": "not a rate", "50/d": "not a rate", "50 /s": "not a rate", "1e3": "not a rate", "١/s": "not a rate",
		"NaN": "not a rate", "Inf": "not a rate", "0.009/h": "out of range", "1000000001": "out of range", strings.Repeat("9", 400) + "/h": "out of range",
		"0." + strings.Repeat("0", 30) + "1": "out of range",
	} {
		var r rateFlag
		if err := r.Set(text); err == nil || !strings.Contains(err.Error(), words) || r.perSecond != 0 {
			t.Errorf("%.20s: %v, %v; want %q", text, r.perSecond, err, words)
		}
	}
}
