package redisconn

import (
	"bytes"
	"context"

	"github.com/redis/go-redis/v9"
)

// Raw sends a command and returns the reply as the server wrote it, so that a
// large one need not be taken apart into values of their own. It is sent once,
// also to a Cluster, and waits as long as the client's read timeout at most. A
// reply that is an error comes back in the bytes, not as err, and a redirection
// is not followed: then the server has done nothing, and the caller may ask
// again by a command that the library understands. After err nothing is known.
//
// key is the position of the key among args, by which a Cluster's node is
// chosen, and expect about how many bytes will come: of the memory that the
// bytes hold at least half is used.
func Raw(ctx context.Context, c redis.UniversalClient, expect int, key int8, args ...any) ([]byte, error) {
	reply := bytes.NewBuffer(make([]byte, 0, expect+expect/8+bytes.MinRead)) // one that is too small is copied
	cmd := redis.NewRawWriteToCmd(ctx, reply, args...)
	cmd.SetFirstKeyPos(key)
	if err := c.Process(ctx, cmd); err != nil {
		return nil, err
	}
	if reply.Cap() > 2*reply.Len() {
		return bytes.Clone(reply.Bytes()), nil
	}
	return reply.Bytes(), nil
}
