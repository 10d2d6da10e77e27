// Package integration tests the main path of a record, from the producer
// through Redis and the worker to MongoDB, with the programs as processes. It
// uses env.SharedRedis: the Redis of REDIS_URL, a container, a local
// redis-server or miniredis; so the tests use only keys of their own. Likewise
// it uses env.SharedMongo: a container or FerretDB. Tests
// that stop, kill or fill a Redis are in e2e.
package integration
