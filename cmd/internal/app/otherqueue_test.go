package app_test

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"ingestion/cmd/internal/app"
	"ingestion/internal/config"
	"ingestion/internal/test/env"
)

// startWarnings starts a worker and returns the reasons of its warnings.
func startWarnings(t *testing.T, vars map[string]string) (reasons []string) {
	t.Helper()
	vars["ADMIN_ADDR"] = "" // another worker may have the default one
	cfg, err := config.Parse(vars)
	if err != nil {
		t.Fatal(err)
	}
	var log lines
	w, err := app.NewWorker(t.Context(), cfg, slog.New(slog.NewJSONHandler(&log, nil)), func() error { return nil }, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	for line := range strings.Lines(log.String()) {
		var entry struct{ Msg, Reason string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatal(err)
		}
		if entry.Msg == "warning" {
			reasons = append(reasons, entry.Reason)
		}
	}
	return reasons
}

// A worker in the wrong mode would otherwise wait without a word.
func TestTheQueueOfTheOtherModeIsNoticed(t *testing.T) {
	server, mongo := env.Redis(t), env.Mongo(t)
	client := server.Client(t)
	for name, c := range map[string]struct {
		vars map[string]string
		fill []any
		want []string // words of the only warning; nil: none
	}{
		"list mode, a stream":           {map[string]string{"QUEUE_MODE": "list"}, []any{"XADD", "?", "*", "data", "x"}, []string{"QUEUE_MODE=list", "has 1 entry", "QUEUE_MODE=stream"}},
		"list mode, the last partition": {map[string]string{"QUEUE_MODE": "list", "STREAM_PARTITIONS": "3"}, []any{"XADD", "?:2", "*", "data", "x"}, []string{`:2" has 1 entry`}},
		"list mode, a list":             {map[string]string{"QUEUE_MODE": "list"}, []any{"RPUSH", "?", "x"}, nil},
		"list mode, no stream":          {map[string]string{"QUEUE_MODE": "list", "STREAM_KEY": "s"}, []any{"RPUSH", "s", "x"}, nil},
		"stream mode, a list":           {map[string]string{"QUEUE_MODE": "stream"}, []any{"RPUSH", "?:list", "x", "y"}, []string{"QUEUE_MODE=stream", "has 2 records", "QUEUE_MODE=list"}},
		"stream mode, nothing":          {map[string]string{"QUEUE_MODE": "stream"}, []any{"PING"}, nil},
		"stream mode, a stream":         {map[string]string{"QUEUE_MODE": "stream"}, []any{"XADD", "?", "*", "data", "x"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			key := strings.ReplaceAll(name, " ", "-")
			vars := map[string]string{
				"REDIS_URL": server.URL(), "MONGO_URI": mongo.URI(), "STREAM_KEY": key, "QUEUE_KEY": key + ":list",
			}
			for name, value := range c.vars {
				vars[name] = value
			}
			if len(c.fill) > 1 {
				c.fill[1] = strings.ReplaceAll(c.fill[1].(string), "?", key)
			}
			if err := client.Do(t.Context(), c.fill...).Err(); err != nil {
				t.Fatal(err)
			}
			got := startWarnings(t, vars)
			if c.want == nil {
				if len(got) > 0 {
					t.Errorf("warnings %q, want none", got)
				}
				return
			}
			if len(got) != 1 {
				t.Fatalf("warnings %q, want one", got)
			}
			for _, words := range c.want {
				if !strings.Contains(got[0], words) {
					t.Errorf("%q is not in %q", words, got[0])
				}
			}
		})
	}
}

// The rights of a worker need not include the other queue.
func TestTheOtherQueueMayBeForbidden(t *testing.T) {
	server := env.Redis(t)
	admin := server.Client(t)
	for _, command := range [][]any{
		{"XADD", "s", "*", "data", "x"},
		{"ACL", "SETUSER", "worker", "on", ">pw", "~q*", "~{q*", "+@all"},
	} {
		if err := admin.Do(t.Context(), command...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	vars := map[string]string{"REDIS_URL": "redis://worker:pw@" + server.Addr, "MONGO_URI": env.Mongo(t).URI(), "QUEUE_KEY": "q", "STREAM_KEY": "s"}
	if got := startWarnings(t, vars); len(got) > 0 {
		t.Errorf("warnings %q, want none", got)
	}
}
