package producer_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"ingestion/producer"
)

// TestErrorsOfRedis uses a fake server for errors that a real one returns only in
// rare states.
func TestErrorsOfRedis(t *testing.T) {
	for reply, want := range map[string]string{
		"LOADING Redis is loading the dataset in memory":                                      "wait: loading its data",
		"OOM command not allowed when used memory > 'maxmemory'.":                             "wait: maxmemory",
		"READONLY You can't write against a read only replica.":                               "wait: read-only",
		"MASTERDOWN Link with MASTER is down":                                                 "wait: not ready",
		"CLUSTERDOWN Hash slot not served":                                                    "wait: not ready",
		"TRYAGAIN Multiple keys request during rehashing of slot":                             "wait: not ready",
		"NOREPLICAS Not enough good replicas to write.":                                       "wait: min-replicas-to-write",
		"MISCONF Redis is configured to save RDB snapshots":                                   "wait: can't write to its disk",
		"BUSY Redis is busy running a script.":                                                "wait: not ready",
		"ERR max number of clients reached":                                                   "wait: not ready",
		"WRONGTYPE Operation against a key holding the wrong kind of value":                   "fault: the key \"q\" is not a list",
		"NOAUTH Authentication required.":                                                     "fault: wants a password",
		"WRONGPASS invalid username-password pair or user is disabled.":                       "fault: refuses this user",
		"MOVED 10351 127.0.0.1:7001":                                                          "fault: this Redis is a node of a Cluster",
		"NOPERM this user has no permissions to run the 'rpush' command":                      "fault: may not write",
		"DENIED Redis is running in protected mode because protected mode is enabled":         "fault: protected mode",
		"ERR unknown command 'RPUSH'":                                                         "refused: unknown command",
		"ERR The stream has exhausted the last possible ID, unable to add more items":         "refused: exhausted",
		"ERR Client sent AUTH, but no password is set":                                        "fault: no password set",
		"ERR AUTH <password> called without any password configured for the default user ...": "fault: no password set",
	} {
		server := miniredis.RunT(t)
		server.SetError(reply)
		var waited error
		p := publisher(t, connect(t, "redis://"+server.Addr()), producer.ToList("q"), producer.Options{OnWait: func(err error, _ time.Duration) {
			waited = err
			server.SetError("")
		}})
		receipts, err := p.Publish(t.Context(), bodies(0, 2))
		kind, text, _ := strings.Cut(want, ": ")
		var fault *producer.Fault
		switch {
		case kind == "wait" && (err != nil || waited == nil || !strings.Contains(waited.Error(), text)):
			t.Errorf("%s: %v after waiting for %v", reply, err, waited)
		case kind == "wait" && !receipts[1].Queued:
			t.Errorf("%s: not queued in the end", reply)
		case kind == "fault" && (!errors.As(err, &fault) || !strings.Contains(err.Error(), text)):
			t.Errorf("%s: got %v, want a fault", reply, err)
		case kind == "refused" && (err == nil || errors.As(err, &fault) || !strings.Contains(err.Error(), text)):
			t.Errorf("%s: got %v", reply, err)
		case kind != "wait" && (waited != nil || receipts[0].Queued):
			t.Errorf("%s: waited for %v, receipt %+v", reply, waited, receipts[0])
		}
		server.Close()
	}
}
