package file

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// jsonSource reads objects one after another and the elements of arrays, on any
// number of lines.
type jsonSource struct {
	values *jsontext.Decoder
	tape   *tape
	in     *opened
	from   int
	mapper Mapper
	copies copies
	line   int   // number of the line at which the tape is cut
	begin  int64 // offset of the first value in the text, in bytes
	err    error // the last error, after which there are no values
}

func newJSON(t *text, in *opened, o Options) *jsonSource {
	tape := &tape{r: &separated{r: t}, max: o.MaxLine}
	return &jsonSource{
		values: jsontext.NewDecoder(tape, lenient...), tape: tape, in: in,
		from: o.FromLine, mapper: o.Mapper, line: t.line, begin: t.at,
	}
}

func (s *jsonSource) next() (Line, error) {
	if s.err != nil {
		return Line{After: s.line}, s.err
	}
	value, err := s.value()
	if err != nil {
		s.err = s.fault(err)
		return Line{After: s.line}, s.err
	}
	end := s.values.InputOffset()
	s.pass(end - int64(len(value)))
	line := Line{Number: s.line, End: s.in.offset(s.begin + end)}
	raw := s.pass(end)
	line.After = s.line
	if s.tape.lineEnds() && line.Number >= s.from {
		// Before s.from it does not matter, and the line on which a value ends must not
		// count as one inside it: an earlier reader, which had no more of the file, may
		// have said to continue there.
		line.After++
	}
	switch {
	case line.Number < s.from:
	case len(raw) > s.tape.max:
		s.err = &LineError{Line: line.Number, Err: longWrapper(tooLong(s.tape.max), raw)}
		return Line{After: s.line}, s.err
	default:
		line.Raw = s.copies.of(raw)
		line.Body, line.Err = s.body(line.Number, line.Raw)
		if line.Err != nil {
			line.Raw = s.in.undecoded(line.Raw)
		}
	}
	return line, nil
}

// value returns the next value that is not an array, but maybe in one.
func (s *jsonSource) value() (jsontext.Value, error) {
	for {
		kind := s.values.PeekKind()
		inArray := s.values.StackDepth() > 0
		if kind != jsontext.KindBeginArray && kind != jsontext.KindEndArray || kind == jsontext.KindBeginArray && inArray {
			return s.values.ReadValue()
		}
		if _, err := s.values.ReadToken(); err != nil {
			return nil, err
		}
	}
}

// body makes a record of one line of a value.
func (s *jsonSource) body(line int, raw []byte) ([]byte, error) {
	if raw[0] != '{' {
		return nil, &RowError{Line: line, Reason: fmt.Sprintf("%s, not an object", kindName(raw[0]))}
	}
	compact := raw
	if bytes.ContainsAny(raw, "\r\n") {
		value := jsontext.Value(bytes.Clone(raw))
		if err := value.Compact(lenient...); err != nil {
			return nil, &RowError{Line: line, Reason: err.Error()}
		}
		compact = value
	}
	return object(s.in, s.mapper, line, compact)
}

func kindName(first byte) string {
	switch first {
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// fault makes a *LineError of an error of the decoder, which can't continue.
func (s *jsonSource) fault(err error) error {
	end := s.tape.from + int64(len(s.tape.kept))
	var syntax *jsontext.SyntacticError
	if s.tape.err == nil || s.tape.err == io.EOF {
		if errors.As(err, &syntax) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return s.syntaxFault(syntax, end)
		}
	}
	if err != io.EOF {
		s.pass(end - int64(len(bytes.TrimLeft(s.tape.kept, " \t\r\n,"))))
	}
	if s.tape.err != nil && s.tape.err != io.EOF {
		return &LineError{Line: s.line, Err: longWrapper(s.tape.err, s.tape.kept)}
	}
	if err == io.EOF {
		if rest := s.pass(end); !bytes.HasSuffix(rest, []byte("\n")) && !bytes.HasSuffix(rest, []byte("\r")) && end > 0 {
			s.line++ // the last line may lack a line end
		}
		return err
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = truncated("the file ends within a JSON value")
	}
	return &LineError{Line: s.line, Err: err}
}

// syntaxFault is the fault of what is no JSON, in the text up to end.
func (s *jsonSource) syntaxFault(syntax *jsontext.SyntacticError, end int64) error {
	at := min(max(syntax.ByteOffset, s.tape.from), end)
	reason := syntaxFault(syntax)
	if comma, what := lastComma(s.tape.kept, int(at-s.tape.from)); what != "" {
		at, reason = s.tape.from+int64(comma), "a comma follows the last "+what
	}
	s.pass(at)
	return &LineError{Line: s.line, Err: fmt.Errorf("invalid JSON: %s", reason)}
}

// lastComma returns where a comma is that nothing but a bracket follows, and what it was
// meant to be between. A decoder finds the fault there or at the bracket.
func lastComma(text []byte, fault int) (comma int, between string) {
	comma = len(bytes.TrimRight(text[:fault], " \t\r\n")) - 1
	if fault < len(text) && text[fault] == ',' {
		comma = fault
	}
	if comma < 0 || text[comma] != ',' {
		return 0, ""
	}
	switch rest := bytes.TrimLeft(text[comma+1:], " \t\r\n"); {
	case bytes.HasPrefix(rest, []byte("]")):
		return comma, "element of an array"
	case bytes.HasPrefix(rest, []byte("}")):
		return comma, "member of an object"
	}
	return 0, ""
}

// pass cuts the tape at an offset and counts the lines.
func (s *jsonSource) pass(to int64) []byte {
	raw := s.tape.cut(to)
	s.line += countLines(raw)
	return raw
}

func (s *jsonSource) close() error { return nil }
