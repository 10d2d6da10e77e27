// Package embedded runs the two servers of the service inside this process:
// a Redis (miniredis, in memory) and a MongoDB (FerretDB on SQLite files).
// They serve demonstrations, development and tests; a deployment uses real
// servers.
//
// Neither asks for a password, so both belong on a loopback address. An
// address with port 0 takes a free port, which Addr then tells. Several
// servers may run beside each other in one process; every function here may
// be called from any goroutine.
package embedded
