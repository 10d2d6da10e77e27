package streams

import (
	"fmt"
	"log/slog"
	"sync"
)

// A worker warns of dead letters from this number on, or if they take more than
// 1/lettersFraction of maxmemory.
const (
	manyLetters     = 1_000_000
	lettersFraction = 10
)

// letterUse is how many dead letters a stream holds, in how many bytes, on a server
// with which maxmemory. bytes is negative if unknown; maxmemory is 0 without a limit.
type letterUse struct{ count, bytes, maxmemory int64 }

func (u letterUse) large() bool {
	return u.maxmemory > 0 && u.bytes > u.maxmemory/lettersFraction
}

// letterWatch logs when the dead letters of one worker's partitions have become so
// many that they may fill Redis, and when they no longer are. It is safe for
// concurrent use.
type letterWatch struct {
	log      *slog.Logger
	separate bool // the partitions are on several servers, each with its own memory

	mu     sync.Mutex
	uses   map[string]letterUse // by key
	warned bool
}

// note takes in the dead letters at key.
func (w *letterWatch) note(key string, use letterUse) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.uses == nil {
		w.uses = map[string]letterUse{}
	}
	w.uses[key] = use
	total, largest, many := w.total()
	if many == w.warned {
		return
	}
	w.warned = many
	attrs := []any{"stream", largest, "count", total.count}
	if total.bytes >= 0 {
		attrs = append(attrs, "bytes", total.bytes)
	}
	if len(w.uses) > 1 {
		attrs = append(attrs, "partitions", len(w.uses))
	}
	if many {
		w.log.Warn("warning", append(attrs, "status", "error", "reason", fmt.Sprintf(
			"there are %d dead letters or more, or they take a tenth of maxmemory: they stay until they are replayed or purged, unless their number is limited", manyLetters))...)
		return
	}
	w.log.Info("warning", append(attrs, "status", "success", "reason", "dead letters take less memory again")...)
}

// total adds up all partitions. It returns the key with most dead letters, and
// whether there are many.
func (w *letterWatch) total() (sum letterUse, largest string, many bool) {
	unknown := false
	for key, use := range w.uses {
		sum.count += use.count
		if sum.bytes += use.bytes; use.bytes < 0 {
			unknown = true
		}
		sum.maxmemory = max(sum.maxmemory, use.maxmemory)
		if largest == "" || use.count > w.uses[largest].count {
			largest = key
		}
		many = many || use.large()
	}
	if unknown {
		sum.bytes = -1
	}
	return sum, largest, many || sum.count >= manyLetters || !w.separate && sum.large()
}
