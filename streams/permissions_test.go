package streams_test

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/streams"
)

// TestTheDocumentedPermissionsSuffice runs what operators do with the commands that
// docs/operations.md names, and without each of them.
func TestTheDocumentedPermissionsSuffice(t *testing.T) {
	b := newRig(t)
	page, err := os.ReadFile("../docs/operations.md")
	must(t, err)
	for purpose, act := range map[string]func(client redis.UniversalClient) error{
		"`/metrics/queue`, stream mode": func(client redis.UniversalClient) error {
			_, err := streams.ReadSnapshot(t.Context(), client, "s", streams.SnapshotOptions{Group: "g", CountCalls: 1})
			return err
		},
		"`/metrics/queue`, list mode": func(client redis.UniversalClient) error {
			_, err := streams.ReadListSnapshot(t.Context(), client, "q")
			return err
		},
		"to see a pause": func(client redis.UniversalClient) error {
			_, _, err := streams.ReadControl(t.Context(), client, "s")
			return err
		},
		"to read the history": func(client redis.UniversalClient) error {
			_, err := streams.ReadHistory(t.Context(), client, "s", streams.Hours, time.Time{})
			return err
		},
		"to read the customers most refused": func(client redis.UniversalClient) error {
			_, err := streams.ReadRefused(t.Context(), client, "s")
			return err
		},
		"to move a list to a stream": func(client redis.UniversalClient) error {
			must(t, b.client.RPush(t.Context(), "q", "x").Err())
			_, err := newMoving(b, 1).migration(client).ToStream(t.Context(), 10)
			return err
		},
		"to move a stream to a list": func(client redis.UniversalClient) error {
			must(t, b.client.FlushAll(t.Context()).Err())
			must(t, b.open("c", nil).Open(t.Context()))
			b.pushMany(3)
			migration := newMoving(b, 1).migration(client)
			last, err := migration.LastEntries(t.Context())
			if err == nil {
				_, err = migration.ToList(t.Context(), 10, last)
			}
			return err
		},
		"to list, show and export dead letters": func(client redis.UniversalClient) error {
			g := streams.NewDeadLetters(client, "s")
			_, errCount := g.Count(t.Context())
			_, errRead := deadLetterNames(t, g)
			return errors.Join(errCount, errRead)
		},
		"to replay, edit and purge them": func(client redis.UniversalClient) error {
			g := streams.NewDeadLetters(client, "s")
			ids, err := deadLetterNames(t, g)
			if err != nil {
				return err
			}
			_, errEdit := g.Edit(t.Context(), ids[0], []byte("mended"))
			_, errReplay := g.Replay(t.Context(), ids[:1])
			_, errPurge := g.Purge(t.Context(), ids[1:])
			return errors.Join(errEdit, errReplay, errPurge)
		},
		"`ingestctl archive detach`": func(client redis.UniversalClient) error {
			_, err := newArchive(t, b.client, "s", "a", time.Minute).Position(t.Context())
			must(t, err)
			_, err = streams.DetachArchive(t.Context(), client, "s", false)
			return err
		},
		"to pause and resume": func(client redis.UniversalClient) error {
			if err := streams.Pause(t.Context(), client, "s", streams.Control{Until: time.Now().Add(time.Hour), By: "ada"}); err != nil {
				return err
			}
			_, _, err := streams.Resume(t.Context(), client, "s")
			return err
		},
	} {
		t.Run(purpose, func(t *testing.T) {
			row := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(purpose) + ` \| (.*) \|$`).FindSubmatch(page)
			if row == nil {
				t.Fatal("not documented")
			}
			commands := strings.Fields(strings.ReplaceAll(string(row[1]), "`", ""))
			run := func(without string) error {
				must(t, b.client.FlushAll(t.Context()).Err())
				b.everywhere()
				b.fill(100)
				b.delete(b.lastID()) // so that entries have to be counted
				must(t, streams.Pause(t.Context(), b.client, "s", streams.Control{Until: time.Now().Add(time.Hour), By: "ada"}))
				rules := []any{"acl", "setuser", "limited", "reset", "on", "nopass", "~s", "~{s}*", "~q", "~{q}*"}
				for _, c := range commands {
					if c != without {
						rules = append(rules, "+"+c)
					}
				}
				must(t, b.client.Do(t.Context(), rules...).Err())
				must(t, b.client.ScriptFlush(t.Context()).Err()) // so that the scripts have to be sent
				limited := redis.NewClient(&redis.Options{Addr: b.server.Addr, Username: "limited", Password: "x", Protocol: 2, MaxRetries: -1})
				defer limited.Close()
				return act(limited)
			}
			if err := run(""); err != nil {
				t.Errorf("with %q: %v", commands, err)
			}
			for _, c := range commands {
				if run(c) == nil {
					t.Errorf("%s is not needed", c)
				}
			}
		})
	}
}

func deadLetterNames(t *testing.T, g *streams.DeadLetters) (ids []string, err error) {
	for l, err := range g.Letters(t.Context(), false) {
		if err != nil {
			return nil, err
		}
		ids = append(ids, l.ID)
	}
	return ids, nil
}
