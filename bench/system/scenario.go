package main

import (
	"slices"
	"strconv"
	"strings"

	"ingestion/bench/internal/load"
)

// scenario is a measured configuration.
type scenario struct {
	name       string
	ceiling    bool // the bare loop instead of the worker
	list       bool
	ferret     bool // FerretDB instead of the counting sink
	level      string
	hashed     bool   // the bare loop's _ids are in no order, like the worker's
	gogc       string // GOGC; empty: set by the program, or Go's default
	processes  int    // 0: one, which exits after the last record
	partitions int
	series     bool // record the worker's memory over time
	metrics    bool // serve ADMIN_ADDR, and so count
	spans      bool // export a span of each batch and of its stages
	sampled    bool // all records belong to sampled traces
	extra      bool // runs only if named
}

const (
	quiet = "WARN" // the level without a line per record

	// reserved makes the bare loop collect garbage at most as often as the
	// worker, whose reserve allows some 20 MiB of garbage: here it is ten times
	// Go's minimum heap of 4 MiB.
	reserved = "1000"
)

var scenarios = []scenario{
	{name: "ceiling", ceiling: true, gogc: reserved},
	{name: "ceiling-gogc-100", ceiling: true, extra: true},
	{name: "stream", level: "INFO"},
	{name: "stream-quiet", level: quiet},
	{name: "stream-metrics", level: "INFO", metrics: true, extra: true},
	{name: "stream-quiet-metrics", level: quiet, metrics: true, extra: true},
	{name: "stream-spans", level: "INFO", spans: true, extra: true},
	{name: "stream-traces", level: "INFO", spans: true, sampled: true, extra: true},
	{name: "list", list: true, level: "INFO"},
	{name: "list-quiet", list: true, level: quiet},
	{name: "backlog", level: "INFO", series: true, extra: true},
	{name: "ferret-ceiling", ceiling: true, hashed: true, gogc: reserved, ferret: true, extra: true},
	{name: "ferret-ceiling-ascending", ceiling: true, gogc: reserved, ferret: true, extra: true},
	{name: "ferret-stream", ferret: true, level: "INFO", extra: true},
	{name: "ferret-list", ferret: true, list: true, level: "INFO", extra: true},
	{name: "processes-1", level: quiet, processes: 1, extra: true},
	{name: "processes-2", level: quiet, processes: 2, extra: true},
	{name: "processes-4", level: quiet, processes: 4, extra: true},
	{name: "partitions-4-processes-1", level: quiet, processes: 1, partitions: 4, extra: true},
	{name: "partitions-4-processes-2", level: quiet, processes: 2, partitions: 4, extra: true},
	{name: "partitions-4-processes-4", level: quiet, processes: 4, partitions: 4, extra: true},
}

func scenarioNames() string {
	names := make([]string, len(scenarios))
	for i, s := range scenarios {
		names[i] = s.name
	}
	return strings.Join(names, ", ")
}

// chosen returns the named scenarios, or the quick ones.
func chosen(only []string) []scenario {
	var out []scenario
	for _, s := range scenarios {
		if len(only) == 0 && !s.extra || slices.Contains(only, s.name) {
			out = append(out, s)
		}
	}
	return out
}

const (
	streamKey = "bench:stream"
	queueKey  = "bench:queue"
	group     = "ingest-workers"
	database  = "bench" // as the bare loop's
	batchSize = 500
	inFlight  = 4
)

// keys returns the keys of the queue.
func (s scenario) keys() []string {
	if s.list {
		return []string{queueKey}
	}
	if s.partitions < 2 {
		return []string{streamKey}
	}
	keys := make([]string, s.partitions)
	for p := range keys {
		keys[p] = streamKey + ":" + strconv.Itoa(p)
	}
	return keys
}

// collection returns the collection of the documents.
func (s scenario) collection() string {
	if s.ceiling {
		return "ceiling"
	}
	return "customers"
}

// repeated returns after how many records some of them are repeated. On
// FerretDB a duplicate slows down its whole batch, which is then inserted one
// by one, and the bare loop inserts no duplicates. So there both are in the
// same batch of the worker.
func (s scenario) repeated() int {
	if s.ferret {
		return load.AtOnce
	}
	return load.Later
}

// env returns the program's configuration. The limit is so high that the
// limiter runs but refuses nothing.
func (s scenario) env(redisAddr, mongoURI string, records int) []string {
	mode := "stream"
	if s.list {
		mode = "list"
	}
	env := []string{
		"REDIS_URL=redis://" + redisAddr + "/0",
		"MONGO_URI=" + mongoURI, "MONGO_DB=" + database, "MONGO_COLLECTION=" + s.collection(),
		"QUEUE_MODE=" + mode, "STREAM_KEY=" + streamKey, "QUEUE_KEY=" + queueKey, "STREAM_GROUP=" + group,
		"STREAM_PARTITIONS=" + strconv.Itoa(max(s.partitions, 1)),
		"BATCH_SIZE=" + strconv.Itoa(batchSize), "WORKER_CONCURRENCY=" + strconv.Itoa(inFlight),
		"RATE_LIMIT_LIMIT=100", "RATE_LIMIT_WINDOW_SEC=60", "MONGO_INDEXES=off",
		"ADMIN_ADDR=", "LOG_FORMAT=json", "LOG_LEVEL=" + s.level,
	}
	if s.metrics {
		env = append(env, "ADMIN_ADDR=127.0.0.1:0")
	}
	if s.gogc != "" {
		env = append(env, "GOGC="+s.gogc)
	}
	if s.hashed {
		env = append(env, "CEILING_IDS=hashed")
	}
	if s.processes == 0 {
		env = append(env, "WORKER_MAX_MESSAGES="+strconv.Itoa(records))
	}
	return env
}

// fields are what the entries have beside their body.
func (s scenario) fields() []any {
	if !s.sampled {
		return nil
	}
	return []any{"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
}

// kind says how scenarios are compared.
type kind int

const (
	other   kind = iota // not drained
	counted             // on the counting sink, beside the ceiling
	onFerret
	several // processes side by side
)

func kindOf(name string) kind {
	i := slices.IndexFunc(scenarios, func(s scenario) bool { return s.name == name })
	switch {
	case i < 0:
		return other
	case scenarios[i].processes > 0:
		return several
	case scenarios[i].ferret:
		return onFerret
	default:
		return counted
	}
}

// inTurn returns the order of a round: each round begins with another scenario,
// so that none always follows the same one.
func inTurn(all []scenario, round int) []scenario {
	first := round % max(len(all), 1)
	return slices.Concat(all[first:], all[:first])
}

// isCeiling reports whether a scenario runs the bare loop, in any
// configuration.
func isCeiling(name string) bool {
	return slices.ContainsFunc(scenarios, func(s scenario) bool { return s.name == name && s.ceiling })
}

// ceilingOf returns the bare loop on the same store.
func ceilingOf(name string) string {
	if kindOf(name) == onFerret {
		return "ferret-ceiling"
	}
	return "ceiling"
}
