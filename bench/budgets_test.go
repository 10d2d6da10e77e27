package bench

// budget is the most that something may cost.
type budget struct {
	what    string
	allowed float64
}

// budgets are an eighth above what was measured, so that a new version of Go or
// of a library does not break them; unless it says otherwise a number is for one
// record. `go test ./bench -run Budgets -v` prints the lines anew. Lower a number
// when the code has become better, and raise it only together with the reason.
var budgets = []budget{
	{"decode: allocations", 4.52},
	{"decode: bytes allocated", 136},
	{"judge: allocations", 10.1},
	{"judge: bytes allocated", 889},
	{"insert: allocations", 0.212},
	{"insert: bytes allocated", 1080},
	{"receive: allocations", 9.07},
	{"receive: bytes allocated", 1190},
	{"settle: allocations", 1.35},
	{"settle: bytes allocated", 140},
	{"consumer without log: allocations", 5.85},
	{"consumer without log: bytes allocated", 1120},
	{"log line: allocations", 3.35},
	{"log line: bytes allocated", 65.6},
	{"pipeline: allocations", 30},
	{"pipeline: bytes allocated", 4610},
	{"pipeline: commands that Redis runs, those in scripts included", 3.43},
	{"pipeline: EVALSHA and XREADGROUP a batch of 500", 3.49},
	{"pipeline: bytes sent to Redis", 216},
	{"pipeline: bytes received from Redis", 224},
}
