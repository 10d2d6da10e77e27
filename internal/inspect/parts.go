package inspect

import "sync"

// parts are functions that run at once. A panic in one of them becomes one in wait, where
// a program can still put its terminal in order.
type parts struct {
	wait sync.WaitGroup

	mu     sync.Mutex
	panics []any
}

func (p *parts) run(part func()) {
	p.wait.Go(func() {
		defer func() {
			if reason := recover(); reason != nil {
				p.mu.Lock()
				p.panics = append(p.panics, reason)
				p.mu.Unlock()
			}
		}()
		part()
	})
}

func (p *parts) await() {
	p.wait.Wait()
	if len(p.panics) > 0 {
		panic(p.panics[0])
	}
}
