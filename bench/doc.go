// Package bench holds the benchmarks of the service and the budgets that its
// steps keep to; it has no code of its own. `make bench` runs the benchmarks, and
// BENCH=Record picks those of the record. docs/performance.md tells the rest.
package bench
