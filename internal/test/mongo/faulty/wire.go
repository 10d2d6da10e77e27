package faulty

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// The wire protocol, as far as a driver of today uses it:
// https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/
const (
	opReply = 1
	opQuery = 2004 // only for the first hello of a connection
	opMsg   = 2013

	headerLen  = 16
	maxMessage = 48_000_000

	flagChecksum   = 1 << 0
	flagMoreToCome = 1 << 1
)

// message is one request.
type message struct {
	id        int32
	op        int32
	body      bson.Raw
	documents []bson.Raw // of the sequence section "documents", or of the body's array
	noReply   bool
}

var errWire = errors.New("faulty: broken wire message")

func readMessage(r io.Reader) (message, error) {
	var header [headerLen]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return message{}, err
	}
	length := int(binary.LittleEndian.Uint32(header[0:]))
	m := message{id: int32(binary.LittleEndian.Uint32(header[4:])), op: int32(binary.LittleEndian.Uint32(header[12:]))}
	if length < headerLen || length > maxMessage {
		return m, errWire
	}
	rest := make([]byte, length-headerLen)
	if _, err := io.ReadFull(r, rest); err != nil {
		return m, err
	}
	switch m.op {
	case opMsg:
		return m, m.readMsg(rest)
	case opQuery:
		return m, m.readQuery(rest)
	}
	return m, fmt.Errorf("%w: operation %d", errWire, m.op)
}

func (m *message) readMsg(b []byte) error {
	if len(b) < 4 {
		return errWire
	}
	flags := binary.LittleEndian.Uint32(b)
	b = b[4:]
	m.noReply = flags&flagMoreToCome != 0
	if flags&flagChecksum != 0 && len(b) >= 4 {
		b = b[:len(b)-4]
	}
	for len(b) > 0 {
		kind := b[0]
		size, ok := lengthOf(b[1:])
		if !ok {
			return errWire
		}
		section := b[1 : 1+size]
		b = b[1+size:]
		switch kind {
		case 0:
			m.body = section
		case 1:
			if err := m.readSequence(section[4:]); err != nil {
				return err
			}
		default:
			return errWire
		}
	}
	if m.documents == nil {
		return m.documentsOfBody()
	}
	return nil
}

func (m *message) readSequence(b []byte) error {
	name, rest, ok := bytes.Cut(b, []byte{0})
	if !ok {
		return errWire
	}
	for len(rest) > 0 {
		size, ok := lengthOf(rest)
		if !ok {
			return errWire
		}
		if string(name) == "documents" {
			m.documents = append(m.documents, rest[:size])
		}
		rest = rest[size:]
	}
	return nil
}

func (m *message) documentsOfBody() error {
	array, ok := m.body.Lookup("documents").ArrayOK()
	if !ok {
		return nil
	}
	values, err := array.Values()
	if err != nil {
		return errWire
	}
	for _, v := range values {
		doc, ok := v.DocumentOK()
		if !ok {
			return errWire
		}
		m.documents = append(m.documents, doc)
	}
	return nil
}

// readQuery reads flags, collection, skip, limit and the query.
func (m *message) readQuery(b []byte) error {
	if len(b) < 4 {
		return errWire
	}
	_, rest, ok := bytes.Cut(b[4:], []byte{0})
	if !ok || len(rest) < 8 {
		return errWire
	}
	size, ok := lengthOf(rest[8:])
	if !ok {
		return errWire
	}
	m.body = rest[8 : 8+size]
	return nil
}

// lengthOf reads the length that heads a document or section and checks that so
// much is there.
func lengthOf(b []byte) (int, bool) {
	if len(b) < 5 {
		return 0, false
	}
	n := int(binary.LittleEndian.Uint32(b))
	return n, n >= 5 && n <= len(b)
}

// answer frames a reply to m.
func (m *message) answer(reply bson.Raw) []byte {
	b := make([]byte, headerLen, headerLen+len(reply)+20)
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
	binary.LittleEndian.PutUint32(b[8:], uint32(m.id))
	binary.LittleEndian.PutUint32(b[12:], op)
	return b
}
