package consumer

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// CauseKind is a kind of reason not to receive. Its value is also the label of a metric.
type CauseKind string

// The kinds of causes.
const (
	MongoDown CauseKind = "mongo"      // MongoDB fails
	RedisFull CauseKind = "redis_full" // Redis is at maxmemory, so that the limiter can record nothing
	Paused    CauseKind = "paused"     // an operator has paused the queue
)

// CauseKinds returns all kinds of causes.
func CauseKinds() []CauseKind { return []CauseKind{MongoDown, RedisFull, Paused} }

// Cause keeps a gate shut.
type Cause struct {
	Kind CauseKind
	Of   string // tells several of the same kind apart, for example the key of a stream
}

// Shut is a cause that keeps a gate shut now.
type Shut struct {
	Cause
	Reason string
	Since  time.Time
}

// Gate stops consumers from receiving while they could not process what they receive,
// for example because a server is down. It is shut while there is at least one cause,
// each of which has a reason. It is safe for concurrent use. Create it with NewGate.
type Gate struct {
	mu     sync.Mutex
	open   chan struct{}   // closed while the gate is open
	shut   context.Context // has ended while it is shut
	end    context.CancelFunc
	causes map[Cause]Shut
	opened time.Time // when it last was shut and opened again
}

// NewGate returns an open gate.
func NewGate() *Gate {
	g := &Gate{open: make(chan struct{}), causes: map[Cause]Shut{}}
	g.shut, g.end = context.WithCancel(context.Background())
	close(g.open)
	return g
}

// Shut adds a cause, or changes its reason.
func (g *Gate) Shut(cause Cause, reason string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.causes) == 0 {
		g.open = make(chan struct{})
		g.end()
	}
	since := time.Now()
	if known, ok := g.causes[cause]; ok {
		since = known.Since
	}
	g.causes[cause] = Shut{cause, reason, since}
}

// Open removes a cause. The gate opens when none is left.
func (g *Gate) Open(cause Cause) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.causes[cause]; !ok {
		return
	}
	delete(g.causes, cause)
	if len(g.causes) == 0 {
		close(g.open)
		g.shut, g.end = context.WithCancel(context.Background())
		g.opened = time.Now()
	}
}

// lastShut returns the last time at which the gate was shut: now, if it is.
func (g *Gate) lastShut() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.causes) > 0 {
		return time.Now()
	}
	return g.opened
}

// Causes returns what keeps the gate shut, the oldest first. It is empty while the gate
// is open.
func (g *Gate) Causes() []Shut {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.SortedFunc(maps.Values(g.causes), func(a, b Shut) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Reason, b.Reason))
	})
}

// Reason returns the reasons of all causes, separated by "; ". It is empty while the
// gate is open.
func (g *Gate) Reason() string {
	var reasons []string
	for _, cause := range g.Causes() {
		reasons = append(reasons, cause.Reason)
	}
	return strings.Join(reasons, "; ")
}

// Wait returns nil once the gate is open, or ctx's error as soon as ctx ends.
func (g *Gate) Wait(ctx context.Context) error {
	open, _ := g.states()
	select {
	case <-open:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// whileOpen returns a copy of ctx that also ends when the gate shuts.
func (g *Gate) whileOpen(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	_, shut := g.states()
	stop := context.AfterFunc(shut, cancel)
	return ctx, func() { stop(); cancel() }
}

func (g *Gate) states() (open <-chan struct{}, shut context.Context) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open, g.shut
}
