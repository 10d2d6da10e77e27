package limiter

// Decision is what the limiter says to a record.
type Decision uint8

// The decisions. The zero value means that the record has not been judged.
const (
	// Admitted: the record has its place, at its own time or before.
	Admitted Decision = iota + 1
	// Refused: the window is full and nothing was recorded.
	Refused
	// Reserved: the record has a place that lies ahead of its own time.
	Reserved
)

var decisions = [...]string{"open", "admitted", "refused", "reserved"}

// String is the decision's name.
func (d Decision) String() string {
	if int(d) >= len(decisions) {
		return "unknown"
	}
	return decisions[d]
}

// Request is one record to be judged. Times are ms since 1970.
type Request struct {
	CustomerID string
	Member     string // the record's ID; without '@'
	At         int64  // arrival; 0 or less, or later than the clock of Redis: that clock
}

// Verdict is the answer to a Request. Times are ms since 1970.
type Verdict struct {
	Decision Decision
	Place    int64 // admission time, if Admitted or Reserved
	RetryAt  int64 // earliest time with room, if Refused; 0: there is none
	Limit    Limit // the one applied
}
