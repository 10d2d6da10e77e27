// Package env gives tests the servers and processes they need, each on a free
// loopback port with data of its own, and stops them when the test ends. A
// server is ready when the call returns.
//
// A test names what it needs:
//
//	Redis         a real redis-server that can be stopped, killed and started again
//	AnyRedis      the same where there is one, else miniredis
//	SharedRedis   any Redis, perhaps a foreign one: only keys with its prefix
//	SharedMongo   a MongoDB in a container where asked for, else Mongo: only its database
//	Mongo         FerretDB, in this process unless that has the race detector
//	MongoProcess  FerretDB as a process that can be stopped, killed and started again
//	Build         a command of this module, compiled
//	Process       a running program with its output
//	Eventually    a condition that comes true
//
// A test that needs redis-server is skipped if there is none, but fails if the
// variable CI is set. REDIS_SERVER_BIN is the program's path; by default it is
// looked up in PATH.
//
// The helpers fail the test instead of returning an error, so they must be
// called from the test's own goroutine.
package env
