package main

import (
	"io"

	"ingestion/cmd/ingestctl/internal/sheet"
	"ingestion/internal/answer"
)

// writeStatusJSON writes one object, in one line if indent is empty.
func writeStatusJSON(w io.Writer, sh sheet.Sheet, indent string) error {
	return answer.Write(w, answer.StatusOf(sh.State, sh.Findings), indent)
}
