package redisconn

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// Run runs a script by its hash, and by its text where the server does not know
// it (a restart, a failover or SCRIPT FLUSH forgets scripts). There is at least
// one key: a Cluster's node is chosen by it, and no other has to be up.
func Run(ctx context.Context, c redis.UniversalClient, s *redis.Script, keys []string, args ...any) *redis.Cmd {
	call := NewCall(s, keys, len(args))
	call.Add(args...)
	return call.Run(ctx, c)
}

// headArgs are those of EVALSHA before the keys: its name, the hash, the number
// of keys. The first key follows.
const headArgs = 3

// Call is a run of a script with many arguments: they are put straight into the
// one slice that is sent. It is used by one goroutine.
type Call struct {
	script *redis.Script
	keys   []string
	args   []any
}

// NewCall begins a call with room for so many arguments after the keys, of which
// there is at least one. The keys are read when it runs.
func NewCall(s *redis.Script, keys []string, room int) *Call {
	args := make([]any, headArgs, headArgs+len(keys)+room)
	args[0], args[1], args[2] = "evalsha", s.Hash(), len(keys)
	for i := range keys {
		args = append(args, &keys[i]) // a pointer needs no memory of its own
	}
	return &Call{script: s, keys: keys, args: args}
}

// Add appends arguments. A *string is read when the call runs, and costs no
// memory, which a string does.
func (c *Call) Add(args ...any) { c.args = append(c.args, args...) }

// Hold appends a number that is not known yet, and returns what sets it.
func (c *Call) Hold() (set func(n int)) {
	at := len(c.args)
	c.args = append(c.args, nil)
	return func(n int) { c.args[at] = n }
}

// Run is as the function Run. It may be repeated.
func (c *Call) Run(ctx context.Context, client redis.UniversalClient) *redis.Cmd {
	cmd := redis.NewCmd(ctx, c.args...)
	cmd.SetFirstKeyPos(headArgs)
	_ = client.Process(ctx, cmd) // its error is the command's too
	if redis.HasErrorPrefix(cmd.Err(), "NOSCRIPT") {
		return c.script.Eval(ctx, client, c.keys, c.args[headArgs+len(c.keys):]...)
	}
	return cmd
}
