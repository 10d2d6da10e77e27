package app

import (
	"net/http"
	"sync"

	"ingestion/internal/config"
	"ingestion/internal/metrics/queue"
)

// queueMetrics returns the handler of /metrics/queue. There is no client before the worker
// is connected.
func (w *Worker) queueMetrics() http.Handler {
	handler := sync.OnceValue(func() http.Handler {
		return queue.Handler(queue.Options{
			Client: w.redis, Keys: w.keys(), List: w.cfg.QueueMode == config.ModeList, Group: w.cfg.StreamGroup, Lease: w.cfg.StreamClaimIdle.Duration(),
		})
	})
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if phase(w.phase.Load()) == starting {
			http.Error(rw, "the worker is starting", http.StatusServiceUnavailable)
			return
		}
		handler().ServeHTTP(rw, r)
	})
}
