// Package integration tests the main path of a record, from the producer
// through Redis and the worker into MongoDB, with the programs as processes. Its
// Redis is the one of env.SharedRedis: that of REDIS_URL, a container, a
// local redis-server or miniredis, whichever is asked for and there; so the
// tests keep to their own keys. e2e has the tests that need a Redis of their
// own, to stop, kill or fill it.
package integration
