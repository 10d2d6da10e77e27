// Package wire implements the server side of MongoDB's wire protocol for test
// and benchmark servers, as far as a current driver uses it:
// https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/
package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// MaxMessage is the maximum message size that Read accepts, in bytes; a server
// announces it in its hello reply.
const MaxMessage = 48_000_000

const (
	opReply = 1
	opQuery = 2004 // the first hello of a connection
	opMsg   = 2013

	headerLen = 16

	flagChecksum   = 1 << 0
	flagMoreToCome = 1 << 1
)

// Message is one request of a client. Its parts are valid until the next Read.
type Message struct {
	Body    bson.Raw // the command
	NoReply bool     // the client waits for no reply

	id, op   uint32
	sequence []bson.Raw // of the section "documents" or "updates"
	buf      []byte     // used again by the next Read
	out      []byte
}

var errMalformed = errors.New("malformed wire message")

// Read reads the next message of a client into m.
func (m *Message) Read(r io.Reader) error {
	var header [headerLen]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return err
	}
	length := int(binary.LittleEndian.Uint32(header[0:]))
	if length < headerLen || length > MaxMessage {
		return errMalformed
	}
	m.id, m.op = binary.LittleEndian.Uint32(header[4:]), binary.LittleEndian.Uint32(header[12:])
	m.Body, m.NoReply, m.sequence = nil, false, nil
	if cap(m.buf) < length-headerLen {
		m.buf = make([]byte, length-headerLen)
	}
	m.buf = m.buf[:length-headerLen]
	if _, err := io.ReadFull(r, m.buf); err != nil {
		return err
	}
	switch m.op {
	case opMsg:
		return m.readMsg(m.buf)
	case opQuery:
		return m.readQuery(m.buf)
	}
	return fmt.Errorf("%w: operation %d", errMalformed, m.op)
}

func (m *Message) readMsg(b []byte) error {
	if len(b) < 4 {
		return errMalformed
	}
	flags := binary.LittleEndian.Uint32(b)
	b = b[4:]
	m.NoReply = flags&flagMoreToCome != 0
	if flags&flagChecksum != 0 && len(b) >= 4 {
		b = b[:len(b)-4]
	}
	for len(b) > 0 {
		kind := b[0]
		size, ok := lengthOf(b[1:])
		if !ok {
			return errMalformed
		}
		section := b[1 : 1+size]
		b = b[1+size:]
		switch kind {
		case 0:
			m.Body = section
		case 1:
			if err := m.readSequence(section[4:]); err != nil {
				return err
			}
		default:
			return errMalformed
		}
	}
	return nil
}

func (m *Message) readSequence(b []byte) error {
	name, rest, ok := bytes.Cut(b, []byte{0})
	if !ok {
		return errMalformed
	}
	for len(rest) > 0 {
		size, ok := lengthOf(rest)
		if !ok {
			return errMalformed
		}
		if string(name) == "documents" || string(name) == "updates" {
			m.sequence = append(m.sequence, rest[:size])
		}
		rest = rest[size:]
	}
	return nil
}

// Documents returns the documents of an insert, or the updates of an update, from
// the sequence section or the array in the body, and nil for other commands.
func (m *Message) Documents() ([]bson.Raw, error) {
	var documents []bson.Raw
	err := m.EachDocument(func(d bson.Raw) { documents = append(documents, d) })
	return documents, err
}

// EachDocument calls do for each of Documents. It does not allocate.
func (m *Message) EachDocument(do func(bson.Raw)) error {
	for _, d := range m.sequence {
		do(d)
	}
	if m.sequence != nil {
		return nil
	}
	array, ok := m.Body.Lookup("documents").ArrayOK()
	if !ok {
		array, ok = m.Body.Lookup("updates").ArrayOK()
	}
	if !ok {
		return nil
	}
	_, rest, ok := bsoncore.ReadLength(array)
	for ok && len(rest) > 1 {
		var e bsoncore.Element
		if e, rest, ok = bsoncore.ReadElement(rest); !ok {
			break
		}
		d, isDocument := e.Value().DocumentOK()
		if !isDocument {
			return errMalformed
		}
		do(bson.Raw(d))
	}
	if !ok {
		return errMalformed
	}
	return nil
}

// readQuery reads flags, collection, skip, limit and the query.
func (m *Message) readQuery(b []byte) error {
	if len(b) < 4 {
		return errMalformed
	}
	_, rest, ok := bytes.Cut(b[4:], []byte{0})
	if !ok || len(rest) < 8 {
		return errMalformed
	}
	size, ok := lengthOf(rest[8:])
	if !ok {
		return errMalformed
	}
	m.Body = rest[8 : 8+size]
	return nil
}

// lengthOf reads the length at the start of a document or section and reports
// whether b holds all of it.
func lengthOf(b []byte) (int, bool) {
	if len(b) < 5 {
		return 0, false
	}
	n := int(binary.LittleEndian.Uint32(b))
	return n, n >= 5 && n <= len(b)
}

// Frame returns the message with the reply to m. It is valid until the next
// call.
func (m *Message) Frame(reply []byte) []byte {
	b := append(m.out[:0], make([]byte, headerLen)...)
	op := uint32(opMsg)
	if m.op == opQuery {
		op = opReply
		b = append(b, make([]byte, 4+8+4)...) // flags, cursor, start
		b = binary.LittleEndian.AppendUint32(b, 1)
	} else {
		b = append(b, 0, 0, 0, 0, 0) // flags, section of kind 0
	}
	b = append(b, reply...)
	binary.LittleEndian.PutUint32(b[0:], uint32(len(b)))
	binary.LittleEndian.PutUint32(b[8:], m.id)
	binary.LittleEndian.PutUint32(b[12:], op)
	m.out = b
	return b
}
