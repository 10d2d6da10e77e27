package limiter

import "sync"

// memorySize bounds a memory; more than that and it starts anew.
const memorySize = 10_000

// memory holds a text a customer. Losing it costs work or a repeated warning,
// never a wrong answer.
type memory struct {
	mu    sync.Mutex
	texts map[string]string
}

func newMemory() *memory { return &memory{texts: make(map[string]string)} }

func (m *memory) get(customerID string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.texts[customerID]
}

// set says whether the text is another than before.
func (m *memory) set(customerID, text string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.texts[customerID] == text {
		return false
	}
	if len(m.texts) >= memorySize {
		clear(m.texts)
	}
	m.texts[customerID] = text
	return true
}
