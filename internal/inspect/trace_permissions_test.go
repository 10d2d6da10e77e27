package inspect_test

import (
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/inspect"
	"ingestion/internal/test/env"
	"ingestion/limiter"
	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// TestTheDocumentedPermissionsSuffice runs what trace and limits do with the commands that
// docs/operations.md names, and without each of them.
func TestTheDocumentedPermissionsSuffice(t *testing.T) {
	server := env.Redis(t)
	client := server.Client(t)
	ids := plantRecords(t, client)
	page, err := os.ReadFile("../../docs/operations.md")
	must(t, err)
	limit := limiter.Limit{Records: 1, Window: time.Minute}
	for purpose, act := range map[string]func(tr *inspect.Tracer) error{
		"`ingestctl trace`, and `limits` but for set and unset": func(tr *inspect.Tracer) error {
			for _, id := range ids {
				if _, err := tr.ByID(t.Context(), id, -1); err != nil {
					return err
				}
			}
			got, err := tr.ByCustomer(t.Context(), inspect.CustomerQuery{CustomerID: "42"})
			if err != nil || got.WindowErr != nil {
				return firstOf(err, got.WindowErr)
			}
			if _, err := tr.Simulate(t.Context(), inspect.SimulationQuery{CustomerID: "42", Limit: limit}); err != nil {
				return err
			}
			_, _, err = tr.ListLimits(t.Context(), 10)
			return err
		},
		"`ingestctl trace` in list mode": func(tr *inspect.Tracer) error {
			tr.Source = inspect.Source{Redis: tr.Redis, List: "l"}
			got, err := tr.ByCustomer(t.Context(), inspect.CustomerQuery{CustomerID: "42"})
			if err != nil {
				return err
			}
			return got.WindowErr
		},
		"`ingestctl limits set` and `unset`": func(tr *inspect.Tracer) error {
			if _, err := tr.SetLimit(t.Context(), "42", limit); err != nil {
				return err
			}
			_, err := tr.UnsetLimit(t.Context(), "42")
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
				must(t, client.HSet(t.Context(), "{s}:limits", "1", "5/60").Err())
				must(t, client.ScriptFlush(t.Context()).Err()) // so that the scripts have to be sent
				rules := []any{"acl", "setuser", "limited", "reset", "on", "nopass", "~s", "~{s}*", "~l", "~{l}*"}
				for _, c := range commands {
					if c != without {
						rules = append(rules, "+"+c)
					}
				}
				must(t, client.Do(t.Context(), rules...).Err())
				limited := redis.NewClient(&redis.Options{Addr: server.Addr, Username: "limited", Password: "x", DisableIdentity: true})
				defer limited.Close()
				return act(tracerOn(t, limited))
			}
			if err := run(""); err != nil {
				t.Fatalf("with what is documented: %v", err)
			}
			for _, c := range commands {
				if run(c) == nil {
					t.Errorf("%s is documented, and not needed", c)
				}
			}
		})
	}
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// plantRecords makes one record of each kind that is read differently, and a list.
func plantRecords(t *testing.T, client *redis.Client) []string {
	t.Helper()
	const body = `{"customerId":"42","name":"Ada","email":"ada@b.co","createdAt":"2026"}`
	q, err := streams.NewStream(streams.StreamOptions{
		Client: client, Key: "s", Group: "g", Consumer: "c", PollTimeout: 100 * time.Millisecond, ClaimIdle: 30 * time.Second,
		Retention: time.Hour, DeadLetters: streams.DeadLetterOptions{On: true, Worker: "c"}, Log: slog.New(slog.DiscardHandler),
	})
	must(t, err)
	must(t, q.Open(t.Context()))
	var ids []string
	for range 5 {
		id, err := client.XAdd(t.Context(), &redis.XAddArgs{Stream: "s", Values: []any{"data", body}}).Result()
		must(t, err)
		ids = append(ids, id)
	}
	held := streamstest.Receive(t, q, 4)
	settle := func(outcome record.Outcome, i int) {
		s := streamstest.All(outcome, held[i:i+1])
		s[0].Due = time.Now().Add(time.Hour)
		_, err := q.Settle(t.Context(), s)
		must(t, err)
	}
	settle(record.Invalid, 0)
	settle(record.Deferred, 1)
	settle(record.Ingested, 2)
	l, err := limiter.New(client, limiter.Config{Limit: 5, Window: time.Minute, Bases: []string{"s"}})
	must(t, err)
	_, err = l.Judge(t.Context(), []limiter.Request{{CustomerID: "42", Member: "x", At: time.Now().UnixMilli()}})
	must(t, err)
	must(t, client.RPush(t.Context(), "l", body).Err())
	return ids
}
