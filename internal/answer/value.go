// Package answer has the JSON with which ingestctl --json and the console's API answer,
// as docs/schema says. What is unknown or absent is null, never 0. It reads nothing.
package answer

import (
	"encoding/json"
	"io"
	"time"

	"ingestion/internal/logging"
)

// Write writes one JSON value, indented unless indent is empty. No text in it can control
// a terminal.
func Write(w io.Writer, value any, indent string) error {
	encoder := json.NewEncoder(logging.EscapeControls(w))
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", indent)
	return encoder.Encode(value)
}

// Text is a text; nil if it is empty.
func Text(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// Error is the text of an error; nil if there is none.
func Error(err error) *string {
	if err == nil {
		return nil
	}
	text := err.Error()
	return &text
}

// Moment is a time as RFC 3339 with ms, in UTC.
func Moment(at time.Time) string { return at.UTC().Format(logging.TimeLayout) }

// Time is a moment; nil for the zero time.
func Time(at time.Time) *string {
	if at.IsZero() {
		return nil
	}
	return Text(Moment(at))
}

// Times are moments, never null.
func Times(all []time.Time) []string {
	list := []string{}
	for _, at := range all {
		list = append(list, Moment(at))
	}
	return list
}

// Known is n, or nil if it is not known.
func Known(ok bool, n int64) *int64 {
	if !ok {
		return nil
	}
	return &n
}

// Seconds is a duration in seconds, to the ms; nil if it is not known.
func Seconds(d time.Duration, known bool) *float64 {
	if !known {
		return nil
	}
	seconds := d.Truncate(time.Millisecond).Seconds()
	return &seconds
}
