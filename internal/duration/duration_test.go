package duration_test

import (
	"strings"
	"testing"
	"time"

	"ingestion/internal/duration"
)

func TestParse(t *testing.T) {
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"0": 0, "90s": 90 * time.Second, "1h30m": 90 * time.Minute, "1.5h": 90 * time.Minute, "250ms": 250 * time.Millisecond,
		"7d": 7 * day, "1w": 7 * day, "1w2d": 9 * day, "1d12h": 36 * time.Hour, "1.5d": 36 * time.Hour, ".5w": 84 * time.Hour, "-1d": -day, " 2d ": 2 * day,
	} {
		if got, err := duration.Parse(text); err != nil || got != want {
			t.Errorf("Parse(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"", "7", "d", "7 days", "1y", "7D", "1.2.3d", "99999999w"} {
		got, err := duration.Parse(text)
		if err == nil {
			t.Errorf("Parse(%q) = %v, want an error", text, got)
			continue
		}
		if !strings.HasPrefix(err.Error(), `"`+text+`" is not a duration`) || strings.Contains(err.Error(), "time:") {
			t.Errorf("Parse(%q): %v", text, err)
		}
	}
}

func TestValueOfAFlag(t *testing.T) {
	v := duration.Value(time.Minute)
	if err := v.Set("soon"); err == nil || v.String() != "1m0s" {
		t.Errorf("after a bad value: %v, %v", &v, err)
	}
	if err := v.Set("7d"); err != nil || time.Duration(v) != 7*24*time.Hour {
		t.Errorf("after 7d: %v, %v", &v, err)
	}
}
