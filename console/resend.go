package console

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"ingestion/internal/answer"
	"ingestion/internal/letters"
)

// recordFields are the fields of a record, in the order in which people read them.
var recordFields = []string{"customerId", "name", "email", "createdAt"}

// withFields returns a body in which fields of the record are texts.
func withFields(body []byte, set map[string]string) ([]byte, error) {
	for name := range set {
		if !slices.Contains(recordFields, name) {
			return nil, fmt.Errorf("%q is not a field of a record: there are %s", name, strings.Join(recordFields, ", "))
		}
	}
	for _, name := range recordFields {
		value, ok := set[name]
		if !ok {
			continue
		}
		next, err := letters.WithField(body, name, value)
		if err != nil {
			return nil, fmt.Errorf("setting %s: %w", name, err)
		}
		body = next
	}
	return body, nil
}

// resend puts a dead letter back on the queue with another body, if that follows the worker's
// rules. What it breaks else is in the answer.
func (c *console) resend(r *http.Request, l *letters.Letter, body []byte) (answer.LetterEdit, error) {
	if l.Fields == nil && bytes.Equal(body, []byte(l.Data)) {
		return answer.LetterEdit{}, wrong(errors.New("nothing was changed: replay sends it as it is"))
	}
	_, broken := c.Decoder.Decode(body)
	out := answer.LetterEditOf(l.Name, l.Changed(body), broken, false)
	if broken != nil {
		return out, nil
	}
	details := []any{"letter", l.Name, "changed", strings.Join(out.Changed, ",")}
	d := c.begin(r, "dead_edit", details...)
	err := c.putBack(r, l, body)
	d.end(succeeded, err, details...)
	out.Sent = err == nil
	return out, err
}

func (c *console) putBack(r *http.Request, l *letters.Letter, body []byte) error {
	sent, err := c.letters.Edit(r.Context(), l.Name, body)
	switch {
	case err != nil:
		return fmt.Errorf("not finished, and safe to repeat: %w", err)
	case !sent:
		return problemOf(http.StatusConflict, fmt.Errorf("the dead letter %s is no longer there: it has been put back or deleted meanwhile", l.Name))
	}
	return nil
}
