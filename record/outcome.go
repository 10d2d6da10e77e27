package record

// Outcome is what became of one delivery. Every delivery ends in exactly one.
// The same word is the log's event, the metric's label and the ledger's field.
type Outcome uint8

// The outcomes. The zero value is none of them.
const (
	// Ingested: the record is durable in MongoDB.
	Ingested Outcome = iota + 1
	// Duplicate: a document with the record's ID was there already.
	Duplicate
	// Malformed: the body is no JSON object as the service wants it ("parse_error").
	Malformed
	// Invalid: at least one field breaks its rule ("validation_failed").
	Invalid
	// RateLimited: the customer's window had no room.
	RateLimited
	// Rejected: MongoDB refuses this document for good.
	Rejected
	// Poisoned: processing the record panicked, or killed its worker again and again.
	Poisoned
	// Deferred: the record waits in the delayed set until its window has room.
	Deferred
)

// Status is the coarse result that goes with an outcome in the log.
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

// Outcomes lists all outcomes in the order in which tables show them.
func Outcomes() []Outcome {
	return []Outcome{Ingested, Duplicate, Malformed, Invalid, RateLimited, Rejected, Poisoned, Deferred}
}

// String is the outcome's fixed name, for example "parse_error".
func (o Outcome) String() string {
	if o == 0 || int(o) >= len(outcomes) {
		return "unknown"
	}
	return outcomes[o].name
}

// Status says whether the outcome is a success, an error or a delay.
func (o Outcome) Status() Status {
	if o == 0 || int(o) >= len(outcomes) {
		return Failure
	}
	return outcomes[o].status
}

// Refused says whether the record was turned away for good, which makes it a
// dead letter where those are kept.
func (o Outcome) Refused() bool { return o.Status() == Failure }
