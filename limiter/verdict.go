package limiter

import (
	"errors"
	"fmt"
)

// Request is one record to be judged. Times are in ms since 1970.
type Request struct {
	CustomerID string
	Member     string // the record's ID; must not contain '@'
	At         int64  // arrival; if it is 0, negative or later than the clock of Redis, that clock applies
}

// Verdict is the answer to a Request. Times are in ms since 1970.
type Verdict struct {
	Decision Decision
	Place    int64 // admission time, if Admitted or Reserved
	RetryAt  int64 // earliest time with room, if Refused; 0: never
	Limit    Limit // the limit that was applied
}

// Decision is the limiter's answer to a record.
type Decision uint8

// The decisions. The zero value means that the record has not been judged.
const (
	// Admitted: the record has its place, at its arrival or earlier.
	Admitted Decision = iota + 1
	// Refused: the window is full. Nothing was recorded.
	Refused
	// Reserved: the record has a place that lies after its arrival.
	Reserved
)

var decisions = [...]string{"open", "admitted", "refused", "reserved"}

// String returns the name of the decision.
func (d Decision) String() string {
	if int(d) >= len(decisions) {
		return "unknown"
	}
	return decisions[d]
}

// KeyError reports that a customer's key is not a sorted set, so that none of the
// customer's records can be judged. Other customers are not affected.
type KeyError struct {
	CustomerID string
	Key        string
}

// Error names the key and the remedy.
func (e *KeyError) Error() string {
	return fmt.Sprintf("limiter: key %q is not a sorted set: delete or rename it", e.Key)
}

// SplitKeyErrors separates the KeyErrors in an error of Judge from the rest. If the
// rest is nil, all verdicts are valid except those of the customers named by keys,
// which have no Decision.
func SplitKeyErrors(err error) (keys []*KeyError, rest error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var others []error
		for _, err := range joined.Unwrap() {
			k, other := SplitKeyErrors(err)
			keys, others = append(keys, k...), append(others, other)
		}
		return keys, errors.Join(others...)
	}
	var key *KeyError
	if errors.As(err, &key) {
		return []*KeyError{key}, nil
	}
	return nil, err
}
