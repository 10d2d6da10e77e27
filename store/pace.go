package store

import (
	"sync"
	"time"
)

const (
	maxStretch = 12 // how far the time limit grows over its base
	easeAfter  = 16 // successes in a row before the pace is raised a step
)

// pace adapts to a slow server: every time-out doubles the time limit and
// halves the batch; a run of successes takes one such step back. It is shared
// by all calls of a store.
type pace struct {
	base time.Duration

	mu      sync.Mutex
	level   int // steps slowed down
	batch   int // documents a message, meaningful while level > 0
	success int // in a row at this level
}

func newPace(base time.Duration) *pace { return &pace{base: base} }

// tempo is the pace at one moment. A maxDocs of 0 means no limit.
type tempo struct {
	level   int
	timeout time.Duration
	maxDocs int
}

func (p *pace) current() tempo {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := tempo{level: p.level, timeout: p.base * maxStretch}
	if stretched := p.base << p.level; p.level < 4 && stretched < t.timeout {
		t.timeout = stretched
	}
	if p.level > 0 {
		t.maxDocs = p.batch
	}
	return t
}

// timedOut slows down after n documents sent at the tempo t took too long. Of
// several calls that time out at the same tempo only the first counts.
func (p *pace) timedOut(t tempo, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t.level != p.level {
		return
	}
	p.success = 0
	if p.level > 0 && p.batch <= 1 && p.level >= 4 {
		return
	}
	p.level++
	p.batch = max(1, n/2)
}

// succeeded speeds up by a step after enough successes at the tempo t.
func (p *pace) succeeded(t tempo) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.level == 0 || t.level != p.level {
		return
	}
	if p.success++; p.success >= easeAfter {
		p.success = 0
		p.level--
		p.batch *= 2
	}
}
