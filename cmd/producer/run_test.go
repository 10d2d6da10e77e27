package main

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/alicebob/miniredis/v2"

	"ingestion/cmd/internal/app"
)

// answer is what a command line answers.
type answer struct {
	code           int
	stdout, stderr string
}

// execute runs a command line in the process of the test.
func execute(t interface{ Helper() }, args ...string) answer {
	t.Helper()
	var out, errs bytes.Buffer
	root := newCommand()
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetArgs(args)
	root.SetOut(&out)
	root.SetErr(&errs)
	err := root.Execute()
	app.Report(&errs, "producer", err)
	return answer{app.ExitCode(err), out.String(), errs.String()}
}

// ownQueue starts a Redis for the command lines of a test, whose stream is "s".
func ownQueue(t *testing.T) *miniredis.Miniredis {
	t.Helper()
	server := miniredis.RunT(t)
	for name, value := range map[string]string{
		"REDIS_URL": "redis://" + server.Addr(), "QUEUE_MODE": "stream", "STREAM_KEY": "s", "LOG_FORMAT": "json", "RATE_LIMIT_LIMIT": "0",
	} {
		t.Setenv(name, value)
	}
	t.Chdir(t.TempDir())
	return server
}

// takeQueue returns the bodies in the queue and empties it.
func takeQueue(t interface {
	Helper()
	Fatal(...any)
}, server *miniredis.Miniredis) (bodies []string) {
	t.Helper()
	if !server.Exists("s") {
		return nil
	}
	entries, err := server.Stream("s")
	must(t, err)
	for _, e := range entries {
		for i := 0; i < len(e.Values); i += 2 {
			if e.Values[i] == "data" {
				bodies = append(bodies, e.Values[i+1])
			}
		}
	}
	server.Del("s")
	return bodies
}

// customer is a record as a file and the queue have it.
type customer struct {
	CustomerID string `json:"customerId"`
	Name       string `json:"name"`
	Email      string `json:"email"`
	CreatedAt  string `json:"createdAt"`
}

func customersOf(t interface {
	Helper()
	Fatal(...any)
}, bodies []string) (all []customer) {
	t.Helper()
	for _, body := range bodies {
		var c customer
		must(t, json.Unmarshal([]byte(body), &c))
		all = append(all, c)
	}
	return all
}
