package limiter_test

import (
	"strings"
	"testing"
	"time"

	"ingestion/limiter"
)

func TestSettingsThatCannotWork(t *testing.T) {
	for what, spoil := range map[string]func(*limiter.Config){
		"Limit":    func(c *limiter.Config) { c.Limit = limiter.MaxRecords + 1 },
		"Window":   func(c *limiter.Config) { c.Window = 0 },
		"Lateness": func(c *limiter.Config) { c.Lateness = -1 },
		"MaxDelay": func(c *limiter.Config) { c.Reserve, c.MaxDelay = true, -1 },
		"Bases":    func(c *limiter.Config) { c.Bases = nil },
	} {
		cfg := config(5, time.Minute)
		spoil(&cfg)
		if _, err := limiter.New(nil, cfg); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: error %v", what, err)
		}
		cfg.Limit = 0
		if _, err := limiter.New(nil, cfg); err != nil {
			t.Errorf("%s, switched off: %v", what, err)
		}
	}
}
