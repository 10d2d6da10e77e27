package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/plural"
)

func redisPermissions(ctx context.Context, e *exam, f *findings) error {
	needed := rights[e.role][e.cfg.QueueMode]
	if e.role == Producer && e.cfg.ProducerWaitReplicas > 0 {
		needed = append(slices.Clone(needed), rightsOf("wait 0 1")...)
	}
	if isCluster(e) {
		needed = append(slices.Clone(needed), rightsOf("cluster SLOTS")...)
	}
	var failure error
	for i := range e.nodes {
		missing, err := refused(ctx, e.nodes[i].client, needed, e.keys())
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
				keys = append(keys, m.command())
			default:
				commands = append(commands, m.command())
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
			f.add(severity, fmt.Sprintf("%sthe Redis user of this %s may not use the queue's keys with: %s", e.at(n), e.role, strings.Join(keys, " ")),
				why, fmt.Sprintf("ACL SETUSER … ~%s* ~{%s*", key, key))
		}
	}
}

// refusal is a right that a user lacks: to the command or, if key is set, to a key.
type refusal struct {
	right
	key bool
}

// refused returns which rights the user of the client lacks on one server. Nothing is
// executed: ACL DRYRUN only judges, and so does queueing a transaction that is discarded.
func refused(ctx context.Context, client *redis.Client, needed []right, keys []string) ([]refusal, error) {
	var calls [][]any
	var of []right
	for _, r := range needed {
		on := keys[:1]
		if r.command() == "evalsha" { // its keys stand for those of all partitions
			on = keys
		}
		for _, key := range on {
			calls, of = append(calls, r.onKey(key)), append(of, r)
		}
	}
	answers, err := dryRun(ctx, client, calls)
	if err != nil {
		answers, err = queueOnly(ctx, client, calls)
	}
	if err != nil {
		return nil, err
	}
	var missing []refusal
	for i, answer := range answers {
		said := func(r refusal) bool { return r.command() == of[i].command() }
		if answer != "" && !slices.ContainsFunc(missing, said) {
			missing = append(missing, refusal{of[i], strings.Contains(answer, " key")})
		}
	}
	return missing, nil
}

// dryRun returns for each call why Redis would refuse it, "" if it would not. It needs
// rights of its own.
func dryRun(ctx context.Context, client *redis.Client, calls [][]any) ([]string, error) {
	user, err := client.Do(ctx, "acl", "whoami").Text()
	if err != nil {
		return nil, err
	}
	replies := make([]*redis.Cmd, len(calls))
	_, _ = client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, call := range calls {
			replies[i] = p.Do(ctx, append([]any{"acl", "dryrun", user}, call...)...)
		}
		return nil
	})
	answers := make([]string, len(calls))
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

// queueOnly is dryRun for users that may not ask about their rights: Redis checks them
// when a command of a transaction is queued.
func queueOnly(ctx context.Context, client *redis.Client, calls [][]any) ([]string, error) {
	alone := *client.Options() // a connection of its own: closing it ends the transaction if that can't be discarded
	alone.PoolSize, alone.MinIdleConns = 1, 0
	separate := redis.NewClient(&alone)
	defer func() { _ = separate.Close() }()
	conn := separate.Conn()
	if err := conn.Do(ctx, "multi").Err(); err != nil { // without a transaction the calls would be executed
		return nil, fmt.Errorf("this user may neither ask for its rights (ACL DRYRUN) nor queue a transaction (MULTI): %w", err)
	}
	answers := make([]string, len(calls))
	for i, call := range calls {
		err := conn.Do(ctx, call...).Err()
		switch {
		case redis.IsPermissionError(err), err != nil && strings.Contains(err.Error(), "unknown command"):
			answers[i] = err.Error()
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
