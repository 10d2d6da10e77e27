package redisconn

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// Run runs a script by its hash. If the server does not know the script (after a
// restart, a failover or SCRIPT FLUSH), Run sends its text, which loads it. There
// must be at least one key: it selects the node of a Cluster, and no other node
// has to be up.
func Run(ctx context.Context, client redis.UniversalClient, s *redis.Script, keys []string, args ...any) *redis.Cmd {
	call := NewCall(s, keys, len(args))
	call.Add(args...)
	return call.Run(ctx, client)
}

// headArgs is the number of arguments of EVALSHA before the keys: its name, the
// hash, the number of keys.
const headArgs = 3

// Call is a run of a script with many arguments, which are collected in the slice
// that is sent. The zero value is ready for Reset. A Call is used by one goroutine.
type Call struct {
	script *redis.Script
	keys   []string
	args   []any
}

// NewCall returns a call with capacity for n arguments after the keys, of which
// there must be at least one. The keys are read when the call runs.
func NewCall(s *redis.Script, keys []string, n int) *Call {
	c := &Call{args: make([]any, 0, headArgs+len(keys)+n)}
	c.Reset(s, keys)
	return c
}

// Reset turns c into a new call, as NewCall does, in the memory of the old one.
func (c *Call) Reset(s *redis.Script, keys []string) {
	c.script, c.keys = s, keys
	c.args = append(c.args[:0], "evalsha", s.Hash(), len(keys))
	for i := range keys {
		c.args = append(c.args, &keys[i]) // unlike a string, a pointer is not allocated
	}
}

// Clear makes c refer to no key or argument any more. It keeps its memory.
func (c *Call) Clear() {
	clear(c.args[:cap(c.args)])
	*c = Call{args: c.args[:0]}
}

// Add appends arguments. A *string is read when the call runs; unlike a string it
// costs no allocation.
func (c *Call) Add(args ...any) { c.args = append(c.args, args...) }

// Hold appends a number that is not known yet, and returns the function that sets
// it.
func (c *Call) Hold() (set func(n int)) {
	at := len(c.args)
	c.args = append(c.args, nil)
	return func(n int) { c.args[at] = n }
}

// Run runs the script as the function Run does. It may be called more than once.
func (c *Call) Run(ctx context.Context, client redis.UniversalClient) *redis.Cmd {
	cmd := redis.NewCmd(ctx, c.args...)
	cmd.SetFirstKeyPos(headArgs)
	_ = client.Process(ctx, cmd) // cmd holds the error
	if redis.HasErrorPrefix(cmd.Err(), "NOSCRIPT") {
		return c.script.Eval(ctx, client, c.keys, c.args[headArgs+len(c.keys):]...)
	}
	return cmd
}
