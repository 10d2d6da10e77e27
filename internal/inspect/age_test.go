package inspect_test

import (
	"testing"
	"time"

	"ingestion/internal/inspect"
)

func TestSpanAndAge(t *testing.T) {
	const day = 24 * time.Hour
	for d, want := range map[time.Duration][2]string{
		0:                                    {"0s", "0s"},
		400 * time.Millisecond:               {"400ms", "0s"},
		2500 * time.Millisecond:              {"2.5s", "2s"},
		59 * time.Second:                     {"59s", "59s"},
		time.Minute:                          {"1m", "1m"},
		61 * time.Second:                     {"1m 1s", "1m 1s"},
		time.Hour:                            {"1h", "1h"},
		time.Hour + 30*time.Second:           {"1h 30s", "1h"},
		90*time.Minute + time.Second:         {"1h 30m 1s", "1h 30m"},
		day:                                  {"1d", "1d"},
		day + 59*time.Minute:                 {"1d 59m", "1d"},
		31*day + 2*time.Hour + 3*time.Minute: {"31d 2h 3m", "31d 2h"},
		-2 * time.Second:                     {"-2s", "-2s"},
	} {
		if got := [2]string{inspect.Span(d), inspect.Age(d)}; got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}
