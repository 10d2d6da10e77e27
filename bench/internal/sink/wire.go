package sink

import (
	"encoding/binary"
	"io"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// See https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/
const (
	opReply = 1
	opQuery = 2004 // the first hello of a connection
	opMsg   = 2013

	headerLen  = 16
	maxMessage = 48_000_000
)

// request is a message of a client; its buffer is used again for the next one.
type request struct {
	id, op uint32
	buf    []byte
	body   bsoncore.Document
	out    []byte
}

func (r *request) read(in io.Reader) error {
	var header [headerLen]byte
	if _, err := io.ReadFull(in, header[:]); err != nil {
		return err
	}
	size := int(binary.LittleEndian.Uint32(header[0:])) - headerLen
	r.id, r.op = binary.LittleEndian.Uint32(header[4:]), binary.LittleEndian.Uint32(header[12:])
	if size < 0 || size > maxMessage {
		return errUnknown
	}
	if cap(r.buf) < size {
		r.buf = make([]byte, size)
	}
	r.buf = r.buf[:size]
	if _, err := io.ReadFull(in, r.buf); err != nil {
		return err
	}
	return r.findBody()
}

// findBody takes the section of kind 0, or the document of an old query. The
// driver puts a raw command into one section.
func (r *request) findBody() error {
	rest := r.buf
	switch r.op {
	case opMsg:
		if len(rest) < 5 || rest[4] != 0 {
			return errUnknown
		}
		rest = rest[5:]
	case opQuery:
		end := 4
		for end < len(rest) && rest[end] != 0 {
			end++
		}
		if end+9 > len(rest) {
			return errUnknown
		}
		rest = rest[end+9:]
	default:
		return errUnknown
	}
	var ok bool
	r.body, _, ok = bsoncore.ReadDocument(rest)
	if !ok {
		return errUnknown
	}
	return nil
}

// frame puts a reply into a message.
func (r *request) frame(reply []byte) []byte {
	b := append(r.out[:0], make([]byte, headerLen)...)
	op := uint32(opMsg)
	if r.op == opQuery {
		op = opReply
		b = append(b, make([]byte, 4+8+4)...) // flags, cursor, start
		b = binary.LittleEndian.AppendUint32(b, 1)
	} else {
		b = append(b, 0, 0, 0, 0, 0) // flags, section of kind 0
	}
	b = append(b, reply...)
	binary.LittleEndian.PutUint32(b[0:], uint32(len(b)))
	binary.LittleEndian.PutUint32(b[8:], r.id)
	binary.LittleEndian.PutUint32(b[12:], op)
	r.out = b
	return b
}
