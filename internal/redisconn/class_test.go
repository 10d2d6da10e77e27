package redisconn_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"syscall"
	"testing"

	"ingestion/internal/redisconn"
)

// answer is an error reply.
type answer string

func (a answer) Error() string { return string(a) }
func (answer) RedisError()     {}

func TestClassOfAnError(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range []struct {
		err  error
		want string
	}{
		{answer("OOM command not allowed when used memory > 'maxmemory'."), "out_of_memory"},
		{answer("LOADING Redis is loading the dataset in memory"), "loading"},
		{answer("READONLY You can't write against a read only replica."), "read_only"},
		{answer("MASTERDOWN Link with MASTER is down"), "no_master"},
		{answer("NOREPLICAS Not enough good replicas to write."), "no_replicas"},
		{answer("MISCONF Redis is configured to save RDB snapshots"), "disk"},
		{answer("BUSY Redis is busy running a script."), "busy"},
		{answer("NOGROUP No such key 's' or consumer group 'g'"), "no_group"},
		{answer("WRONGTYPE Operation against a key holding the wrong kind of value"), "wrong_type"},
		{answer("CLUSTERDOWN The cluster is down"), "cluster"},
		{answer("MOVED 3999 127.0.0.1:6381"), "cluster"},
		{answer("NOAUTH Authentication required."), "denied"},
		{answer("NOPERM this user has no permissions to run the 'xadd' command"), "denied"},
		{answer("ERR unknown command"), "answer"},
		{context.DeadlineExceeded, "timeout"},
		{&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, "timeout"},
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, "connection"},
		{io.EOF, "connection"},
		{errors.New("something"), "other"},
	} {
		seen[c.want] = true
		if got := redisconn.Class(fmt.Errorf("reading: %w", c.err)); got != c.want {
			t.Errorf("%v: %s, want %s", c.err, got, c.want)
		}
	}
	for _, class := range redisconn.Classes() {
		if !seen[class] {
			t.Errorf("no error of class %s", class)
		}
	}
	for class := range seen {
		if !slices.Contains(redisconn.Classes(), class) {
			t.Errorf("Classes lacks %s", class)
		}
	}
}
