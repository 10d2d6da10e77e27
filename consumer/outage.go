package consumer

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"ingestion/internal/retry"
)

// logInterval is the time after which a reason is logged again.
const logInterval = time.Minute

// outageLog logs why goroutines wait for a server: each reason once a minute, however
// many goroutines wait and however often the server recovers in between. It logs the
// recovery when none of them waits any more. It is safe for concurrent use.
type outageLog struct {
	log       *slog.Logger
	observers observers

	mu       sync.Mutex
	throttle retry.Throttle
	waiting  map[string]int  // goroutines, by server
	open     map[string]bool // servers whose outage was logged, and whose recovery was not
}

func newOutageLog(log *slog.Logger, observers observers) *outageLog {
	return &outageLog{log: log, observers: observers, waiting: map[string]int{}, open: map[string]bool{}}
}

// retry calls op until it succeeds or ctx ends, then it returns op's last error. It
// logs the errors as an outage of the server.
func (l *outageLog) retry(ctx context.Context, server string, op func() error) error {
	o := l.watch(server)
	err := retry.Policy{}.Do(ctx, op, func(err error, _ time.Duration) { o.failed(ctx, err) })
	o.end(err == nil)
	return err
}

// outage is a server's failure as one goroutine sees it, which uses it alone.
type outage struct {
	log     *outageLog
	server  string
	waiting bool
}

func (l *outageLog) watch(server string) *outage { return &outage{log: l, server: server} }

// failed is called before the goroutine waits for the next attempt.
func (o *outage) failed(ctx context.Context, err error) {
	l := o.log
	l.observers.retrying(ctx, o.server, err)
	l.mu.Lock()
	defer l.mu.Unlock()
	if !o.waiting {
		o.waiting = true
		l.waiting[o.server]++
	}
	l.write(o.server, err)
}

// end is called when the goroutine waits no more: the server has recovered, or the
// goroutine gives up. It may be called without an outage.
func (o *outage) end(recovered bool) {
	if !o.waiting {
		return
	}
	o.waiting = false
	l := o.log
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting[o.server]--
	if recovered && l.waiting[o.server] == 0 && l.open[o.server] {
		delete(l.open, o.server)
		l.log.Info("retrying", "status", "success", "server", o.server, "reason", o.server+" answers again")
	}
}

func (l *outageLog) write(server string, err error) {
	if !l.throttle.Allow(server + " " + err.Error()) {
		return
	}
	l.open[server] = true
	l.log.Warn("retrying", "status", "error", "server", server, "reason", err.Error()+"; retrying")
}
