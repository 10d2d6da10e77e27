package record

import (
	"strings"
	"unsafe"
)

// view is text as a string, without a copy. It is valid as long as text is not
// changed, so none may leave the package: what a record keeps is copied by
// identified.
func view(text []byte) string { return unsafe.String(unsafe.SliceData(text), len(text)) }

// identified is r with its ID, and with texts of its own that share one
// allocation.
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
