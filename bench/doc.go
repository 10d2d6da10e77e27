// Package bench holds the benchmarks of the service; it has no code of its own.
// `make bench` runs them, and BENCH=Record picks those of the record.
package bench
