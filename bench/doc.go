// Package bench holds the benchmarks of the service and the budgets of its
// steps; it has no code of its own. `make bench` runs the benchmarks, and
// BENCH=Record selects those of records. See docs/performance.md.
package bench
