package redisconn

import (
	"bytes"
	"context"
	"io"
	"slices"

	"github.com/redis/go-redis/v9"
)

// Raw sends a command and returns the reply as the server wrote it, so that a
// large one need not be taken apart into values of their own. It is sent once,
// also to a Cluster, and waits as long as the client's read timeout at most. A
// reply that is an error comes back in the bytes, not as err, and a redirection
// is not followed: then the server has done nothing, and the caller may ask
// again by a command that the library understands. After err it is not known
// what the server has done; the bytes are what has come of its reply.
//
// key is the position of the key among args, by which a Cluster's node is
// chosen, and expect about how many bytes will come: they are reserved when the
// reply begins. Of the memory that the bytes hold at least half is used.
func Raw(ctx context.Context, c redis.UniversalClient, expect int, key int8, args ...any) ([]byte, error) {
	r := reply{expect: expect}
	cmd := redis.NewRawWriteToCmd(ctx, &r, args...)
	cmd.SetFirstKeyPos(key)
	err := c.Process(ctx, cmd)
	if cap(r.bytes) > 2*len(r.bytes) {
		return bytes.Clone(r.bytes), err
	}
	return r.bytes, err
}

// reply gathers what comes. It holds no memory before something does.
type reply struct {
	bytes  []byte
	expect int
}

func (r *reply) reserve(n int) {
	if r.bytes == nil {
		n = max(n, r.expect+r.expect/8)
	}
	r.bytes = slices.Grow(r.bytes, n)
}

func (r *reply) Write(line []byte) (int, error) {
	r.reserve(len(line))
	r.bytes = append(r.bytes, line...)
	return len(line), nil
}

// ReadFrom takes in a string, whose length the library's reader knows, without
// a buffer between.
func (r *reply) ReadFrom(src io.Reader) (int64, error) {
	limited, ok := src.(*io.LimitedReader)
	if !ok {
		return io.Copy(struct{ io.Writer }{r}, src)
	}
	r.reserve(int(limited.N))
	before := len(r.bytes)
	n, err := io.ReadFull(src, r.bytes[before:before+int(limited.N)])
	r.bytes = r.bytes[:before+n]
	return int64(n), err
}
