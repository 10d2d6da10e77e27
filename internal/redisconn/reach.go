package redisconn

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// askWithin is how long one address may take to show what listens there.
const askWithin = 2 * time.Second

// Reach asks the server for a sign of life. If there is none, it finds out by
// connections of its own whether the address or another setting is at fault, so
// that nobody waits for what no waiting heals: then the error has a Fault. client
// was made of opts.
func Reach(ctx context.Context, client redis.UniversalClient, opts *redis.UniversalOptions) error {
	err := client.Ping(ctx).Err()
	if opts.MasterName != "" {
		if err == nil {
			return nil
		}
		return cmp.Or(askSentinels(ctx, opts), err)
	}
	if err == nil || redis.IsPermissionError(err) {
		return cmp.Or(sentinelInstead(ctx, client, opts), err)
	}
	if IsReply(err) || Fault(err) != "" || unconnected(err) {
		return err
	}
	for _, addr := range opts.Addrs {
		if fault := otherProtocol(ctx, opts, addr); fault != nil {
			fault.Err = err
			return fault
		}
	}
	return err
}

func unconnected(err error) bool {
	var dial *net.OpError
	return errors.As(err, &dial) && dial.Op == "dial"
}

// sentinelInstead finds a Sentinel where a Redis should be. It answers PING too.
func sentinelInstead(ctx context.Context, client redis.UniversalClient, opts *redis.UniversalOptions) error {
	one, ok := client.(*redis.Client)
	if !ok {
		return nil
	}
	info, err := one.Info(ctx, "server").Result()
	if err != nil || !strings.Contains(info, "redis_mode:sentinel") {
		return nil
	}
	scheme := "redis"
	if opts.TLSConfig != nil {
		scheme = "rediss"
	}
	name := "NAME"
	if names := mastersOf(ctx, one); len(names) > 0 {
		name = names[0]
	}
	return &SettingError{Setting: settingURL, Problem: fmt.Sprintf("at %s a Sentinel answers, not Redis: write %s+sentinel://%s/%s/0",
		opts.Addrs[0], scheme, opts.Addrs[0], name)}
}

// asker is a client of Redis or of a Sentinel.
type asker interface {
	Process(ctx context.Context, cmd redis.Cmder) error
}

// mastersOf returns the names of the masters that a Sentinel knows.
func mastersOf(ctx context.Context, client asker) (names []string) {
	cmd := redis.NewMapStringStringSliceCmd(ctx, "sentinel", "masters")
	_ = client.Process(ctx, cmd)
	for _, master := range cmd.Val() {
		names = append(names, master["name"])
	}
	slices.Sort(names)
	return names
}

// askSentinels asks each Sentinel for the master until one names it, and returns
// what is wrong with the settings or, if it is not known, nil: then it is the
// master that does not answer.
func askSentinels(ctx context.Context, opts *redis.UniversalOptions) (fault error) {
	for _, addr := range opts.Addrs {
		err := askSentinel(ctx, opts, addr)
		if err == nil {
			return nil
		}
		fault = cmp.Or(fault, err)
	}
	return fault
}

func askSentinel(ctx context.Context, opts *redis.UniversalOptions, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, askWithin+dialTimeout)
	defer cancel()
	sentinel := redis.NewSentinelClient(&redis.Options{
		Addr: addr, Dialer: opts.Dialer, Username: opts.SentinelUsername, Password: opts.SentinelPassword,
		MaxRetries: -1, DialerRetries: 1, DialTimeout: cmp.Or(opts.DialTimeout, dialTimeout), ReadTimeout: askWithin,
		ContextTimeoutEnabled: true, DisableIdentity: true,
	})
	defer func() { _ = sentinel.Close() }()
	err := sentinel.GetMasterAddrByName(ctx, opts.MasterName).Err()
	switch {
	case err == nil:
		return nil
	case errors.Is(err, redis.Nil):
		return unknownMaster(opts.MasterName, mastersOf(ctx, sentinel), err)
	case redis.HasErrorPrefix(err, "NOAUTH"):
		return &SettingError{Setting: settingSentinelPassword, Problem: "the Sentinel at " + addr + " wants a password: name the file with it, which need not be that of Redis", Err: err}
	case redis.IsAuthError(err), redis.HasErrorPrefix(err, "WRONGPASS"):
		return &SettingError{Setting: settingSentinelPassword, Problem: "the Sentinel at " + addr + " refuses this user and password: check the file and " + settingSentinelUser, Err: err}
	case strings.Contains(err.Error(), "without any password configured"):
		return &SettingError{Setting: settingSentinelPassword, Problem: "the Sentinel at " + addr + " has no password set, but one is given: leave the setting out", Err: err}
	case IsReply(err), Fault(err) != "", unconnected(err):
		return err
	}
	if other := otherProtocol(ctx, opts, addr); other != nil {
		other.Err = err
		return other
	}
	return err
}

// unknownMaster may still become known, so it is no Fault.
func unknownMaster(name string, known []string, err error) error {
	text := fmt.Sprintf("the Sentinels know no master named %q", name)
	if len(known) > 0 {
		text += fmt.Sprintf(", but %q", known)
	}
	return &plainError{text, err}
}
