package streams

import (
	"context"
	_ "embed"
	"fmt"

	"github.com/redis/go-redis/v9"
)

var (
	//go:embed stream_leave.lua
	leaveSource string
	leaveScript = redis.NewScript(leaveSource)
)

// Close nacks what is buffered and removes this consumer from the group if it
// holds nothing.
func (s *Stream) Close(ctx context.Context) error {
	if err := s.nackEntries(ctx, s.takeBuffered(0), s.opts.ClaimIdle); err != nil {
		return err
	}
	if _, err := s.removeConsumers(ctx, s.opts.Consumer); err != nil {
		return fmt.Errorf("leaving group %s of %s: %w", s.opts.Group, s.keys.Main, err)
	}
	return nil
}

// removeConsumers removes those of the named consumers that hold nothing and
// returns their number.
func (s *Stream) removeConsumers(ctx context.Context, names ...string) (int64, error) {
	n, err := s.run(ctx, leaveScript, []string{s.keys.Main}, append([]any{s.opts.Group}, anySlice(names)...)...).Int64()
	if isNoGroup(err) {
		return 0, nil
	}
	return n, err
}
