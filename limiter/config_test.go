package limiter_test

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/limiter"
)

// TestInvalidConfig wants an error that names the field; fields of a limiter that is
// switched off do not matter.
func TestInvalidConfig(t *testing.T) {
	client := redis.NewClient(&redis.Options{})
	t.Cleanup(func() { _ = client.Close() })
	for _, c := range []struct {
		field string
		set   func(*limiter.Config)
	}{
		{"Limit", func(c *limiter.Config) { c.Limit = limiter.MaxRecords + 1 }},
		{"Limit", func(c *limiter.Config) { c.Limit = -1 }},
		{"Window", func(c *limiter.Config) { c.Window = 0 }},
		{"Window", func(c *limiter.Config) { c.Window = limiter.MaxWindow + time.Millisecond }},
		{"Window", func(c *limiter.Config) { c.Window = 1500 * time.Microsecond }},
		{"Lateness", func(c *limiter.Config) { c.Lateness = -1 }},
		{"MaxDelay", func(c *limiter.Config) { c.Reserve, c.MaxDelay = true, -1 }},
		{"Bases", func(c *limiter.Config) { c.Bases = nil }},
		{"Slice", func(c *limiter.Config) { c.Slice = -1 }},
		{"Slice", func(c *limiter.Config) { c.Slice = 2001 }},
		{"Budget", func(c *limiter.Config) { c.Budget = -1 }},
	} {
		cfg := config(5, time.Minute)
		c.set(&cfg)
		if _, err := limiter.New(client, cfg); err == nil || !strings.Contains(err.Error(), "Config."+c.field) {
			t.Errorf("%+v: error %v, want one that names %s", cfg, err, c.field)
		}
		cfg.Limit = 0
		if _, err := limiter.New(nil, cfg); err != nil {
			t.Errorf("%s, switched off: %v", c.field, err)
		}
	}
	if _, err := limiter.New(nil, config(5, time.Minute)); err == nil {
		t.Error("a nil client is accepted")
	}
}
