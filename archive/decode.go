package archive

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/klauspost/compress/zstd"
)

// maxWindow bounds the memory of the decompressor. Segments are written with less.
const maxWindow = 64 << 20

// Decode returns the entries of a segment as it is stored. The sequence ends with the
// first error. Entries may be kept.
func Decode(stored io.Reader) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		text, err := unzip(stored)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		defer text.Close()
		decodeLines(text)(yield)
	}
}

func unzip(stored io.Reader) (*zstd.Decoder, error) {
	return zstd.NewReader(stored, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
}

// decodeLines returns the entries of a segment's text.
func decodeLines(text io.Reader) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		lines := lineDecoder{json: jsontext.NewDecoder(text, jsontext.AllowDuplicateNames(true))}
		for n := 1; ; n++ {
			e, err := lines.next()
			if errors.Is(err, io.EOF) && lines.json.StackDepth() == 0 {
				return
			}
			if err != nil {
				yield(Entry{}, fmt.Errorf("line %d: %w", n, err))
				return
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

// lineDecoder reads lines of a segment. Errors never quote what it reads.
type lineDecoder struct {
	json   *jsontext.Decoder
	fields []string // of the line being read
}

// next returns the next entry. The error is io.EOF after the last one.
func (d *lineDecoder) next() (e Entry, err error) {
	if err := d.expect('{'); err != nil {
		return e, err
	}
	fields := false
	for d.json.PeekKind() != '}' {
		name, err := d.text()
		if err != nil {
			return e, err
		}
		switch name {
		case "id":
			e.ID, err = d.text()
		case "fields":
			fields, err = true, d.readFields()
		default: // written by a later version
			err = d.json.SkipValue()
		}
		if err != nil {
			return e, inLine(err)
		}
	}
	if err := d.expect('}'); err != nil {
		return e, err
	}
	if !IsID(e.ID) || !fields {
		return e, errors.New("an entry without id or fields")
	}
	e.Fields = append(make([]string, 0, len(d.fields)), d.fields...)
	return e, nil
}

func (d *lineDecoder) readFields() error {
	d.fields = d.fields[:0]
	if err := d.expect('['); err != nil {
		return err
	}
	for d.json.PeekKind() == '[' {
		if err := d.expect('['); err != nil {
			return err
		}
		for range 2 {
			text, err := d.text()
			if err != nil {
				return err
			}
			d.fields = append(d.fields, text)
		}
		if err := d.expect(']'); err != nil {
			return err
		}
	}
	return d.expect(']')
}

// text reads a string, or the object that stands for one that is not valid UTF-8.
func (d *lineDecoder) text() (string, error) {
	token, err := d.json.ReadToken()
	if err != nil {
		return "", inLine(err)
	}
	switch token.Kind() {
	case '"':
		return token.String(), nil
	case '{':
		return d.base64()
	default:
		return "", errForm
	}
}

func (d *lineDecoder) base64() (string, error) {
	name, err := d.json.ReadToken()
	if err != nil {
		return "", inLine(err)
	}
	if name.Kind() != '"' || name.String() != "base64" {
		return "", errForm
	}
	value, err := d.json.ReadToken()
	if err != nil {
		return "", inLine(err)
	}
	if value.Kind() != '"' {
		return "", errForm
	}
	decoded, err := base64.StdEncoding.DecodeString(value.String())
	if err != nil {
		return "", errors.New("invalid base64")
	}
	return string(decoded), d.expect('}')
}

var errForm = errors.New("not of the form of an archived entry")

func (d *lineDecoder) expect(kind jsontext.Kind) error {
	token, err := d.json.ReadToken()
	if err != nil {
		return inLine(err)
	}
	if token.Kind() != kind {
		return errForm
	}
	return nil
}

// inLine takes what a message about JSON quotes out of it.
func inLine(err error) error {
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return io.ErrUnexpectedEOF
	case errors.As(err, &syntax):
		return fmt.Errorf("invalid JSON at byte %d", syntax.ByteOffset)
	default:
		return err
	}
}
