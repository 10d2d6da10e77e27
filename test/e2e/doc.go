// Package e2e tests the built programs from outside: each test starts the
// worker as a process against a real redis-server and FerretDB, feeds it, and
// looks at MongoDB, at Redis and at the worker's standard output. The tests
// know the service by its documented keys, variables and log lines only; what
// has to become of a record they know because they made it.
//
// Some sizes can be raised by the environment:
//
//	E2E_RECORDS  records of the main path and of the killed workers
//	E2E_KILLS    SIGKILLs of the killed workers
//	E2E_SEED     seed of the random choices, which a failed test prints
package e2e
