package streams_test

import (
	"context"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/testenv"
	"ingestion/streams"
)

// poses has INFO tell another version.
type poses struct {
	redis.Hook
	version string
}

func (p poses) DialHook(next redis.DialHook) redis.DialHook { return next }

func (p poses) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (p poses) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if info, ok := cmd.(*redis.StringCmd); ok && err == nil {
			before, after, _ := strings.Cut(info.Val(), "redis_version:")
			_, after, _ = strings.Cut(after, "\r\n")
			info.SetVal(before + "redis_version:" + p.version + "\r\n" + after)
		}
		return err
	}
}

func TestTheOverflowInXAUTOCLAIMIsWarnedOf(t *testing.T) {
	server := testenv.Redis(t)
	for version, want := range map[string]bool{"7.0.4": true, "7.0.5": false, "7.2.4": false, "8.0.0": false} {
		client := newClient(t, server).(*redis.Client)
		client.AddHook(poses{version: version})
		warnings, err := streams.CheckServer(t.Context(), client)
		must(t, err)
		if got := strings.Contains(strings.Join(warnings, " "), "XAUTOCLAIM"); got != want {
			t.Errorf("%s: %q", version, warnings)
		}
	}
}
