package limiter

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Mode says how a customer is limited.
type Mode uint8

// The modes. The zero value is the ordinary one.
const (
	// Windowed: at most Limit.Records in any Limit.Window.
	Windowed Mode = iota
	// Off: every record is admitted, none is counted.
	Off
	// Block: every record is refused.
	Block
)

// Bounds of a limit, for a customer's own as for the default.
const (
	MaxRecords = 1_000_000
	MaxWindow  = 31 * 24 * time.Hour
	// MaxWindowsAhead bounds by the window how long a record may be put off: a
	// repeated record is looked for in each window that it may have its place in.
	MaxWindowsAhead = 3600
)

// Limit is how many records of a customer any window may hold.
type Limit struct {
	Mode    Mode
	Records int           // 1 to MaxRecords where Mode is Windowed, else 0
	Window  time.Duration // half-open; whole seconds in a customer's own limit
}

// String writes the limit as ParseLimit reads it: "5/60", "off" or "block".
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

// ParseLimit reads a customer's own limit: "limit/windowSec" in plain decimal
// numbers without leading zeros, "off" or "block". judge.lua reads the same.
func ParseLimit(text string) (Limit, error) {
	switch text {
	case "off":
		return Limit{Mode: Off}, nil
	case "block":
		return Limit{Mode: Block}, nil
	}
	left, right, _ := strings.Cut(text, "/")
	records, ok1 := positive(left, MaxRecords)
	seconds, ok2 := positive(right, int(MaxWindow/time.Second))
	if !ok1 || !ok2 {
		return Limit{}, fmt.Errorf("limit %.40q: want limit/windowSec with a limit of 1 to %d and a window of 1 to %d s, or off, or block",
			text, MaxRecords, int(MaxWindow/time.Second))
	}
	return Limit{Records: records, Window: time.Duration(seconds) * time.Second}, nil
}

func positive(digits string, most int) (int, bool) {
	n, err := strconv.Atoi(digits)
	return n, err == nil && n >= 1 && n <= most && digits == strconv.Itoa(n)
}
