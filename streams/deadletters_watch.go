package streams

import (
	"fmt"
	"log/slog"
	"sync"
)

// A worker warns of dead letters from this number on, or if they take more than
// this fraction of maxmemory.
const (
	manyLetters     = 1_000_000
	lettersFraction = 10 // a tenth
)

// letterUse is how many dead letters a stream holds, in how many bytes, on a server
// with which maxmemory. bytes is negative if unknown; maxmemory is 0 without a limit.
type letterUse struct{ count, bytes, maxmemory int64 }

// many reports whether the dead letters may fill Redis.
func (u letterUse) many() bool {
	return u.count >= manyLetters || u.maxmemory > 0 && u.bytes > u.maxmemory/lettersFraction
}

// letterWatch logs when dead letters have become so many that they may fill Redis,
// and when they no longer are. It is safe for concurrent use.
type letterWatch struct {
	log *slog.Logger

	mu     sync.Mutex
	warned bool
}

// note takes in the dead letters at key.
func (w *letterWatch) note(key string, use letterUse) {
	w.mu.Lock()
	defer w.mu.Unlock()
	many := use.many()
	if many == w.warned {
		return
	}
	w.warned = many
	attrs := []any{"stream", key, "count", use.count}
	if use.bytes >= 0 {
		attrs = append(attrs, "bytes", use.bytes)
	}
	if many {
		w.log.Warn("warning", append(attrs, "status", "error", "reason", fmt.Sprintf(
			"there are %d dead letters or more, or they take a tenth of maxmemory: only ingestctl dead replay, dead purge and DLQ_MAX_ENTRIES remove them", manyLetters))...)
		return
	}
	w.log.Info("warning", append(attrs, "status", "success", "reason", "dead letters take less memory again")...)
}
