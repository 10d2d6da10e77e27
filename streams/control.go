package streams

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
)

var (
	//go:embed control.lua
	controlSource string
	controlScript = redis.NewScript(controlSource)

	//go:embed control_pause.lua
	pauseSource string
	pauseScript = redis.NewScript(pauseSource)

	//go:embed control_resume.lua
	resumeSource string
	resumeScript = redis.NewScript(resumeSource)
)

// Control is what an operator has asked of the workers of a queue. It is kept in Redis,
// beside the list or the first partition, so that one command changes it for all workers,
// and for those that start later.
type Control struct {
	Paused bool      // until Resume
	Until  time.Time // paused until then, by the clock of Redis; zero: not paused until a time
	By     string    // who asked
	Reason string    // why, for people; empty if it was not said
	At     time.Time // when
}

// Active reports whether workers pause at a time.
func (c Control) Active(now time.Time) bool { return c.Paused || now.Before(c.Until) }

// The fields of the hash.
const (
	controlPaused = "paused"      // 1
	controlUntil  = "pausedUntil" // Unix ms
	controlBy     = "by"
	controlReason = "reason"
	controlAt     = "at" // Unix ms
)

func controlFields() []any {
	return []any{controlPaused, controlUntil, controlBy, controlReason, controlAt}
}

// Pause makes the workers of a queue stop reading within some 2 s: until asked.Until by the
// clock of Redis, or until Resume if that is zero. They keep what they hold. It replaces an
// earlier pause. Redis sets the time at which it was asked; asked.Paused is not used. key is
// that of the list or of the first partition's stream.
func Pause(ctx context.Context, client redis.UniversalClient, key string, asked Control) error {
	paused, end := "1", ""
	if !asked.Until.IsZero() {
		paused, end = "", strconv.FormatInt(asked.Until.UnixMilli(), 10)
	}
	err := redisconn.Run(ctx, client, pauseScript, []string{KeysOf(key).Control}, paused, end, asked.By, asked.Reason).Err()
	return wrap(err, "pausing %s", key)
}

// ErrControlInvalid says that a field of the control is not what Pause writes. Pause replaces
// it, and Resume deletes it.
var ErrControlInvalid = errors.New("what was asked of the workers can't be read")

// Resume ends a pause and returns what it was, the zero value if there was none, and the time
// by the clock of Redis: a pause whose end had passed was over before. After an error it may be
// repeated; if the first try has ended the pause, the second one finds none. An error that is
// ErrControlInvalid says only that what it was can't be told: it is ended.
func Resume(ctx context.Context, client redis.UniversalClient, key string) (was Control, now time.Time, err error) {
	was, now, err = runControl(ctx, client, resumeScript, key)
	return was, now, wrap(err, "resuming %s", key)
}

// ReadControl returns what an operator has asked, the zero value if that is nothing; and
// the time by the clock of Redis if Until is set. Errors come from Redis, or are
// ErrControlInvalid.
func ReadControl(ctx context.Context, client redis.UniversalClient, key string) (c Control, now time.Time, err error) {
	c, now, err = runControl(ctx, client, controlScript, key)
	return c, now, wrap(err, "reading %s", KeysOf(key).Control)
}

func runControl(ctx context.Context, client redis.UniversalClient, script *redis.Script, key string) (c Control, now time.Time, err error) {
	reply, err := redisconn.Run(ctx, client, script, []string{KeysOf(key).Control}, controlFields()...).Slice()
	if err == nil {
		c, err = controlOf(texts(reply[0]))
	}
	if err != nil {
		return Control{}, time.Time{}, err
	}
	return c, time.UnixMilli(integer(reply[1])), nil
}

func controlOf(fields []string) (c Control, err error) {
	c = Control{By: fields[2], Reason: fields[3]}
	switch paused := fields[0]; paused {
	case "", "0":
	case "1":
		c.Paused = true
	default:
		return Control{}, fmt.Errorf("%w: the field %q is %q: want 1, 0 or nothing", ErrControlInvalid, controlPaused, paused)
	}
	if c.Until, err = controlTime(controlUntil, fields[1]); err == nil {
		c.At, err = controlTime(controlAt, fields[4])
	}
	return c, err
}

func controlTime(field, value string) (time.Time, error) {
	if value == "" {
		return time.Time{}, nil
	}
	ms, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: the field %q is %q: want Unix milliseconds", ErrControlInvalid, field, value)
	}
	return time.UnixMilli(ms), nil
}
