package inspect

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"ingestion/streams"
)

// Registered are the workers that have registered with the queue.
type Registered struct {
	Err     error // why the rest is unknown; nil if it is known
	Workers []streams.Worker
}

// WorkerState is what a worker does.
type WorkerState string

// The states.
const (
	Live WorkerState = "live"
	// Stuck: it is live, but the lease of entries that it holds has expired.
	Stuck WorkerState = "stuck"
	// Silent: it gives no sign of life.
	Silent WorkerState = "silent"
	// Idle: it holds nothing, has read nothing for long and has not registered. A worker
	// of an earlier version that finds nothing to read looks like one that is gone.
	Idle WorkerState = "idle"
	// Unclear: it gives no sign of life, but could not give one that is seen. Redis is at
	// maxmemory and refuses it, or it may work in a partition that cannot be read.
	Unclear WorkerState = "unknown"
)

// Worker is a consumer of the service group by its name, over all partitions that could be
// read, or a worker that has registered.
type Worker struct {
	Name  string
	State WorkerState
	Held  int64 // entries that it holds; negative if unknown, as in list mode or if not all partitions could be read
	// Idle is the time since it last took entries or renewed a lease, in any partition;
	// negative if unknown.
	Idle time.Duration
	// Stuck is how many entries it holds in partitions that could be read and in which it has been idle for
	// longer than a lease, and Quiet how long it has been so, at most.
	Stuck      int64
	Quiet      time.Duration
	Registered *streams.Worker // nil if it has not registered
}

// Workers lists the workers: those that do not renew what they hold first, then by what
// they hold.
func (s *Status) Workers() []Worker {
	byName := map[string]*Worker{}
	named := func(name string) *Worker {
		if byName[name] == nil {
			byName[name] = &Worker{Name: name, Idle: -1}
		}
		return byName[name]
	}
	for i := range s.Registered.Workers {
		w := named(s.Registered.Workers[i].Consumer)
		w.Registered = &s.Registered.Workers[i]
	}
	for _, p := range s.Partitions {
		if p.Err != nil {
			continue
		}
		for _, c := range p.Consumers {
			named(c.Name).add(c, s.Source.Lease)
		}
	}
	workers := make([]Worker, 0, len(byName))
	partly := len(s.Accounts()) < len(s.Partitions)
	for _, w := range byName {
		w.State = w.state(s.Source.Lease)
		if w.State == Idle && partly || w.State == Silent && w.Stuck == 0 && s.Mute() {
			w.State = Unclear
		}
		if partly || s.Source.IsList() {
			w.Held = -1
		}
		workers = append(workers, *w)
	}
	slices.SortFunc(workers, func(a, b Worker) int {
		return cmp.Or(cmp.Compare(b.Stuck, a.Stuck), cmp.Compare(b.Held, a.Held), cmp.Compare(a.Name, b.Name))
	})
	return workers
}

// Mute reports whether Redis may refuse what workers say of themselves, since it is at
// maxmemory and does not make room.
func (s *Status) Mute() bool {
	return slices.ContainsFunc(s.Redis.Nodes, func(n Node) bool {
		part, limited := n.Fill()
		return limited && part >= full && !strings.HasPrefix(n.Policy, "allkeys-")
	})
}

func (w *Worker) add(c streams.ConsumerState, lease time.Duration) {
	w.Held += c.Pending
	if c.Idle >= 0 && (w.Idle < 0 || c.Idle < w.Idle) {
		w.Idle = c.Idle
	}
	if c.Pending > 0 && c.Silent(lease) {
		w.Stuck += c.Pending
		w.Quiet = max(w.Quiet, c.Idle)
	}
}

func (w *Worker) state(lease time.Duration) WorkerState {
	live := w.Idle >= 0 && w.Idle <= lease || w.Registered != nil && w.Registered.Live()
	switch {
	case live && w.Stuck > 0:
		return Stuck
	case live:
		return Live
	case w.Stuck > 0 || w.Registered != nil:
		return Silent
	default:
		return Idle
	}
}
