package sink

import (
	"encoding/binary"
	"hash/maphash"
	"sync"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// memory holds the fields that a lookup by _id returns. It identifies an _id by
// 64 bits of its hash: among a million documents there is a collision once in
// 30 million runs. Safe for concurrent use.
type memory struct {
	seed maphash.Seed

	mu    sync.Mutex
	slots []slot // open addressing, a power of two of them
	used  int
	text  []byte // the entries of all documents, one after the other
}

// slot refers to one document: the upper half of its hash, and one plus the
// offset of its entry in text, so that 0 is a free slot. It is small because
// each access is a cache miss. All entries together are smaller than 4 GiB.
type slot uint64

// An entry is the whole hash, ingestedAt, streamId and name.
const entryFixed = 8 + 8

// newMemory returns a memory with capacity for n documents, which grows if
// necessary. It writes to all of its pages, so that there are no page faults
// during a run.
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

// add remembers a document; it returns false if its _id already exists.
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

// find returns the entry of an _id.
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

// place returns the slot of a hash, or the free slot for it.
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

// readText returns a text and the bytes after it.
func readText(from []byte) (text, rest []byte) {
	n, size := binary.Uvarint(from)
	from = from[size:]
	return from[:n:n], from[n:]
}
