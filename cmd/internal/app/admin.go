package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/consumer"
	"ingestion/internal/admin"
	"ingestion/internal/config"
	"ingestion/internal/metrics"
	"ingestion/internal/redisconn"
)

// phase is what a worker is doing. Its clients exist while it is running or stopping.
type phase int32

const (
	starting phase = iota
	running
	stopping
)

// openAdmin serves metrics and health on ADMIN_ADDR. Another program may have taken the
// default address, for example another worker: then the worker goes on without.
func (w *Worker) openAdmin() error {
	listener, err := ListenAdmin(w.cfg, w.log, "worker")
	if listener == nil {
		return err
	}
	w.pulse, w.reading = &consumer.Pulse{}, &reading{}
	w.metrics = metrics.New(metrics.Options{Build: build(), Slots: w.cfg.Concurrency, Gate: w.gate})
	w.admin = admin.Serve(listener, admin.Options{
		Metrics: w.metrics.Handler(w.log),
		Queue:   w.queueMetrics(),
		Live:    func() []string { return hangs(w.pulse) },
		Ready:   admin.NewReadiness(w.dependencies()...).Report,
		Pprof:   bool(w.cfg.AdminPprof),
	}, w.log)
	return nil
}

// ListenAdmin listens on ADMIN_ADDR, for a program of the given name. It returns nil if
// that is empty, or if it is the default and another program has taken it.
func ListenAdmin(cfg *config.Config, log *slog.Logger, program string) (net.Listener, error) {
	addr := cfg.AdminAddr
	if addr == "" {
		return nil, nil
	}
	listener, err := net.Listen("tcp", addr)
	switch {
	case err != nil && cfg.IsDefault("ADMIN_ADDR"):
		log.Warn("warning", "reason", "ADMIN_ADDR: "+Unable(addr, err)+": this "+program+" serves no metrics and health; set another address, or an empty one")
		return nil, nil
	case err != nil:
		return nil, &SetupError{fmt.Errorf("ADMIN_ADDR: %s; set another address, or an empty one to serve no metrics and health", Unable(addr, err))}
	}
	return listener, nil
}

// Unable says why it is not possible to listen on an address.
func Unable(addr string, err error) string {
	if errors.Is(err, syscall.EADDRINUSE) {
		return addr + " is in use by another program"
	}
	var cause *net.OpError
	if errors.As(err, &cause) {
		err = cause.Err
	}
	return fmt.Sprintf("can't listen on %s: %v", addr, err)
}

// hangs describes the loops that hang.
func hangs(pulse *consumer.Pulse) []string {
	var lines []string
	for _, h := range pulse.Hangs() {
		lines = append(lines, fmt.Sprintf("the %s hangs: %s since %s, which should take %v at most",
			h.Loop, h.Doing, h.Since.UTC().Format(time.RFC3339), h.Limit))
	}
	return lines
}

// What the worker does about a dependency that can't be used.
const (
	waitsAtStart = "waits for STARTUP_TIMEOUT_SEC, then exits with code 1"
	retriesRedis = "retries with backoff"
	waitsForDB   = "reads nothing more; retries what it holds"
	waitsForRoom = "reads nothing more until Redis has free memory"
	waitsPaused  = "reads nothing more until the queue is resumed; finishes what it holds"
	finishes     = "finishes the batches in flight, then exits"
)

var actions = map[consumer.CauseKind]string{
	consumer.MongoDown: waitsForDB, consumer.RedisFull: waitsForRoom, consumer.Paused: waitsPaused,
}

func (w *Worker) dependencies() []admin.Dependency {
	return []admin.Dependency{{Name: "redis", Check: w.checkRedis}, {Name: "mongo", Check: w.checkMongo}, {Name: "reading", Check: w.checkReading}}
}

func (w *Worker) checkRedis(ctx context.Context) *admin.Fault {
	if phase(w.phase.Load()) == starting {
		return &admin.Fault{Reason: "the worker is starting", Action: waitsAtStart}
	}
	err := w.redis.Ping(ctx).Err()
	if err == nil || redis.IsPermissionError(err) { // connected, but not allowed to PING
		return nil
	}
	return &admin.Fault{Reason: redisconn.Plain(err).Error(), Action: retriesRedis}
}

// checkMongo asks MongoDB unless the gate is shut because of it: a successful check would
// open the gate.
func (w *Worker) checkMongo(ctx context.Context) *admin.Fault {
	if phase(w.phase.Load()) == starting {
		return &admin.Fault{Reason: "the worker is starting", Action: waitsAtStart}
	}
	for _, cause := range w.gate.Causes() {
		if cause.Kind == consumer.MongoDown {
			return &admin.Fault{Reason: cause.Reason, Action: waitsForDB, Since: cause.Since}
		}
	}
	if err := w.store.Check(ctx); err != nil {
		return &admin.Fault{Reason: err.Error(), Action: waitsForDB}
	}
	return nil
}

func (w *Worker) checkReading(context.Context) *admin.Fault {
	switch phase(w.phase.Load()) {
	case starting:
		return &admin.Fault{Reason: "the worker is starting", Action: waitsAtStart}
	case stopping:
		return &admin.Fault{Reason: "the worker is shutting down", Action: finishes}
	}
	if causes := w.gate.Causes(); len(causes) > 0 {
		return &admin.Fault{Reason: w.gate.Reason(), Action: actions[causes[0].Kind], Since: causes[0].Since}
	}
	if since, err := w.reading.failure(); err != nil {
		return &admin.Fault{Reason: redisconn.Plain(err).Error(), Action: retriesRedis, Since: since}
	}
	return nil
}

// reading is an Observer that knows whether the last attempt to read failed.
type reading struct {
	consumer.Unobserved

	mu    sync.Mutex
	err   error
	since time.Time
}

// End notes the result of an attempt to read.
func (r *reading) End(_ context.Context, stage consumer.Stage, result consumer.Result) {
	if stage != consumer.Receive {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if result.Err != nil && r.err == nil {
		r.since = time.Now()
	}
	r.err = result.Err
}

func (r *reading) failure() (since time.Time, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.since, r.err
}
