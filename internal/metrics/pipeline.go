package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ingestion/consumer"
	"ingestion/limiter"
	"ingestion/record"
	"ingestion/streams"
)

// The upper bounds of the classic buckets: seconds, seconds, records, bytes.
var (
	latencyBounds = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600}
	stageBounds   = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	batchBounds   = []float64{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000}
	sizeBounds    = []float64{64, 128, 256, 512, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216}
	delayBounds   = []float64{.1, .5, 1, 5, 10, 30, 60, 300, 900, 1800, 3600, 7200, 21600, 86400}
)

// pipeline counts what the consumer reports. What is known by record is added up for
// the batch first: a metric is changed once per batch.
type pipeline struct {
	received    [deliveries]prometheus.Counter
	settled     []prometheus.Counter // by record.Outcome
	conflicts   prometheus.Counter
	batches     prometheus.Counter
	latency     *batchHistogram
	stages      map[consumer.Stage]prometheus.Observer
	batchSize   prometheus.Histogram
	recordSize  *batchHistogram
	decisions   [limiter.Reserved + 1]prometheus.Counter // by limiter.Decision; there is none for 0
	delay       prometheus.Histogram
	inFlight    prometheus.Gauge
	slotsInUse  prometheus.Gauge
	lastSettled prometheus.Gauge
}

// delivery is how a record was received.
type delivery int

const (
	fresh delivery = iota
	reclaimed
	lone
	deliveries int = iota
)

func newPipeline(f factory) pipeline {
	p := pipeline{
		settled:     make([]prometheus.Counter, len(record.Outcomes())+1),
		conflicts:   f.counter("conflicts_total", "Duplicates under whose _id another name is stored."),
		batches:     f.counter("batches_total", "Batches that were processed."),
		latency:     newBatchHistogram("record_latency_seconds", "Time from a record's arrival in the queue to its settlement. Not known in list mode.", latencyBounds, 1000),
		stages:      map[consumer.Stage]prometheus.Observer{},
		batchSize:   f.histogram("batch_records", "Records in a batch.", batchBounds),
		recordSize:  newBatchHistogram("record_size_bytes", "Size of a body.", sizeBounds, 1),
		delay:       f.histogram("limiter_reserved_delay_seconds", "Time until the slot that was reserved for a record; 0 if it was due.", delayBounds),
		inFlight:    f.gauge("records_in_flight", "Records that are being processed."),
		slotsInUse:  f.gauge("slots_in_use", "Batches that are being processed."),
		lastSettled: f.gauge("last_settled_timestamp_seconds", "When the worker last settled a record, in seconds since 1970; 0: not since it started."),
	}
	f.registry.MustRegister(p.latency, p.recordSize)
	received := f.counters("records_received_total", "Records received: new, reclaimed from another worker or delivered again, or alone since they may kill their worker.", "delivery")
	for kind, name := range [deliveries]string{fresh: "new", reclaimed: "reclaimed", lone: "lone"} {
		p.received[kind] = received.WithLabelValues(name)
	}
	settled := f.counters("records_settled_total", "Records settled, by outcome.", "outcome")
	for _, outcome := range record.Outcomes() {
		p.settled[outcome] = settled.WithLabelValues(outcome.String())
	}
	stages := f.histograms("stage_duration_seconds", "Duration of a stage of a batch, with retries; receive: of calls that returned records, with the wait for them; settle: of one attempt.", "stage", stageBounds)
	for _, stage := range []consumer.Stage{consumer.Receive, consumer.Decode, consumer.Limit, consumer.Insert, consumer.Log, consumer.Settle} {
		p.stages[stage] = stages.WithLabelValues(stage.String())
	}
	decisions := f.counters("limiter_decisions_total", "Decisions of the limiter; a record that is processed again is judged again.", "decision")
	for _, decision := range []limiter.Decision{limiter.Admitted, limiter.Refused, limiter.Reserved} {
		p.decisions[decision] = decisions.WithLabelValues(decision.String())
	}
	return p
}

// Begin counts what is in flight.
func (p *pipeline) Begin(ctx context.Context, stage consumer.Stage, batch []streams.Delivery) context.Context {
	if stage == consumer.Process {
		p.slotsInUse.Inc()
		p.inFlight.Add(float64(len(batch)))
	}
	return ctx
}

// End counts the results of a stage.
func (p *pipeline) End(_ context.Context, stage consumer.Stage, r consumer.Result) {
	if timed := p.stages[stage]; timed != nil && r.Records > 0 {
		timed.Observe(r.Took.Seconds())
	}
	switch stage {
	case consumer.Receive:
		p.receive(r.Deliveries)
	case consumer.Limit:
		p.judge(r.Verdicts, r.Now)
	case consumer.Settle:
		p.settle(r.Settled)
		p.conflicts.Add(float64(r.Conflicts))
	case consumer.Process:
		p.batches.Inc()
		p.batchSize.Observe(float64(r.Records))
		p.slotsInUse.Dec()
		p.inFlight.Sub(float64(r.Records))
	}
}

func (p *pipeline) receive(batch []streams.Delivery) {
	var counts [deliveries]int
	sizes := p.recordSize.begin()
	for i := range batch {
		d := &batch[i]
		switch {
		case d.Quarantined: // its body is not read yet
			counts[lone]++
			continue
		case d.Redelivered:
			counts[reclaimed]++
		default:
			counts[fresh]++
		}
		sizes.add(int64(len(d.Body)))
	}
	sizes.end()
	for kind, n := range counts {
		add(p.received[kind], n)
	}
}

func (p *pipeline) judge(verdicts []limiter.Verdict, now time.Time) {
	var counts [limiter.Reserved + 1]int
	for i := range verdicts {
		v := &verdicts[i]
		if counts[v.Decision]++; v.Decision == limiter.Reserved {
			p.delay.Observe(max(0, time.UnixMilli(v.Place).Sub(now).Seconds()))
		}
	}
	for decision, n := range counts {
		add(p.decisions[decision], n)
	}
}

func (p *pipeline) settle(settled []streams.Settlement) {
	if len(settled) == 0 {
		return
	}
	counts := make([]int, len(p.settled)) // by outcome
	now := time.Now().UnixMilli()
	latencies := p.latency.begin()
	for i := range settled {
		counts[settled[i].Outcome]++
		if at := settled[i].ArrivedAt; at > 0 {
			latencies.add(max(0, now-at)) // the clock of Redis may be ahead
		}
	}
	latencies.end()
	for outcome, counter := range p.settled {
		add(counter, counts[outcome])
	}
	p.lastSettled.Set(float64(now) / 1000)
}

// add changes a counter, unless there is nothing to add: some counters don't exist.
func add(c prometheus.Counter, n int) {
	if n > 0 && c != nil {
		c.Add(float64(n))
	}
}
