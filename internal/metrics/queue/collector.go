package queue

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ingestion/internal/redisconn"
	"ingestion/streams"
)

// countCalls limits how long a reading counts undelivered entries where nothing else tells
// their number: to some 10,000 of them, in some 20 ms.
const countCalls = 5

// collector is a prometheus.Collector.
type collector struct {
	opts   Options
	shared shared[[]partition]
}

// partition is what was read of one partition. If up is false, all else is unknown.
type partition struct {
	up    bool
	took  time.Duration
	state state
}

// state is a snapshot of a partition or of a list.
type state interface{ emit(s *sink) }

func newCollector(opts Options) *collector {
	c := &collector{opts: opts}
	c.shared.read = c.read
	return c
}

// Describe sends the descriptions of all metrics of the kind of queue.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range metrics {
		if m.exists(c.opts.List) {
			ch <- m.desc
		}
	}
}

// Collect sends the metrics.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	partitions, ok := c.shared.get()
	if !ok {
		partitions = make([]partition, len(c.opts.Keys))
		for i := range partitions {
			partitions[i].took = longestWait
		}
	}
	for i, p := range partitions {
		s := &sink{ch: ch, partition: strconv.Itoa(i), lease: c.opts.Lease}
		s.flag(up, p.up)
		if scrapeDuration.exists(c.opts.List) {
			s.send(scrapeDuration, p.took.Seconds())
		}
		if p.up {
			p.state.emit(s)
		}
	}
}

// read reads all partitions. On a Cluster it reads them all at the same time, since those
// of a node that hangs must not keep the others waiting.
func (c *collector) read(ctx context.Context) []partition {
	partitions := make([]partition, len(c.opts.Keys))
	slots := make(chan struct{}, Connections(redisconn.IsCluster(c.opts.Client), len(c.opts.Keys)))
	var reading sync.WaitGroup
	for i, key := range c.opts.Keys {
		reading.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			began := time.Now()
			state, err := c.readOne(ctx, key)
			partitions[i] = partition{up: err == nil, took: time.Since(began), state: state}
		})
	}
	reading.Wait()
	return partitions
}

func (c *collector) readOne(ctx context.Context, key string) (state, error) {
	if c.opts.List {
		s, err := streams.ReadListSnapshot(ctx, c.opts.Client, key)
		return listState{s}, err
	}
	s, err := streams.ReadSnapshot(ctx, c.opts.Client, key, streams.SnapshotOptions{Group: c.opts.Group, CountCalls: countCalls})
	return streamState{s}, err
}
