package console

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"ingestion/internal/answer"
	"ingestion/internal/letters"
)

// export sends the bodies of dead letters as "producer load --as-is" takes them, the oldest
// first, or everything about them. Who did that is noted before, and how it ended. A dead letter that can't be
// such a line is only among the details. If the export can't be completed, the connection
// ends before it does, so that nobody takes it for complete.
func (c *console) export(w http.ResponseWriter, r *http.Request, s *selection, details bool) {
	p, err := c.exported(r, s)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	select {
	case c.sending <- struct{}{}:
		defer func() { <-c.sending }()
	default:
		c.fail(w, r, errExports)
		return
	}
	d := c.begin(r, "dead_export", "letters", s.words(), "matched", p.Matched, "details", details)
	h := w.Header()
	h.Set("Content-Type", "application/x-ndjson")
	h.Set("Content-Disposition", `attachment; filename="`+exportName(details)+`"`)
	err = c.send(r.Context(), &inParts{w, c.sendFor}, s, p.Through, details)
	if err != nil {
		d.end(partial, nil, "letters", s.words(), "problem", "broken off: "+err.Error())
		panic(http.ErrAbortHandler)
	}
	d.end(succeeded, nil, "letters", s.words(), "matched", p.Matched, "details", details)
}

// send writes the lines.
func (c *console) send(ctx context.Context, to io.Writer, s *selection, through letters.Through, details bool) error {
	x := exporter{out: bufio.NewWriterSize(to, partSize), details: details}
	for l, err := range c.letters.Selected(ctx, &s.Filter, through, false) {
		if err == nil {
			err = x.write(&l)
		}
		if err != nil {
			return err
		}
	}
	return x.out.Flush()
}

const (
	exports       = 2                // that may run at once
	exportTimeout = 30 * time.Second // for a part of one
	partSize      = 64 << 10         // bytes
)

var errExports = errors.New("other exports are running: try again when they have ended")

// inParts writes in parts, each of which has a time of its own: an export may last, and a client that does
// not read ends it.
type inParts struct {
	http.ResponseWriter
	timeout time.Duration
}

func (w *inParts) Write(text []byte) (n int, err error) {
	connection := http.NewResponseController(w.ResponseWriter)
	for part := range slices.Chunk(text, partSize) {
		_ = connection.SetWriteDeadline(time.Now().Add(w.timeout)) // not supported by some writers, which have no deadline then
		m, err := w.ResponseWriter.Write(part)
		if n += m; err != nil {
			return n, err
		}
	}
	return n, nil
}

func exportName(details bool) string {
	if details {
		return "dead.details.ndjson"
	}
	return "dead.ndjson"
}

// exported counts what an export has, which bounds it.
func (c *console) exported(r *http.Request, s *selection) (*letters.Preview, error) {
	if len(s.Names) == 0 && !s.Narrow() && !s.All {
		return nil, wrong(errNothingSelected)
	}
	return c.preview(r.Context(), exporting, s)
}

// exporter writes dead letters as lines.
type exporter struct {
	out     *bufio.Writer
	details bool
	begun   bool
}

func (x *exporter) write(l *letters.Letter) error {
	if x.details {
		return answer.Write(x.out, answer.LetterOf(l), "")
	}
	if letters.NoLine(l) != "" {
		return nil
	}
	head := ""
	if !x.begun {
		head, x.begun = letters.Head(l.Data), true
	}
	_, err := io.WriteString(x.out, head+l.Data+"\n")
	return err
}
