package queue

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ingestion/record"
	"ingestion/streams"
)

// sink takes the metrics of one partition.
type sink struct {
	ch        chan<- prometheus.Metric
	partition string
	lease     time.Duration
}

func (s *sink) send(m *metric, value float64, labels ...string) {
	s.ch <- prometheus.MustNewConstMetric(m.desc, m.kind, value, append([]string{s.partition}, labels...)...)
}

func (s *sink) number(m *metric, n int64, labels ...string) { s.send(m, float64(n), labels...) }

// count sends a counter. What a new epoch of the ledger takes over counts as done in
// advance, with a negative number, which is no value of a counter.
func (s *sink) count(m *metric, n int64, labels ...string) { s.number(m, max(n, 0), labels...) }

func (s *sink) flag(m *metric, on bool) {
	if on {
		s.send(m, 1)
	} else {
		s.send(m, 0)
	}
}

// arrival sends when an entry arrived; an empty ID is that of no entry.
func (s *sink) arrival(m *metric, id string) {
	if id != "" {
		s.send(m, float64(streams.ArrivalOf(id).UnixMilli())/1000)
	}
}

type listState struct{ *streams.ListSnapshot }

func (l listState) emit(s *sink) {
	s.number(listRecords, l.Length)
	s.number(deadLetters, l.DeadLetters)
}

type streamState struct{ *streams.Snapshot }

func (st streamState) emit(s *sink) {
	s.number(streamEntries, st.Length)
	if !st.BacklogUnknown {
		s.number(undelivered, st.Undelivered)
	}
	s.number(deferred, st.Delayed)
	s.number(deferredDue, st.Due)
	s.number(deadLetters, st.DeadKept)
	s.arrival(oldestUndelivered, st.OldestUndelivered)
	s.arrival(oldestPending, st.OldestPending)
	if st.Bytes >= 0 {
		s.number(queueBytes, st.Bytes)
	}
	if st.GroupThere {
		s.number(pending, st.Pending)
		st.emitConsumers(s)
	}
	if st.Opened() {
		st.emitLedger(s)
	}
	if st.Archive.On {
		st.emitArchive(s)
	}
}

func (st streamState) emitArchive(s *sink) {
	s.flag(archiveServed, st.Archive.Served)
	if st.Archive.Lag >= 0 {
		s.number(unarchived, st.Archive.Lag)
	}
	s.arrival(oldestUnarchived, st.Archive.Oldest)
}

func (st streamState) emitConsumers(s *sink) {
	silent := 0
	for _, c := range st.Consumers {
		if c.Silent(s.lease) {
			silent++
		}
	}
	s.number(consumers, int64(len(st.Consumers)-silent), "live")
	s.number(consumers, int64(silent), "silent")
}

func (st streamState) emitLedger(s *sink) {
	s.number(epoch, st.Epoch)
	if st.Known {
		s.count(entriesAdded, st.Added-st.Base)
	}
	s.count(trimmed, st.Trimmed)
	s.count(missing, st.Missing)
	s.count(returned, st.Returned)
	for _, outcome := range record.Outcomes() {
		s.count(outcomes, st.Outcomes[outcome], outcome.String())
	}
	s.count(deadWritten, st.DeadWritten)
	s.count(deadReplayed, st.DeadReplayed)
	s.count(deadPurged, st.DeadPurged)
	for _, e := range st.Equations() {
		if e.Known {
			s.number(difference, e.Difference(), strings.ReplaceAll(e.Name, " ", "_"))
		}
	}
	if verdict := st.Verdict(); verdict != streams.Unknown {
		s.flag(balanced, verdict == streams.Balanced)
	}
}
