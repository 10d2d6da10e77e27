package app

import (
	"os"
	"time"

	"ingestion/streams"
)

// register returns what lists this worker and its settings in Redis, for `ingestctl doctor`;
// nil if it can't be listed, which is not worth an end.
func (w *Worker) register() *streams.Registration {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	r, err := streams.NewRegistration(w.redis, w.keys()[0], w.cfg.StreamClaimIdle.Duration(), streams.WorkerInfo{
		Consumer: w.cfg.StreamConsumer, Hash: w.cfg.SharedHash(), Settings: w.cfg.Shared(),
		Version: Release(), Host: host, PID: os.Getpid(), Started: time.Now().UnixMilli(),
	}, w.log)
	if err != nil {
		w.log.Warn("warning", "reason", err.Error())
		return nil
	}
	return r
}
