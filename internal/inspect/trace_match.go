package inspect

import (
	"encoding/json"
	"strings"
	"time"

	"ingestion/record"
)

// matcher says which records are looked for.
type matcher struct {
	customerID string
	email      string
	createdAt  time.Time
	documentID string // "" for any
}

// match reports whether a body is one of them. A body that is not a valid record has no
// _id: it matches by its customer and by what its members say.
func (m matcher) match(d record.Decoder, body []byte) bool {
	if m.customerID != "" {
		if id, ok := record.PeekCustomerID(body); !ok || id != m.customerID {
			return false
		}
		if m.email == "" && m.createdAt.IsZero() {
			return true
		}
	}
	r, err := d.Decode(body)
	if err != nil {
		return (m.customerID != "" || m.email != "") && m.matchRefused(body)
	}
	return (m.email == "" || r.Email == m.email) && (m.createdAt.IsZero() || r.CreatedAt.Equal(m.createdAt)) && (m.documentID == "" || r.ID == m.documentID)
}

// matchRefused compares the members of an object that is not a valid record.
func (m matcher) matchRefused(body []byte) bool {
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil {
		return false
	}
	if m.email != "" && Email(memberText(members["email"])) != m.email {
		return false
	}
	if m.createdAt.IsZero() {
		return true
	}
	at, err := CreatedAt(memberText(members["createdAt"]))
	return err == nil && at.Equal(m.createdAt)
}

// memberText is the text of a JSON string, and other values as they are written.
func memberText(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) != nil {
		return string(value)
	}
	return text
}

// Email returns an address as records store it, or trimmed if they are refused for it.
func Email(address string) string {
	address = strings.TrimSpace(address)
	if stored, err := record.NormalizeEmail(address); err == nil {
		return stored
	}
	return address
}
