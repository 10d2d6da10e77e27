package queue

import "github.com/prometheus/client_golang/prometheus"

// metric is the description of one metric of each partition.
type metric struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	of   queues
}

// queues says for which queues a metric exists.
type queues string

const (
	ofStreams queues = "streams"
	ofLists   queues = "lists"
	ofBoth    queues = "both"
)

// metrics are all metrics of this package.
var metrics []*metric

func describe(kind prometheus.ValueType, name, help string, labels ...string) *metric {
	m := &metric{desc: prometheus.NewDesc("ingestion_"+name, help, append([]string{"partition"}, labels...), nil), kind: kind, of: ofStreams}
	metrics = append(metrics, m)
	return m
}

func counter(name, help string, labels ...string) *metric {
	return describe(prometheus.CounterValue, name, help, labels...)
}

func gauge(name, help string, labels ...string) *metric {
	return describe(prometheus.GaugeValue, name, help, labels...)
}

func (m *metric) existsFor(q queues) *metric {
	m.of = q
	return m
}

func (m *metric) exists(list bool) bool {
	return m.of == ofBoth || list == (m.of == ofLists)
}

var (
	up             = gauge("queue_up", "1 if the partition could be read from Redis, else 0.").existsFor(ofBoth)
	scrapeDuration = gauge("queue_scrape_duration_seconds", "How long reading the partition took.")

	entriesAdded = counter("ledger_entries_added_total", "Entries added to the stream in the current epoch of the ledger. All ingestion_ledger counters start again with an epoch.")
	trimmed      = counter("ledger_trimmed_total", "Settled entries deleted by the service.")
	missing      = counter("ledger_missing_total", "Entries without an outcome: deleted, skipped or dropped by another client.")
	returned     = counter("ledger_returned_total", "Deferred records put back on the stream.")
	outcomes     = counter("ledger_outcomes_total", "Entries settled, by outcome.", "outcome")

	deadWritten  = counter("dead_letters_written_total", "Dead letters written.")
	deadReplayed = counter("dead_letters_replayed_total", "Dead letters put back on the queue.")
	deadPurged   = counter("dead_letters_purged_total", "Dead letters deleted by the service or the operator's tool.")
	deadLetters  = gauge("dead_letters", "Dead letters kept.").existsFor(ofBoth)

	streamEntries = gauge("stream_entries", "Entries on the stream.")
	undelivered   = gauge("undelivered_entries", "Entries on the stream that were not delivered yet. Absent if there are too many to count and Redis can't tell their number reliably.")
	pending       = gauge("pending_entries", "Entries delivered and not settled.")
	deferred      = gauge("deferred_records", "Deferred records that wait.")
	deferredDue   = gauge("deferred_due_records", "Deferred records that are due to be put back on the stream.")
	consumers     = gauge("consumers", "Consumers of the service group: silent ones have not spoken to Redis for longer than a lease, live ones have.", "state")
	queueBytes    = gauge("queue_bytes", "Memory that the keys of the partition take, as Redis estimates it from samples.")

	epoch      = gauge("ledger_epoch", "Number of the ledger's epoch. A new one begins when entries that were counted are delivered again.")
	difference = gauge("ledger_difference_entries", "Left side minus right side of an equation of the account: 0 if it holds.", "equation")
	balanced   = gauge("account_balanced", "1 if all equations of the account hold, 0 if one does not. Absent if that is unknown.")

	oldestUndelivered = gauge("oldest_undelivered_timestamp_seconds", "When the oldest undelivered entry arrived. Absent if there is none.")
	oldestPending     = gauge("oldest_pending_timestamp_seconds", "When the oldest pending entry arrived. Absent if there is none.")

	archiveServed    = gauge("archive_served", "1 if an archiver has the lease of the partition, 0 if not. Absent, like the other metrics of the archive, if nothing is archived.")
	unarchived       = gauge("unarchived_entries", "Entries on the stream that are not archived, and so not trimmed. Absent if unknown.")
	oldestUnarchived = gauge("oldest_unarchived_timestamp_seconds", "When the oldest entry arrived that is not archived. Absent if there is none.")

	listRecords = gauge("list_records", "Records on the list.").existsFor(ofLists)
)
