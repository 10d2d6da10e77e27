package sink

import (
	"encoding/binary"
	"hash/maphash"
	"sync"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// memory holds what a look-up by _id fetches of each document. It knows an _id
// by 64 bits of its hash: of a million documents two would have the same once
// in 30 million runs. It is safe for concurrent use.
type memory struct {
	seed maphash.Seed

	mu    sync.Mutex
	slots []slot // open addressing, a power of two of them
	used  int
	text  []byte // what is remembered of all documents, one after the other
}

// slot is of one document; its hash is never 0.
type slot struct {
	hash uint64
	at   int // where in text
}

// newMemory has room for n documents and grows when there are more.
func newMemory(n int) *memory {
	const perDocument = 64 // bytes of text
	size := 1024
	for size < 2*n {
		size *= 2
	}
	return &memory{seed: maphash.MakeSeed(), slots: make([]slot, size), text: make([]byte, 0, n*perDocument)}
}

// add remembers a document and returns false where its _id is there already.
func (m *memory) add(document bsoncore.Document) bool {
	f := fieldsOf(document)
	hash := m.hash(f.id)
	m.mu.Lock()
	defer m.mu.Unlock()
	if 2*m.used >= len(m.slots) {
		m.grow()
	}
	free, there := m.place(hash)
	if there {
		return false
	}
	m.slots[free] = slot{hash: hash, at: len(m.text)}
	m.used++
	m.text = binary.LittleEndian.AppendUint64(m.text, uint64(f.ingestedAt))
	m.text = appendText(m.text, f.streamID)
	m.text = appendText(m.text, f.name)
	return true
}

// find returns what is remembered of an _id.
func (m *memory) find(id []byte) (fields, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i, there := m.place(m.hash(id))
	if !there {
		return fields{}, false
	}
	text := m.text[m.slots[i].at:]
	f := fields{id: id, ingestedAt: int64(binary.LittleEndian.Uint64(text))}
	f.streamID, text = readText(text[8:])
	f.name, _ = readText(text)
	return f, true
}

func (m *memory) hash(id []byte) uint64 { return max(maphash.Bytes(m.seed, id), 1) }

// place is where a hash is, or where it is to be put.
func (m *memory) place(hash uint64) (at int, there bool) {
	mask := len(m.slots) - 1
	at = int(hash) & mask
	for m.slots[at].hash != 0 && m.slots[at].hash != hash {
		at = (at + 1) & mask
	}
	return at, m.slots[at].hash == hash
}

func (m *memory) grow() {
	old := m.slots
	m.slots = make([]slot, 2*len(old))
	for _, s := range old {
		if s.hash != 0 {
			at, _ := m.place(s.hash)
			m.slots[at] = s
		}
	}
}

func appendText(dst, text []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

// readText returns a text and what comes after it.
func readText(from []byte) (text, rest []byte) {
	n, size := binary.Uvarint(from)
	from = from[size:]
	return from[:n:n], from[n:]
}
