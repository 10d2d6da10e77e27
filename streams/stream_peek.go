package streams

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

var (
	//go:embed stream_peek.lua
	peekSource string
	peekScript = redis.NewScript(inspectSource + peekSource)
)

// emptyFor is how long the stream counts as empty after an empty read.
const emptyFor = 10 * time.Millisecond

// countToRead is how many entries to request, and whether their size limits that.
// It measures the waiting entries unless they are known to be small; entries that
// arrive while the reader waits come a few at a time anyway.
func (s *Stream) countToRead(ctx context.Context, max int) (n int, bounded bool, err error) {
	if s.small.Load() && !s.sparse.Load() || time.Since(s.emptied) < emptyFor {
		return s.sizer.limit(max), false, nil
	}
	reply, err := s.run(ctx, peekScript, []string{s.keys.Main}, s.opts.Group, max, replyBytes).Int64Slice()
	if err != nil {
		return 0, false, fmt.Errorf("measuring the next entries of %s: %w", s.keys.Main, err)
	}
	if reply[0] == 0 {
		return s.sizer.limit(max), false, nil
	}
	return int(reply[0]), reply[1] == 1, nil
}
