package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/config"
	"ingestion/internal/redisconn"
	"ingestion/internal/retry"
	"ingestion/record"
	"ingestion/streams"
)

// connectRedis returns a client once the server answers and its configuration is found to
// be usable. If partly, it is enough if one partition's master in a Cluster answers.
func connectRedis(ctx context.Context, cfg *config.Config, log *slog.Logger, connections int, partly bool) (redis.UniversalClient, error) {
	opts, err := cfg.RedisOptions()
	if err != nil {
		return nil, err
	}
	if unsafe := redisconn.Unsafe(opts); unsafe != "" {
		log.Warn("warning", "reason", "REDIS_URL: "+unsafe)
	}
	client := redisconn.New(opts, connections)
	check := redisCheck{client: client, opts: opts, cfg: cfg, log: log, partly: partly && redisconn.IsCluster(client)}
	for _, step := range []func(context.Context) error{check.ping, check.configuration} {
		if err := await(ctx, cfg.StartupTimeout.Duration(), log, "Redis", step); err != nil {
			return nil, errors.Join(err, client.Close())
		}
	}
	return client, nil
}

// ArchiverRedis connects like the worker, for a program with so many connections at once to a
// node.
func ArchiverRedis(ctx context.Context, cfg *config.Config, log *slog.Logger, connections int) (redis.UniversalClient, error) {
	return withLayout(ctx, cfg, log)(connectRedis(ctx, cfg, log, connections, false))
}

// withLayout returns what takes over, after connecting, how the customers of the stream are
// spread.
func withLayout(ctx context.Context, cfg *config.Config, log *slog.Logger) func(redis.UniversalClient, error) (redis.UniversalClient, error) {
	return func(client redis.UniversalClient, err error) (redis.UniversalClient, error) {
		if err == nil {
			err = awaitLayout(ctx, client, cfg, log)
		}
		if err != nil && client != nil {
			return nil, errors.Join(err, client.Close())
		}
		return client, err
	}
}

// redisCheck checks at the start whether a Redis server is usable.
type redisCheck struct {
	client redis.UniversalClient
	opts   *redis.UniversalOptions
	cfg    *config.Config
	log    *slog.Logger
	partly bool            // keys whose server does not answer are passed over, unless all are
	warned map[string]bool // warnings that were logged; the check may be repeated
}

func (c *redisCheck) ping(ctx context.Context) error {
	err := redisconn.Reach(ctx, c.client, c.opts)
	switch {
	case err == nil, redis.IsPermissionError(err): // logged in, but not allowed to PING
		return nil
	case redisconn.Fault(err) != "":
		return fmt.Errorf("asking Redis at %s: %w", c.cfg.RedisURL, err)
	case redisconn.IsReply(err):
		return fmt.Errorf("REDIS_URL: the Redis at %s is not ready: %w", c.cfg.RedisURL, redisconn.Explain(c.opts, err))
	default:
		return fmt.Errorf("REDIS_URL: no Redis answers at %s: %w", c.cfg.RedisURL, redisconn.Explain(c.opts, err))
	}
}

func (c *redisCheck) configuration(ctx context.Context) error {
	warnings, err := streams.CheckServer(ctx, c.client)
	if err != nil {
		return &SetupError{fmt.Errorf("REDIS_URL: %w", err)}
	}
	for _, w := range warnings {
		c.warn(w)
	}
	err = c.types(ctx)
	if redisconn.Misdirected(c.client, err) {
		return &SetupError{fmt.Errorf("REDIS_URL: %s: %w", redisconn.OneOfCluster, err)}
	}
	return err
}

func (c *redisCheck) warn(warning string) {
	if c.warned[warning] {
		return
	}
	if c.warned == nil {
		c.warned = map[string]bool{}
	}
	c.warned[warning] = true
	c.log.Warn("warning", "reason", warning)
}

// types returns the errors of all keys, except that one failed command is enough: the others
// would fail likewise.
func (c *redisCheck) types(ctx context.Context) error {
	if c.cfg.QueueMode == config.ModeList {
		return named("QUEUE_KEY", streams.CheckTypes(ctx, c.client, "list", streams.KeysOf(c.cfg.QueueKey)))
	}
	var faults, lost []error
	keys := record.PartitionKeys(c.cfg.StreamKey, c.cfg.StreamPartitions)
	for _, key := range keys {
		err := named("STREAM_KEY", streams.CheckTypes(ctx, c.client, "stream", streams.KeysOf(key)))
		switch {
		case err == nil || ExitCode(err) == exitUsage:
			faults = append(faults, err)
		case c.partly && redisconn.Fault(err) == "" && len(lost) < len(keys)-1:
			lost = append(lost, err)
		default:
			return err
		}
	}
	return errors.Join(faults...)
}

// named names the setting to which each of the joined errors about keys refers.
func named(setting string, err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, fmt.Errorf("%s: %w", setting, e))
		}
		return errors.Join(all...)
	}
	return err
}

// NameOwner names the setting if err says that a stream belongs to another group.
func NameOwner(err error) error {
	var owner *streams.OwnerError
	if errors.As(err, &owner) {
		return fmt.Errorf("STREAM_GROUP: %w", err)
	}
	return err
}

// await calls try until it succeeds, fails for good, or limit is over. It logs the first
// error, and the recovery.
func await(ctx context.Context, limit time.Duration, log *slog.Logger, server string, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	logged := false
	err := retry.Policy{Initial: 100 * time.Millisecond}.Do(ctx, func() error { return permanent(try(ctx)) }, func(err error, _ time.Duration) {
		if !logged {
			logged = true
			log.Warn("retrying", "status", "error", "server", server, "reason", fmt.Sprintf("%v; retrying for up to %v", err, limit))
		}
	})
	if err == nil && logged {
		log.Info("retrying", "status", "success", "server", server, "reason", server+" answers")
	}
	if err == nil || ExitCode(err) == exitUsage {
		return err
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("%w (gave up after STARTUP_TIMEOUT_SEC, %v)", err, limit)
	}
	return err
}

// permanent turns an error that only the operator can mend into a SetupError, and marks it
// as not to be retried.
func permanent(err error) error {
	if setting := redisconn.SettingOf(err); setting != nil {
		err = &SetupError{setting}
	} else if fault := redisconn.Fault(err); fault != "" {
		err = &SetupError{fmt.Errorf("REDIS_URL: %s: %w", fault, err)}
	}
	if err != nil && ExitCode(err) == exitUsage {
		return retry.Permanent(err)
	}
	return err
}
