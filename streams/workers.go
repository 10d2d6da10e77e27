package streams

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
	"ingestion/internal/retry"
)

var (
	//go:embed workers.lua
	workersSource string
	workersScript = redis.NewScript(needSource + workersSource)

	//go:embed workers_forget.lua
	workersForgetSource string
	workersForgetScript = redis.NewScript(workersForgetSource)
)

const (
	// workersPause is how often a worker says that it lives.
	workersPause = 10 * time.Second
	// workersTimeout bounds one call.
	workersTimeout = 5 * time.Second
	// leaveTimeout bounds the last one, for which the end of the process waits.
	leaveTimeout = 2 * time.Second
	// workersSweep is how many calls of a worker pass until one of them also forgets
	// those that are silent.
	workersSweep = 6
	// minWorkerSilence is the least time after which a worker is forgotten.
	minWorkerSilence = time.Minute
)

// WorkerInfo is what a worker says of itself.
type WorkerInfo struct {
	Consumer string            `json:"-"`                  // its name in the group
	Instance string            `json:"instance"`           // differs from process to process
	Hash     string            `json:"hash"`               // of Settings
	Settings map[string]string `json:"settings,omitempty"` // what all workers of a queue have to agree on, by name; no secrets
	Version  string            `json:"version"`
	Host     string            `json:"host"`
	PID      int               `json:"pid"`
	Started  int64             `json:"startedAt"` // Unix ms by the worker's clock
}

// Registration tells the others of a queue that a worker lives, and with which settings.
// One goroutine uses it.
type Registration struct {
	client   redis.UniversalClient
	key      string
	info     WorkerInfo
	said     string // info as JSON
	silence  time.Duration
	log      *slog.Logger
	failures failureLog
	rivals   retry.Throttle
	calls    int // that were answered
}

// NewRegistration returns a registration in the hash of a queue. key is that of the list or of
// the first partition's stream. lease is how long an entry may be held without renewal: a
// worker that was silent for ten leases is forgotten, but not within a minute. It sets
// info.Instance.
func NewRegistration(client redis.UniversalClient, key string, lease time.Duration, info WorkerInfo, log *slog.Logger) (*Registration, error) {
	info.Instance = rand.Text()
	said, err := json.Marshal(info)
	if err != nil {
		return nil, fmt.Errorf("what the worker says of itself: %w", err)
	}
	return &Registration{
		client: client, key: key, info: info, said: string(said), silence: max(idleLeases*lease, minWorkerSilence), log: log,
		failures: failureLog{log: log, stream: key, recovery: "the worker is listed in " + KeysOf(key).Workers},
	}, nil
}

// Run registers the worker at once and every 10 s until ctx ends, and then removes it. Nothing
// else depends on it: an error is logged, and the next call tries again.
func (r *Registration) Run(ctx context.Context) {
	for timer := time.NewTimer(0); ; timer.Reset(jitter(workersPause)) {
		select {
		case <-ctx.Done():
			timer.Stop()
			if err := r.Leave(context.WithoutCancel(ctx)); err != nil {
				r.log.Debug("warning", "reason", fmt.Sprintf("%v: it stays until others remove it", err))
			}
			return
		case <-timer.C:
		}
		if err := r.Register(ctx); err == nil {
			r.failures.succeeded()
		} else if ctx.Err() == nil {
			r.failures.failed(err)
		}
	}
}

// Register registers the worker once. If another process registers under the same name, it
// logs a warning.
func (r *Registration) Register(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, workersTimeout)
	defer cancel()
	silence, known := int64(0), 0
	if r.calls%workersSweep == 0 {
		silence = r.silence.Milliseconds()
	}
	if r.calls > 0 {
		known = 1
	}
	workers := KeysOf(r.key).Workers
	reply, err := redisconn.Run(ctx, r.client, workersScript, []string{workers}, r.info.Consumer, r.said, r.info.Instance, known, silence).Text()
	if err != nil {
		return wrap(err, "listing the worker in %s", workers)
	}
	r.calls++
	if reply != "" {
		r.warn(reply)
	}
	return nil
}

// warn logs that another process uses the worker's name, at most once a minute.
func (r *Registration) warn(reply string) {
	var rival WorkerInfo
	if err := json.Unmarshal([]byte(reply), &rival); err != nil || !r.rivals.Allow(rival.Instance) {
		return
	}
	r.log.Warn("warning", "status", "error", "reason", fmt.Sprintf(
		"another worker, process %d on host %q, has this worker's consumer name %q too: each may take the other's entries for its own; give each worker a name of its own, or none",
		rival.PID, rival.Host, r.info.Consumer))
}

// Leave removes the worker from the hash, unless another process has taken its name.
func (r *Registration) Leave(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, leaveTimeout)
	defer cancel()
	workers := KeysOf(r.key).Workers
	err := redisconn.Run(ctx, r.client, workersForgetScript, []string{workers}, r.info.Consumer, r.info.Instance).Err()
	return wrap(err, "removing the worker from %s", workers)
}
