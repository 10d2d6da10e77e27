package streams_test

import (
	"bytes"
	"context"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
	"ingestion/streams"
)

// registered registers a worker once.
func registered(t *testing.T, client redis.UniversalClient, name string, log *slog.Logger) *streams.Registration {
	t.Helper()
	r, err := streams.NewRegistration(client, "s", 30*time.Second, streams.WorkerInfo{
		Consumer: name, Hash: "h-" + name, Settings: map[string]string{"limit": "5"}, Version: "v1", Host: "host-" + name, PID: 7, Started: 1_700_000_000_000,
	}, log)
	must(t, err)
	must(t, r.Register(t.Context()))
	return r
}

func workersOf(t *testing.T, client redis.UniversalClient) map[string]streams.Worker {
	t.Helper()
	list, err := streams.ReadWorkers(t.Context(), client, "s")
	must(t, err)
	byName := map[string]streams.Worker{}
	for _, w := range list {
		byName[w.Consumer] = w
	}
	return byName
}

var silent = slog.New(slog.DiscardHandler)

func TestWorkersAreListedWhileTheyRun(t *testing.T) {
	for name, server := range map[string]*env.RedisServer{"redis": env.Redis(t), "any": env.AnyRedis(t)} {
		t.Run(name, func(t *testing.T) {
			client := newClient(t, server)
			registered(t, client, "a", silent)
			ctx, stop := context.WithCancel(t.Context())
			b, err := streams.NewRegistration(client, "s", time.Second, streams.WorkerInfo{Consumer: "b", Hash: "other"}, silent)
			must(t, err)
			done := make(chan struct{})
			go func() { defer close(done); b.Run(ctx) }()
			env.Eventually(t, soon, func() (bool, string) { return len(workersOf(t, client)) == 2, "b is not listed" })

			a := workersOf(t, client)["a"]
			if a.Hash != "h-a" || a.Settings["limit"] != "5" || a.Version != "v1" || a.Host != "host-a" || a.PID != 7 || a.StartedAt.UnixMilli() != 1_700_000_000_000 || a.Rival != nil {
				t.Errorf("a is listed as %+v", a)
			}
			if !a.Live() || a.Silent < 0 || a.Silent > soon {
				t.Errorf("a was last heard of %v ago", a.Silent)
			}

			stop()
			<-done
			if _, listed := workersOf(t, client)["b"]; listed {
				t.Error("b has stopped, but is still listed")
			}
		})
	}
}

func TestAWorkerWithATakenNameIsNoticed(t *testing.T) {
	client := newClient(t, env.Redis(t))
	var log bytes.Buffer
	first := registered(t, client, "a", slog.New(slog.NewTextHandler(&log, nil)))
	second := registered(t, client, "a", silent) // as a restarted worker would
	if w := workersOf(t, client)["a"]; w.Rival != nil {
		t.Fatalf("a worker that was only restarted is a rival of itself: %+v", w.Rival)
	}
	must(t, second.Register(t.Context()))
	if w := workersOf(t, client)["a"]; w.Rival != nil {
		t.Fatalf("nobody spoke in between, but there is a rival: %+v", w.Rival)
	}
	must(t, first.Register(t.Context()))
	w := workersOf(t, client)["a"]
	if w.Rival == nil || w.Rival.Host != "host-a" || w.Rival.Instance == w.Instance || w.Rival.Settings != nil {
		t.Errorf("the rival is %+v", w.Rival)
	}
	if !strings.Contains(log.String(), "another worker, process 7 on host") {
		t.Errorf("no warning in %q", log.String())
	}
	must(t, first.Register(t.Context()))
	if w := workersOf(t, client)["a"]; w.Rival != nil {
		t.Errorf("the rival is silent, but remains: %+v", w.Rival)
	}
}

func TestAStoppedWorkerLeavesItsNameToAnother(t *testing.T) {
	client := newClient(t, env.Redis(t))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	first := registered(t, client, "a", silent)
	registered(t, client, "a", silent)
	first.Run(ended) // only removes it
	if _, listed := workersOf(t, client)["a"]; !listed {
		t.Error("the second worker of this name was removed with the first one")
	}
}

func TestSilentWorkersAreForgotten(t *testing.T) {
	client := newClient(t, env.Redis(t))
	at := func(ago time.Duration) string { return strconv.FormatInt(time.Now().Add(-ago).UnixMilli(), 10) }
	for name, value := range map[string]any{
		"killed": `{"instance":"x","at":` + at(301*time.Second) + `}`,
		"late":   `{"instance":"y","at":` + at(200*time.Second) + `}`,
		"broken": "no JSON",
	} {
		must(t, client.HSet(t.Context(), "{s}:workers", name, value).Err())
	}
	registered(t, client, "a", silent) // ten leases are 300 s
	left := client.HKeys(t.Context(), "{s}:workers").Val()
	if len(left) != 2 || left[0] == "killed" || left[1] == "killed" {
		t.Errorf("left are %q", left)
	}
	if w := workersOf(t, client)["late"]; w.Live() || w.Silent < 190*time.Second {
		t.Errorf("a worker that was silent for 200 s: live %v, silent %v", w.Live(), w.Silent)
	}
}
