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
	text  []byte // the entries of all documents, one after the other
}

// slot is of one document: the upper half of its hash, and one more than where
// in text its entry is, so that 0 is a free slot. It is small because whoever
// looks into one waits for memory. All entries together have less than 4 GiB.
type slot uint64

// An entry is the whole hash, ingestedAt, streamId and name.
const entryFixed = 8 + 8

// newMemory has room for n documents and grows when there are more. It writes
// to all of its memory, so that the kernel need not provide pages during a run.
func newMemory(n int) *memory {
	const perDocument = 72 // bytes of text
	size := 1024
	for size < n+n/2 {
		size *= 2
	}
	text := make([]byte, n*perDocument)
	for i := range text {
		text[i] = 0xff
	}
	m := &memory{seed: maphash.MakeSeed(), slots: make([]slot, size), text: text[:0]}
	for i := range m.slots {
		m.slots[i] = ^slot(0)
	}
	clear(m.slots)
	return m
}

// add remembers a document and returns false where its _id is there already.
func (m *memory) add(document bsoncore.Document) bool {
	f := fieldsOf(document)
	hash := maphash.Bytes(m.seed, f.id)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.used >= len(m.slots)/4*3 {
		m.grow()
	}
	free, there := m.place(hash)
	if there {
		return false
	}
	m.slots[free] = slotOf(hash, len(m.text))
	m.used++
	m.text = binary.LittleEndian.AppendUint64(m.text, hash)
	m.text = binary.LittleEndian.AppendUint64(m.text, uint64(f.ingestedAt))
	m.text = appendText(m.text, f.streamID)
	m.text = appendText(m.text, f.name)
	return true
}

// find returns what is remembered of an _id.
func (m *memory) find(id []byte) (fields, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i, there := m.place(maphash.Bytes(m.seed, id))
	if !there {
		return fields{}, false
	}
	entry := m.text[m.slots[i].entry():]
	f := fields{id: id, ingestedAt: int64(binary.LittleEndian.Uint64(entry[8:]))}
	f.streamID, entry = readText(entry[entryFixed:])
	f.name, _ = readText(entry)
	return f, true
}

// place is where a hash is, or where it is to be put.
func (m *memory) place(hash uint64) (at int, there bool) {
	mask := len(m.slots) - 1
	for at = int(hash) & mask; m.slots[at] != 0; at = (at + 1) & mask {
		if s := m.slots[at]; s.upper() == hash>>32 && m.hashAt(s) == hash {
			return at, true
		}
	}
	return at, false
}

func (m *memory) hashAt(s slot) uint64 { return binary.LittleEndian.Uint64(m.text[s.entry():]) }

func (m *memory) grow() {
	old := m.slots
	m.slots = make([]slot, 2*len(old))
	for _, s := range old {
		if s != 0 {
			at, _ := m.place(m.hashAt(s))
			m.slots[at] = s
		}
	}
}

func slotOf(hash uint64, entry int) slot { return slot(hash>>32<<32 | uint64(uint32(entry+1))) }

func (s slot) upper() uint64 { return uint64(s) >> 32 }

func (s slot) entry() uint32 { return uint32(s) - 1 }

func appendText(dst, text []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

// readText returns a text and what comes after it.
func readText(from []byte) (text, rest []byte) {
	n, size := binary.Uvarint(from)
	from = from[size:]
	return from[:n:n], from[n:]
}
