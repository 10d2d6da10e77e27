package main

import (
	"io"

	"ingestion/internal/answer"
)

// printJSON prints one indented JSON value.
func printJSON(w io.Writer, value any) error { return answer.Write(w, value, "  ") }
