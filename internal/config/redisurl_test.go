package config_test

import (
	"errors"
	"strings"
	"testing"

	"ingestion/internal/config"
)

func TestRedisURLOptions(t *testing.T) {
	_, err := config.Parse(map[string]string{"REDIS_URL": "redis://h/0?max_retries=3"})
	var fault *config.Error
	if !errors.As(err, &fault) || !strings.Contains(strings.Join(fault.Faults, "\n"), "REDIS_URL: the option max_retries") {
		t.Errorf("an unknown option: %v", err)
	}
	cfg, err := config.Parse(map[string]string{"REDIS_URL": "redis://h?db=3"})
	if err != nil {
		t.Fatal(err)
	}
	if opts, err := cfg.RedisOptions(); err != nil || opts.DB != 3 {
		t.Errorf("the option db: %+v, %v", opts, err)
	}
}
