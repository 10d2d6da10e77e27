package streams_test

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
	"ingestion/streams"
)

// claims is a hook that makes the server claim another version.
type claims string

func (claims) DialHook(next redis.DialHook) redis.DialHook { return next }

func (claims) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (version claims) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if info, ok := cmd.(*redis.StringCmd); ok && cmd.Name() == "info" {
			info.SetVal(regexp.MustCompile(`redis_version:[0-9.]+`).ReplaceAllString(info.Val(), "redis_version:"+string(version)))
		}
		return err
	}
}

func TestCheckServerVersions(t *testing.T) {
	server := env.Redis(t)
	for version, want := range map[string]struct{ refused, warned bool }{
		"5.0.14": {refused: true},
		"6.2.14": {refused: true},
		"7.0.0":  {warned: true},
		"7.0.4":  {warned: true},
		"7.0.5":  {},
		"7.0.15": {},
		"7.2":    {},
		"8.0.1":  {},
		"10.0.0": {},
	} {
		client := server.Client(t)
		client.AddHook(claims(version))
		warnings, err := streams.CheckServer(t.Context(), client)
		warned := strings.Contains(strings.Join(warnings, "\n"), version)
		if refused := err != nil && strings.Contains(err.Error(), version); refused != want.refused || warned != want.warned {
			t.Errorf("version %s: warnings %q, error %v", version, warnings, err)
		}
	}
}
