// Package record defines a customer record: how a body is decoded and
// validated, what identifies a record, to which partition it belongs, and the
// possible outcomes of its processing. It imports no other package of this
// module.
package record

import (
	"strings"
	"time"
)

// Record is a valid customer record in its stored form: strings are trimmed, the
// e-mail address is normalized, and CreatedAt is in UTC with microsecond
// precision.
type Record struct {
	ID         string // 64 hex digits; see Identity
	CustomerID string
	Name       string
	Email      string
	CreatedAt  time.Time
}

// identified returns r with its ID. The strings of the result are copies that
// share one allocation.
func (r Record) identified() Record {
	id := identity(r.CustomerID, r.Email, r.CreatedAt)
	var all strings.Builder
	all.Grow(idLen + len(r.CustomerID) + len(r.Name) + len(r.Email))
	all.Write(id[:])
	all.WriteString(r.CustomerID)
	all.WriteString(r.Name)
	all.WriteString(r.Email)
	text := all.String()
	next := func(n int) (part string) {
		part, text = text[:n], text[n:]
		return part
	}
	r.ID, r.CustomerID, r.Name, r.Email = next(idLen), next(len(r.CustomerID)), next(len(r.Name)), next(len(r.Email))
	return r
}
