package config

import (
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"time"

	"ingestion/internal/duration"
	"ingestion/internal/redisconn"
)

// Level is a log level. It accepts Go's and Python's names.
type Level slog.Level

// UnmarshalText reads DEBUG, INFO, WARN or WARNING, ERROR, CRITICAL in any case.
func (l *Level) UnmarshalText(text []byte) error {
	switch strings.ToUpper(strings.TrimSpace(string(text))) {
	case "DEBUG":
		*l = Level(slog.LevelDebug)
	case "INFO":
		*l = Level(slog.LevelInfo)
	case "WARN", "WARNING":
		*l = Level(slog.LevelWarn)
	case "ERROR":
		*l = Level(slog.LevelError)
	case "CRITICAL", "FATAL":
		*l = Level(slog.LevelError + 4)
	default:
		return fmt.Errorf("%q is not one of DEBUG, INFO, WARNING, ERROR, CRITICAL", text)
	}
	return nil
}

func (l Level) String() string {
	if slog.Level(l) > slog.LevelError {
		return "CRITICAL"
	}
	return slog.Level(l).String()
}

// Switch is a variable that is on or off.
type Switch bool

// UnmarshalText reads on/off, true/false, yes/no, 1/0 in any case.
func (s *Switch) UnmarshalText(text []byte) error {
	switch strings.ToLower(strings.TrimSpace(string(text))) {
	case "on", "true", "yes", "1":
		*s = true
	case "off", "false", "no", "0":
		*s = false
	default:
		return fmt.Errorf("%q is neither on nor off", text)
	}
	return nil
}

func (s Switch) String() string {
	if s {
		return "on"
	}
	return "off"
}

// Seconds is a duration written as a number of seconds, fractions allowed.
type Seconds time.Duration

// UnmarshalText reads a decimal number of seconds from 0 to ten years.
func (s *Seconds) UnmarshalText(text []byte) error {
	d, err := parseUnits(string(text), time.Second)
	*s = Seconds(d)
	return err
}

// Duration converts to Go's type.
func (s Seconds) Duration() time.Duration { return time.Duration(s) }

func (s Seconds) String() string {
	return strconv.FormatFloat(time.Duration(s).Seconds(), 'f', -1, 64)
}

// Millis is a duration written as a number of milliseconds.
type Millis time.Duration

// UnmarshalText reads a decimal number of milliseconds from 0 to ten years.
func (m *Millis) UnmarshalText(text []byte) error {
	d, err := parseUnits(string(text), time.Millisecond)
	*m = Millis(d)
	return err
}

// Duration converts to Go's type.
func (m Millis) Duration() time.Duration { return time.Duration(m) }

func (m Millis) String() string {
	return strconv.FormatFloat(float64(m)/float64(time.Millisecond), 'f', -1, 64)
}

const longest = 10 * 365 * 24 * time.Hour

func parseUnits(text string, unit time.Duration) (time.Duration, error) {
	f, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || f != f {
		return 0, notANumber(text, unit)
	}
	if f < 0 || f > float64(longest/unit) {
		return 0, fmt.Errorf("%q is out of range: want 0 to %d", text, longest/unit)
	}
	return time.Duration(math.Round(f * float64(unit))), nil
}

// notANumber says how a duration such as 5m is written in a setting that takes a
// number.
func notANumber(text string, unit time.Duration) error {
	units := "milliseconds"
	if unit == time.Second {
		units = "seconds"
	}
	if d, err := duration.Parse(text); err == nil && d >= 0 {
		return fmt.Errorf("%q is not a number of %s: want %s", text, units, strconv.FormatFloat(float64(d)/float64(unit), 'f', -1, 64))
	}
	return fmt.Errorf("%q is not a number of %s", text, units)
}

// Retention is how long settled entries stay on the stream; negative means for ever.
type Retention time.Duration

// Forever never deletes settled entries.
const Forever Retention = -1

// UnmarshalText reads a duration such as 90m, 1h, 7d or 1w2d, 0 or forever.
func (r *Retention) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	if strings.EqualFold(s, "forever") {
		*r = Forever
		return nil
	}
	d, err := duration.Parse(s)
	if err != nil || d < 0 {
		return fmt.Errorf("%q is not a duration: want for example 30m, 1h, 7d, 0 or forever", text)
	}
	*r = Retention(d)
	return nil
}

func (r Retention) String() string {
	if r < 0 {
		return "forever"
	}
	return time.Duration(r).String()
}

// Secret is a URL that may hold a password. It prints redacted; only the client
// that connects needs Reveal.
type Secret string

// Reveal returns the URL as it was given.
func (s Secret) Reveal() string { return string(s) }

// String returns the URL without user, password and query.
func (s Secret) String() string { return redisconn.Redact(string(s)) }

// GoString keeps %#v from printing the password.
func (s Secret) GoString() string { return s.String() }

// LogValue keeps slog from printing the password.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
