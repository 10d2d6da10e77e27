package streams

import (
	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
)

// NewClient returns a client that is set up for queues: above all it does not retry
// commands, since a repeated pop loses records. url is a URL like
// redis://user:password@host:port/db; with rediss the connection uses TLS, and
// redis+cluster and redis+sentinel name several hosts. poolSize is the maximum number
// of connections to a node. The client connects on first use. It turns off the log of
// the client library in the whole process.
func NewClient(url string, poolSize int) (redis.UniversalClient, error) {
	opts, err := redisconn.Parse(url, "")
	if err != nil {
		return nil, err
	}
	return redisconn.New(opts, poolSize), nil
}
