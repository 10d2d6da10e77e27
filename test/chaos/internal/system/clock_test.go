package system_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/need"
	"ingestion/test/chaos/internal/system"
)

// TestClock checks that a step takes effect at once and outlives a restart.
func TestClock(t *testing.T) {
	dir := t.TempDir()
	clock, err := system.NewClock(dir)
	if err != nil {
		need.Skip(t, "%v", err)
	}
	server, err := system.NewRedis(dir, clock)
	if err != nil {
		need.Skip(t, "%v", err)
	}
	for _, step := range []time.Duration{0, time.Hour, -20 * time.Second} {
		if err := clock.Step(step); err != nil {
			t.Fatal(err)
		}
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		wantTime(t, server.Addr, step)
		if err := clock.Step(step + time.Minute); err != nil {
			t.Fatal(err)
		}
		wantTime(t, server.Addr, step+time.Minute)
		if err := server.Stop(); err != nil {
			t.Fatal(err)
		}
	}
}

func wantTime(t *testing.T, addr string, ahead time.Duration) {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: addr})
	defer client.Close()
	now, err := client.Time(t.Context()).Result()
	if err != nil {
		t.Fatal(err)
	}
	if off := time.Until(now) - ahead; off.Abs() > 10*time.Second {
		t.Errorf("Redis' clock is off by %v", off)
	}
}
