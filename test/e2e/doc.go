// Package e2e tests the built programs from outside: each test runs the worker
// as a process against a real redis-server and FerretDB, sends records, and
// checks MongoDB, Redis and the worker's standard output. The tests know the
// service only by its documented keys, variables and log lines, and the
// expected outcome of a record by how they made it.
//
// Some sizes can be raised by the environment:
//
//	E2E_RECORDS  records of the main path and of the killed workers
//	E2E_KILLS    SIGKILLs of the killed workers
//	E2E_SEED     seed of the random choices, which a failed test prints
package e2e
