package main

import (
	"fmt"
	"strings"
	"time"

	"ingestion/internal/answer"
	"ingestion/internal/letters"
	"ingestion/internal/logging"
	"ingestion/store"
)

func (s *session) printDocument(f *findFlags, d *store.Stored) error {
	if !f.reveal {
		d.Name, d.Email = letters.MaskedText(d.Name), letters.MaskedEmail(d.Email)
	}
	if f.json {
		return s.printDocumentJSON(d, !f.reveal)
	}
	var b strings.Builder
	for _, field := range [][2]string{
		{"_id", d.ID}, {"customerId", d.CustomerID}, {"name", d.Name}, {"email", d.Email},
		{"createdAt", dateOf(d.CreatedAt)}, {"ingestedAt", dateOf(d.IngestedAt)}, {"streamId", d.StreamID},
	} {
		fmt.Fprintf(&b, "%-10s  %s\n", field[0], column(field[1]))
	}
	_, err := fmt.Fprintln(s.out, b.String())
	return err
}

// foundJSON is a document as JSON; docs/schema/ingestctl-find.json describes it.
type foundJSON struct {
	Version    int     `json:"version"`
	ID         string  `json:"_id"`
	CustomerID string  `json:"customerId"`
	Name       string  `json:"name"`
	Email      string  `json:"email"`
	CreatedAt  *string `json:"createdAt"`
	IngestedAt *string `json:"ingestedAt"`
	StreamID   string  `json:"streamId,omitempty"`
	Masked     bool    `json:"masked"`
}

func (s *session) printDocumentJSON(d *store.Stored, masked bool) error {
	return answer.Write(s.out, foundJSON{
		1, d.ID, d.CustomerID, d.Name, d.Email, answer.Time(d.CreatedAt), answer.Time(d.IngestedAt), d.StreamID, masked,
	}, "")
}

func dateOf(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.Format(logging.TimeLayout)
}
