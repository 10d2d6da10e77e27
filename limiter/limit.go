package limiter

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Bounds of a limit, both of the default and of a customer's own.
const (
	MaxRecords = 1_000_000
	MaxWindow  = 31 * 24 * time.Hour
	// MaxWindowsAhead bounds the delay of a reserved record: a repeated record is
	// looked for in each window in which it may have its place.
	MaxWindowsAhead = 3600
)

// ValidWindow reports whether d can be the length of a window: 1 ms to MaxWindow, in
// whole milliseconds.
func ValidWindow(d time.Duration) bool {
	return d >= time.Millisecond && d <= MaxWindow && d%time.Millisecond == 0
}

// Limit is the maximum number of a customer's records in any window.
type Limit struct {
	Mode    Mode
	Records int           // 1 to MaxRecords if Mode is Windowed, else 0
	Window  time.Duration // half-open; whole seconds in a customer's own limit
}

// Mode is how a customer is limited.
type Mode uint8

// The modes. The zero value is the ordinary one.
const (
	// Windowed: at most Limit.Records in any Limit.Window.
	Windowed Mode = iota
	// Off: every record is admitted and none is counted.
	Off
	// Block: every record is refused.
	Block
)

// String formats the limit as ParseLimit reads it: "5/60", "off" or "block".
func (l Limit) String() string {
	switch l.Mode {
	case Off:
		return "off"
	case Block:
		return "block"
	default:
		seconds := strconv.FormatFloat(l.Window.Seconds(), 'f', -1, 64)
		return strconv.Itoa(l.Records) + "/" + seconds
	}
}

// ParseLimit parses a customer's own limit: "limit/windowSec" in decimal digits
// without leading zeros, "off" or "block". judge.lua accepts the same texts.
func ParseLimit(text string) (Limit, error) {
	switch text {
	case "off":
		return Limit{Mode: Off}, nil
	case "block":
		return Limit{Mode: Block}, nil
	}
	left, right, _ := strings.Cut(text, "/")
	records, ok1 := parsePositive(left, MaxRecords)
	seconds, ok2 := parsePositive(right, int(MaxWindow/time.Second))
	if !ok1 || !ok2 {
		return Limit{}, fmt.Errorf("limit %.40q: want limit/windowSec with a limit of 1 to %d and a window of 1 to %d s, or off, or block",
			text, MaxRecords, int(MaxWindow/time.Second))
	}
	return Limit{Records: records, Window: time.Duration(seconds) * time.Second}, nil
}

func parsePositive(digits string, most int) (int, bool) {
	n, err := strconv.Atoi(digits)
	return n, err == nil && n >= 1 && n <= most && digits == strconv.Itoa(n)
}
