package archive

import (
	"encoding/base64"

	"github.com/go-json-experiment/json/jsontext"
)

// A segment has one line per entry:
//
//	{"id":"1795477478417-0","fields":[["data","…"],["traceparent","…"]]}
//
// A name or value that is not valid UTF-8 is {"base64":"…"} instead of a string.

// appendLine appends the line of an entry, with its newline.
func appendLine(b []byte, e *Entry) []byte {
	b = append(b, `{"id":"`...)
	b = append(b, e.ID...)
	b = append(b, `","fields":[`...)
	for i := 0; i+1 < len(e.Fields); i += 2 {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '[')
		b = appendText(b, e.Fields[i])
		b = append(b, ',')
		b = appendText(b, e.Fields[i+1])
		b = append(b, ']')
	}
	return append(b, "]}\n"...)
}

func appendText(b []byte, text string) []byte {
	quoted, err := jsontext.AppendQuote(b, text)
	if err == nil {
		return quoted
	}
	b = append(quoted[:len(b)], `{"base64":"`...)
	b = base64.StdEncoding.AppendEncode(b, []byte(text))
	return append(b, `"}`...)
}
