package store

import (
	"sync"
	"time"
)

const (
	maxStretch = 12 // the longest timeout, in multiples of the base
	easeAfter  = 16 // consecutive successes before the pace rises a level
)

// pace adapts to a slow server, for all calls of a store. Each timeout slows it
// down a level: the timeout doubles and the batch halves. A run of successes takes
// one level back.
type pace struct {
	base time.Duration

	mu        sync.Mutex
	level     int // levels slowed down
	maxDocs   int // documents per command; meaningful while level > 0
	successes int // consecutive ones at this level
}

func newPace(base time.Duration) *pace { return &pace{base: base} }

// limits are those of one command. A maxDocs of 0 means no limit.
type limits struct {
	level   int
	timeout time.Duration
	maxDocs int
}

func (p *pace) current() limits {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := limits{level: p.level, timeout: p.base * maxStretch}
	if stretched := p.base << p.level; p.level < 4 && stretched < l.timeout {
		l.timeout = stretched
	}
	if p.level > 0 {
		l.maxDocs = p.maxDocs
	}
	return l
}

// timedOut slows down after a command of n documents, sent within l, timed out. Of
// several commands that time out at one level only the first counts.
func (p *pace) timedOut(l limits, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.level != p.level {
		return
	}
	p.successes = 0
	if p.level >= 4 && p.maxDocs <= 1 {
		return
	}
	p.level++
	p.maxDocs = max(1, n/2)
}

// succeeded speeds up a level after enough successes within l.
func (p *pace) succeeded(l limits) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.level == 0 || l.level != p.level {
		return
	}
	if p.successes++; p.successes >= easeAfter {
		p.successes = 0
		p.level--
		p.maxDocs *= 2
	}
}
