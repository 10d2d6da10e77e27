package bench

// budget is the maximum cost of something.
type budget struct {
	what    string
	allowed float64
}

// budgets are an eighth above the measured values, so that a new version of Go
// or of a library does not break them. Values are per record unless stated
// otherwise. `go test ./bench -run Budgets -v` prints new lines. Lower a value
// when the code has improved; raise it only with a reason.
var budgets = []budget{
	{"decode: allocations", 1.17},
	{"decode: bytes allocated", 142},
	{"judge: allocations", 0.058},
	{"judge: bytes allocated", 112},
	{"insert: allocations", 0.198},
	{"insert: bytes allocated", 594},
	{"receive: allocations", 3.42},
	{"receive: bytes allocated", 507},
	{"settle: allocations", 0.146},
	{"settle: bytes allocated", 37.3},
	{"consumer without log: allocations", 1.29},
	{"consumer without log: bytes allocated", 312},
	{"log line: allocations", 0.0202},
	{"log line: bytes allocated", 10.2},
	{"pipeline: allocations", 5.13},
	{"pipeline: bytes allocated", 1740},
	{"pipeline: Redis commands, including those in scripts", 3.39},
	{"pipeline: EVALSHA and XREADGROUP per batch of 500", 3.49},
	{"pipeline: bytes sent to Redis", 173},
	{"pipeline: bytes received from Redis", 202},
}
