// Package env gives tests the servers and processes they work with, each
// on a free loopback port with data of its own, and takes them away when the
// test ends. What it starts is ready when the call returns.
//
// A test names what it needs:
//
//	Redis         a real redis-server that can be stopped, killed and started again
//	AnyRedis      the same where there is one, else miniredis
//	SharedRedis   any Redis, perhaps a foreign one: only keys with its prefix
//	Mongo         FerretDB, in this process unless that has the race detector
//	MongoProcess  FerretDB as a process that can be stopped, killed and started again
//	Build         a command of this module, compiled
//	Process       a running program with its output
//	Eventually    a condition that comes true
//
// A test that needs redis-server is skipped where there is none, but fails
// where the variable CI is set. REDIS_SERVER_BIN names the program, else it is
// searched for in PATH.
//
// Every helper fails the test instead of returning an error, and so is called
// from the test's own goroutine.
package env
