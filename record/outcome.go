package record

// Outcome is the result of processing one delivery. Every delivery has exactly
// one. The outcome's name is also the log event, the metric label and the ledger
// field.
type Outcome uint8

// The outcomes. The zero value is not an outcome.
const (
	// Ingested: the record is durable in MongoDB.
	Ingested Outcome = iota + 1
	// Duplicate: a document with the record's ID already exists.
	Duplicate
	// Malformed: the body is not acceptable JSON ("parse_error").
	Malformed
	// Invalid: at least one field breaks its rule ("validation_failed").
	Invalid
	// RateLimited: the customer's sliding window was full.
	RateLimited
	// Rejected: MongoDB permanently rejects the document.
	Rejected
	// Poisoned: processing the record panicked, or repeatedly killed its worker.
	Poisoned
	// Deferred: the record is in the delayed set until its window has a free slot.
	Deferred
)

// Status is the general result that is logged with an outcome.
type Status string

// The statuses.
const (
	Success Status = "success"
	Failure Status = "error"
	Delayed Status = "delayed"
)

var outcomes = [...]struct {
	name   string
	status Status
}{
	Ingested:    {"ingested", Success},
	Duplicate:   {"duplicate", Success},
	Malformed:   {"parse_error", Failure},
	Invalid:     {"validation_failed", Failure},
	RateLimited: {"rate_limited", Failure},
	Rejected:    {"rejected", Failure},
	Poisoned:    {"poisoned", Failure},
	Deferred:    {"deferred", Delayed},
}

// Outcomes returns all outcomes in the order used in tables.
func Outcomes() []Outcome {
	all := make([]Outcome, 0, len(outcomes)-1)
	for o := Outcome(1); int(o) < len(outcomes); o++ {
		all = append(all, o)
	}
	return all
}

// String returns the outcome's name, for example "parse_error". Names never change.
func (o Outcome) String() string {
	if o == 0 || int(o) >= len(outcomes) {
		return "unknown"
	}
	return outcomes[o].name
}

// Status reports whether the outcome is a success, an error or a delay.
func (o Outcome) Status() Status {
	if o == 0 || int(o) >= len(outcomes) {
		return Failure
	}
	return outcomes[o].status
}

// Refused reports whether the record was permanently refused. Such a record
// becomes a dead letter if dead letters are kept.
func (o Outcome) Refused() bool { return o.Status() == Failure }
