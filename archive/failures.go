package archive

import (
	"log/slog"
	"sync"

	"ingestion/internal/retry"
)

// What an archiver talks to.
const (
	redis  = "Redis"
	bucket = "bucket"
)

// failures logs what fails and is repeated: each new reason at once, the same reason once a
// minute, and the recovery after a logged failure.
type failures struct {
	log     *slog.Logger
	observe func(server string, err error)

	mu       sync.Mutex
	throttle retry.Throttle
	logged   map[string]bool // servers of which a failure was logged, and no recovery since
}

func (f *failures) report(server string, err error) {
	f.observe(server, err)
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.throttle.Allow(server + err.Error()) {
		return
	}
	if f.logged == nil {
		f.logged = map[string]bool{}
	}
	f.logged[server] = true
	f.log.Warn("retrying", "status", "error", "server", server, "reason", err.Error()+"; nothing is lost, and nothing is trimmed that is not archived")
}

func (f *failures) recovered(server string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.logged[server] {
		f.logged[server] = false
		f.log.Info("retrying", "status", "success", "server", server, "reason", "archiving works again")
	}
}
