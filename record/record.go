// Package record knows what a customer record is: how a body is decoded and
// judged, what identifies a record, and in which outcome a delivery can end.
// It imports nothing else of this module.
package record

import "time"

// Record is one accepted customer record in its stored form: strings are
// trimmed, the e-mail address is normalised, CreatedAt is UTC with at most
// microseconds.
type Record struct {
	ID         string // 64 hex digits, see Identity
	CustomerID string
	Name       string
	Email      string
	CreatedAt  time.Time
}
