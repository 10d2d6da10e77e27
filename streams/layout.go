package streams

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
)

var (
	//go:embed layout_record.lua
	layoutRecordSource string
	layoutRecordScript = redis.NewScript(layoutRecordSource)

	//go:embed layout_begin.lua
	layoutBeginSource string
	layoutBeginScript = redis.NewScript(layoutBeginSource)

	//go:embed layout_end.lua
	layoutEndSource string
	layoutEndScript = redis.NewScript(needSource + layoutEndSource)
)

// Layout is what is recorded of a stream's number of partitions. All programs have to use
// the same one: it says where the windows of customers are.
type Layout struct {
	Partitions int   // 0: none is recorded
	Next       int   // the number of a change that has begun and not ended; 0: there is none
	Former     []int // other numbers that the stream has had: their streams are still read
}

// LayoutKey is the hash in which the layout of a stream is recorded.
func LayoutKey(streamKey string) string { return "{" + streamKey + "}:layout" }

// ErrLayout says that somebody else has written a layout that this package does not write.
var ErrLayout = errors.New("it is none that this service writes")

// ReadLayout returns what is recorded, the zero value if that is nothing.
func ReadLayout(ctx context.Context, client redis.UniversalClient, streamKey string) (Layout, error) {
	fields, err := client.HGetAll(ctx, LayoutKey(streamKey)).Result()
	var l Layout
	if err == nil {
		l, err = layoutOf(fields)
	}
	return l, wrap(err, "reading %s", LayoutKey(streamKey))
}

// RecordLayout records the number of partitions unless one is recorded, and returns what is.
// It may be repeated.
func RecordLayout(ctx context.Context, client redis.UniversalClient, streamKey string, partitions int) (Layout, error) {
	return runLayout(ctx, client, layoutRecordScript, streamKey, "recording", partitions)
}

// BeginLayout records that the number of partitions is being changed to next. From then on
// no worker starts, and those that run stop within LayoutPause. now is recorded as the number
// until the change has ended, if there is none. It may be repeated, also with another next,
// in place of a change that has not ended.
func BeginLayout(ctx context.Context, client redis.UniversalClient, streamKey string, now, next int) (Layout, error) {
	return runLayout(ctx, client, layoutBeginScript, streamKey, "changing", now, next)
}

// EndLayout records that a change to next has ended: it is the number now. It may be
// repeated.
func EndLayout(ctx context.Context, client redis.UniversalClient, streamKey string, next int) (Layout, error) {
	return runLayout(ctx, client, layoutEndScript, streamKey, "changing", next)
}

func runLayout(ctx context.Context, client redis.UniversalClient, script *redis.Script, streamKey, doing string, args ...any) (Layout, error) {
	key := LayoutKey(streamKey)
	reply, err := redisconn.Run(ctx, client, script, []string{key}, args...).StringSlice()
	if err != nil {
		return Layout{}, wrap(err, "%s %s", doing, key)
	}
	fields := map[string]string{}
	for i := 0; i+1 < len(reply); i += 2 {
		fields[reply[i]] = reply[i+1]
	}
	l, err := layoutOf(fields)
	return l, wrap(err, "%s %s", doing, key)
}

func layoutOf(fields map[string]string) (l Layout, err error) {
	number := func(text string) (n int) {
		n, bad := strconv.Atoi(text)
		if bad != nil || n < 1 {
			err = fmt.Errorf("%w: %q is no number of partitions", ErrLayout, text)
		}
		return n
	}
	if text, ok := fields["partitions"]; ok {
		l.Partitions = number(text)
	}
	if text, ok := fields["next"]; ok {
		l.Next = number(text)
	}
	for _, text := range strings.Fields(fields["former"]) {
		if n := number(text); n != l.Partitions && !slices.Contains(l.Former, n) {
			l.Former = append(l.Former, n)
		}
	}
	return l, err
}
