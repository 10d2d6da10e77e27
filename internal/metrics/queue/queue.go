// Package queue exposes the state of a queue, which all workers share, as metrics. They
// are the same whichever worker is asked.
package queue

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/redis/go-redis/v9"
)

// Options says which queue to read.
type Options struct {
	Client redis.UniversalClient
	Keys   []string // the list, or the streams of all partitions in their order
	List   bool     // the key is that of a list
	Group  string   // the service group of a stream
	// Lease is the time without a sign of life after which a consumer counts as silent.
	Lease time.Duration
}

// Handler serves the metrics of a queue. It answers within 2 s, whether or not Redis does,
// and reads the queue at most once a second, however often and by how many it is called.
// A partition that could not be read has ingestion_queue_up 0 and nothing else.
func Handler(opts Options) http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(newCollector(opts))
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{EnableOpenMetrics: true})
}

// connections is how many partitions of one server are read at the same time.
const connections = 4

// Connections is how many connections to each node of Redis a Handler uses at most.
func Connections(cluster bool, partitions int) int {
	if cluster {
		return partitions
	}
	return min(partitions, connections)
}
