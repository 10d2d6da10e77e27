package app_test

import (
	"testing"

	"ingestion/internal/config"
	"ingestion/limiter"
)

func TestConfigAndLimiterHaveTheSameBounds(t *testing.T) {
	if config.MaxRateLimit != limiter.MaxRecords || config.MaxRateLimitWindow != limiter.MaxWindow {
		t.Errorf("RATE_LIMIT_LIMIT up to %d, the limiter up to %d; RATE_LIMIT_WINDOW_SEC up to %v, the limiter up to %v",
			config.MaxRateLimit, limiter.MaxRecords, config.MaxRateLimitWindow, limiter.MaxWindow)
	}
}
