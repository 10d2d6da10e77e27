package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/config"
	"ingestion/internal/plural"
	"ingestion/record"
)

func redisPermissions(ctx context.Context, e *exam, f *findings) error {
	needed := grants[e.role][e.cfg.QueueMode]
	if needed == nil {
		f.add(Unknown, fmt.Sprintf("QUEUE_MODE=%s has no %s", e.cfg.QueueMode, e.role), "", "set QUEUE_MODE=stream")
		return nil
	}
	for _, c := range circumstances {
		if (c.roles == nil || slices.Contains(c.roles, e.role)) && c.applies(e) {
			needed = append(slices.Clone(needed), grantsOf(c.lines)...)
		}
	}
	var failure error
	for i := range e.nodes {
		missing, err := refused(ctx, e.nodes[i].client, needed, e.queues())
		if err != nil {
			failure = cmp.Or(failure, err)
			continue
		}
		e.reportMissing(f, &e.nodes[i], missing)
	}
	return failure
}

func (e *exam) reportMissing(f *findings, n *node, missing []refusal) {
	for _, optional := range []bool{false, true} {
		var commands, keys []string
		for _, m := range missing {
			switch {
			case m.optional != optional:
			case m.key:
				keys = append(keys, "+"+m.name+" ~"+m.keys[0])
			case !slices.Contains(commands, m.name):
				commands = append(commands, m.name)
			}
		}
		severity, why := Error, fmt.Sprintf("the %s fails, or does only part of its work", e.role)
		if optional {
			severity, why = Warning, fmt.Sprintf("the %s works, but can't say or check some things", e.role)
		}
		if len(commands) > 0 {
			f.add(severity, fmt.Sprintf("%sthe Redis user of this %s lacks %s: %s", e.at(n), e.role,
				plural.Of(len(commands), "command", "commands"), strings.Join(commands, " ")),
				why, "ACL SETUSER … +"+strings.Join(commands, " +"))
		}
		if len(keys) > 0 {
			key := e.cfg.Key()
			f.add(severity, fmt.Sprintf("%sthe Redis user of this %s may not use the queue's keys with %s", e.at(n), e.role, some(keys)),
				why, fmt.Sprintf("use the rules of deploy/redis/users.acl, or allow all keys of the queue: ACL SETUSER … ~%s* ~{%s*", key, key))
		}
	}
}

// some joins a list, and counts what is beyond the first ones.
func some(list []string) string {
	const most = 8
	if len(list) <= most+1 {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
}

// queues has the keys of each partition, or of the list.
func (e *exam) queues() (list []queue) {
	other := e.cfg.QueueKey
	if e.cfg.QueueMode == config.ModeList {
		other = e.streamKey()
	}
	for _, key := range e.keys() {
		list = append(list, queue{key, other})
	}
	return list
}

// streamKey is the stream of the first partition.
func (e *exam) streamKey() string {
	return record.PartitionKeys(e.cfg.StreamKey, e.cfg.StreamPartitions)[0]
}

// refusal is a right that a user lacks: to the command or, if key is set, to a key.
type refusal struct {
	right
	key bool
}

// refused returns which rights the user of the client lacks on one server. Nothing is
// executed: ACL DRYRUN only judges, and so does queueing a transaction that is discarded.
func refused(ctx context.Context, client *redis.Client, needed []grant, queues []queue) ([]refusal, error) {
	rights := rightsOn(needed, queues[0])
	for _, q := range queues[1:] { // the keys of a script stand for those of all partitions
		rights = append(rights, slices.DeleteFunc(rightsOn(needed, q), func(r right) bool { return r.name != "evalsha" })...)
	}
	answers, err := judged(ctx, client, rights)
	if err != nil {
		return nil, err
	}
	var missing []refusal
	for i, answer := range answers {
		if answer != "" {
			missing = append(missing, refusal{rights[i], strings.Contains(answer, " key")})
		}
	}
	return missing, nil
}

// judged returns for each call why Redis would refuse it, "" if it would not.
func judged(ctx context.Context, client *redis.Client, rights []right) ([]string, error) {
	answers, err := dryRun(ctx, client, rights)
	if err != nil {
		answers, err = queueOnly(ctx, client, rights)
	}
	return answers, err
}

// dryRun is judged for users that may ask about their rights.
func dryRun(ctx context.Context, client *redis.Client, rights []right) ([]string, error) {
	user, err := client.Do(ctx, "acl", "whoami").Text()
	if err != nil {
		return nil, err
	}
	replies := make([]*redis.Cmd, len(rights))
	_, _ = client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, r := range rights {
			replies[i] = p.Do(ctx, append([]any{"acl", "dryrun", user}, r.args...)...)
		}
		return nil
	})
	answers := make([]string, len(rights))
	for i, reply := range replies {
		answer, err := reply.Text()
		if err != nil && strings.Contains(err.Error(), "not found") { // renamed, or of a later version
			answer, err = err.Error(), nil
		}
		if err != nil {
			return nil, err
		}
		if answer != "OK" {
			answers[i] = answer
		}
	}
	return answers, nil
}

// queueOnly is judged for users that may not ask: Redis checks rights when a command of a
// transaction is queued. What has a meaning of its own in a transaction is not tried.
func queueOnly(ctx context.Context, client *redis.Client, rights []right) ([]string, error) {
	alone := *client.Options() // a connection of its own: closing it ends the transaction if that can't be discarded
	alone.PoolSize, alone.MinIdleConns = 1, 0
	separate := redis.NewClient(&alone)
	defer func() { _ = separate.Close() }()
	conn := separate.Conn()
	if err := conn.Do(ctx, "multi").Err(); err != nil { // without a transaction the calls would be executed
		return nil, fmt.Errorf("this user may neither ask for its rights (ACL DRYRUN) nor queue a transaction (MULTI): %w", err)
	}
	replies := make([]*redis.Cmd, len(rights))
	_, _ = conn.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, r := range rights {
			if !slices.Contains([]string{"multi", "exec", "discard"}, r.name) {
				replies[i] = p.Do(ctx, r.args...)
			}
		}
		return nil
	})
	answers := make([]string, len(rights))
	for i, reply := range replies {
		if reply == nil {
			continue
		}
		err := reply.Err()
		switch {
		case redis.IsPermissionError(err), err != nil && (strings.Contains(err.Error(), "unknown command") || strings.Contains(err.Error(), "not allowed")):
			answers[i] = err.Error() // DEBUG is not allowed by the configuration
		case errors.Is(err, context.DeadlineExceeded), err != nil && !isReply(err):
			return nil, err
		}
	}
	if err := conn.Do(ctx, "discard").Err(); err != nil && !redis.IsPermissionError(err) {
		return nil, err
	}
	return answers, nil
}

func isReply(err error) bool {
	var reply redis.Error
	return errors.As(err, &reply)
}
