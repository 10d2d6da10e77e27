package streams_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
	"ingestion/internal/test/env"
	"ingestion/streams"
)

func TestPauseAndResume(t *testing.T) {
	for name, client := range map[string]redis.UniversalClient{"redis": newRig(t).client, "embedded": newEmbedded(t)} {
		t.Run(name, func(t *testing.T) {
			now := time.Now()
			read := func() streams.Control {
				c, _, err := streams.ReadControl(t.Context(), client, "s")
				must(t, err)
				return c
			}
			if c := read(); c != (streams.Control{}) || c.Active(now) {
				t.Errorf("at first: %+v", c)
			}
			must(t, streams.Pause(t.Context(), client, "s", streams.Control{By: "ada", Reason: "a new index"}))
			if c := read(); !c.Paused || !c.Active(now) || !c.Until.IsZero() || c.By != "ada" || c.Reason != "a new index" || c.At.Sub(now).Abs() > time.Minute {
				t.Errorf("paused: %+v", c)
			}
			until := now.Add(time.Hour).Truncate(time.Millisecond)
			must(t, streams.Pause(t.Context(), client, "s", streams.Control{Until: until, By: "bob"}))
			if c := read(); c.Paused || !c.Until.Equal(until) || !c.Active(now) || c.Active(until) || c.By != "bob" || c.Reason != "" {
				t.Errorf("paused until %v: %+v", until, c)
			}
			for _, want := range []string{"bob", ""} {
				was, at, err := streams.Resume(t.Context(), client, "s")
				must(t, err)
				if was.By != want || was.Active(at) != (want != "") || at.Sub(now).Abs() > time.Minute {
					t.Errorf("resumed at %v: %+v, want the pause of %q", at, was, want)
				}
				if c := read(); c != (streams.Control{}) {
					t.Errorf("resumed: %+v", c)
				}
			}
			must(t, client.HSet(t.Context(), "{s}:control", "pausedUntil", "tomorrow").Err())
			if _, _, err := streams.ReadControl(t.Context(), client, "s"); err == nil || !strings.Contains(err.Error(), `"tomorrow": want Unix milliseconds`) {
				t.Errorf("a time that is none: %v", err)
			}
			if _, _, err := streams.Resume(t.Context(), client, "s"); !errors.Is(err, streams.ErrControlInvalid) || read() != (streams.Control{}) {
				t.Errorf("resumed from a time that is none: %v", err)
			}
		})
	}
}

// watch is a running ControlWatch and what it has told.
type watch struct {
	mu    sync.Mutex
	last  streams.Control
	calls int
}

func watchControl(t *testing.T, client redis.UniversalClient, log *slog.Logger, key string) *watch {
	t.Helper()
	var w watch
	c := streams.NewControlWatch(client, key, log, func(c streams.Control) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.last = c
		w.calls++
	})
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { c.Run(ctx) })
	t.Cleanup(func() { stop(); running.Wait() })
	return &w
}

func (w *watch) told() (last streams.Control, calls int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last, w.calls
}

func (w *watch) await(t *testing.T, paused bool) {
	t.Helper()
	env.Eventually(t, soon, func() (bool, string) {
		c, _ := w.told()
		return (c != streams.Control{}) == paused, fmt.Sprintf("%+v", c)
	})
}

func TestAWatchTellsOfPauses(t *testing.T) {
	b := newRig(t)
	w := watchControl(t, b.client, slog.New(slog.NewJSONHandler(b.log, nil)), "s")
	must(t, streams.Pause(t.Context(), b.client, "s", streams.Control{By: "ada"}))
	w.await(t, true)
	_, _, err := streams.Resume(t.Context(), b.client, "s")
	must(t, err)
	w.await(t, false)
	if _, calls := w.told(); calls != 2 {
		t.Errorf("told %d times", calls)
	}
	must(t, b.client.Set(t.Context(), "{s}:control", "x", 0).Err())
	env.Eventually(t, soon, func() (bool, string) { return len(b.log.find("retrying")) == 1, "the error is not logged" })
	must(t, b.client.Del(t.Context(), "{s}:control").Err())
	env.Eventually(t, soon, func() (bool, string) { return len(b.log.find("retrying")) == 2, "the recovery is not logged" })
}

// A pause ends in time, even if Redis can't be asked meanwhile. One without an end goes on.
func TestAPauseEndsByItself(t *testing.T) {
	b := newRig(t)
	brief := watchControl(t, b.client, slog.New(slog.DiscardHandler), "s")
	forever := watchControl(t, b.client, slog.New(slog.DiscardHandler), "forever")
	until := time.Now().Add(1500 * time.Millisecond)
	must(t, streams.Pause(t.Context(), b.client, "s", streams.Control{Until: until, By: "ada"}))
	must(t, streams.Pause(t.Context(), b.client, "forever", streams.Control{By: "ada"}))
	brief.await(t, true)
	forever.await(t, true)
	b.server.Hang()
	defer func() { must(t, syscall.Kill(b.server.PID(), syscall.SIGCONT)) }()
	brief.await(t, false)
	if time.Now().Before(until) {
		t.Error("the pause ended early")
	}
	if c, _ := forever.told(); !c.Paused {
		t.Error("a pause without an end has ended")
	}
}

func TestAWatchOfACluster(t *testing.T) {
	cluster := env.Cluster(t, 2, false)
	opts, err := redisconn.Parse(cluster.URL(), "")
	must(t, err)
	client := redisconn.New(opts, 4)
	t.Cleanup(func() { _ = client.Close() })
	key := cluster.KeyOn(1, "s")
	w := watchControl(t, client, slog.New(slog.DiscardHandler), key)
	must(t, streams.Pause(t.Context(), client, key, streams.Control{Until: time.Now().Add(time.Hour), By: "ada"}))
	w.await(t, true)
	cluster.Masters[0].Hang()
	must(t, streams.Pause(t.Context(), client, key, streams.Control{By: "bob"}))
	env.Eventually(t, soon, func() (bool, string) {
		c, _ := w.told()
		return c.By == "bob", fmt.Sprintf("%+v", c)
	})
}
