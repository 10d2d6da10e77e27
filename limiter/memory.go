package limiter

import (
	"sync"
	"sync/atomic"
	"time"
)

// memorySize bounds a memory; more than that and it starts anew.
const memorySize = 10_000

// hintLife is how long what a search has learnt is of use: for the calls that
// follow at once. After that a loss of places may have passed unseen.
const hintLife = 5 * time.Second

// memory holds a text a customer. Losing it costs work or a repeated warning,
// never a wrong answer.
type memory struct {
	life   time.Duration // of a text since it was set; 0: for ever
	latest atomic.Int64  // when a text was set, Unix time in ns; 0: never
	mu     sync.Mutex
	notes  map[string]note
}

type note struct {
	text string
	at   time.Time
}

func newMemory(life time.Duration) *memory {
	return &memory{life: life, notes: make(map[string]note)}
}

// empty spares asking for each customer while nothing is remembered.
func (m *memory) empty() bool {
	latest := m.latest.Load()
	return latest == 0 || m.life > 0 && time.Since(time.Unix(0, latest)) > m.life
}

// get returns "" where there is no text.
func (m *memory) get(customerID string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, ok := m.notes[customerID]
	if ok && m.life > 0 && time.Since(n.at) > m.life {
		delete(m.notes, customerID)
		return ""
	}
	return n.text
}

// set says whether the text is another than before.
func (m *memory) set(customerID, text string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	before, ok := m.notes[customerID]
	if !ok && len(m.notes) >= memorySize {
		clear(m.notes)
	}
	now := time.Now()
	m.notes[customerID] = note{text, now}
	m.latest.Store(now.UnixNano())
	return before.text != text
}
