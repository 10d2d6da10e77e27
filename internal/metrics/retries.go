package metrics

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"ingestion/internal/redisconn"
	"ingestion/store"
)

// retries counts failed calls that are repeated.
type retries struct{ redis, mongo map[string]prometheus.Counter }

func newRetries(f factory) retries {
	all := f.counters("retries_total", "Calls to a server that have failed and are repeated, by the class of the error.", "server", "class")
	classes := func(server string, names []string) map[string]prometheus.Counter {
		counters := map[string]prometheus.Counter{}
		for _, name := range names {
			counters[name] = all.WithLabelValues(server, name)
		}
		return counters
	}
	var mongo []string
	for _, class := range store.RetryClasses() {
		mongo = append(mongo, class.String())
	}
	return retries{redis: classes("redis", redisconn.Classes()), mongo: classes("mongo", mongo)}
}

// Retrying implements consumer.Observer.
func (m *Metrics) Retrying(_ context.Context, server string, err error) {
	if server == "Redis" {
		m.retries.redis[redisconn.Class(err)].Inc()
		return
	}
	var failure *store.Error
	if errors.As(err, &failure) {
		m.StoreRetries(failure.Class)
	}
}

// StoreRetries counts a failed call to MongoDB.
func (m *Metrics) StoreRetries(class store.Class) {
	if counter := m.retries.mongo[class.String()]; counter != nil {
		counter.Inc()
	}
}
