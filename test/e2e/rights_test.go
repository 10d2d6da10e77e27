package e2e_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"ingestion/internal/test/env"
)

// TestTheDocumentedRightsSuffice runs workers as a Redis user that may do no more than
// docs/operations.md says: Redis must refuse nothing, while records of all kinds are processed, a
// worker is killed, and records are deferred.
func TestTheDocumentedRightsSuffice(t *testing.T) {
	t.Parallel()
	for mode, environ := range map[string][]string{
		stream: {"STREAM_CLAIM_IDLE_MS=500", "STREAM_RETENTION=0", "RATE_LIMIT_POLICY=defer", "RATE_LIMIT_WINDOW_SEC=1", "BATCH_SIZE=50"},
		list:   {"DEAD_LETTERS=on", "BATCH_SIZE=50"},
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			r := newHarness(t, mode, environ...)
			r.limitUser("a worker, " + mode + " mode")
			f := newFixture(41, 1000)
			workers := []*env.Proc{r.start(), r.start()}
			r.feed(f)
			if mode == stream {
				r.awaitDistinct(200)
				workers[0].Kill()
				workers[0] = r.start()
			}
			env.Eventually(t, late, func() (bool, string) {
				r.journal.update()
				waiting, _ := r.client.ZCard(t.Context(), "{"+r.key()+"}:delayed").Result()
				left, _ := r.client.LLen(t.Context(), queueKey).Result()
				return r.journal.total() >= len(f.records) && waiting+left == 0, fmt.Sprintf("%d outcomes, %d deferred, %d on the list", r.journal.total(), waiting, left)
			})
			if mode == stream {
				r.awaitUpkeep()
			}
			for _, w := range workers {
				r.stop(w)
			}
			refused, err := r.client.ACLLog(t.Context(), 100).Result()
			if err != nil {
				t.Fatal(err)
			}
			for _, entry := range refused {
				if entry.Object == queueKey && mode == stream || entry.Object == streamKey && mode == list {
					continue // a look at the other mode's queue, which is only a hint
				}
				t.Errorf("refused: %s, for lack of its %s right, in context %s", entry.Object, entry.Reason, entry.Context)
			}
		})
	}
}

// limitUser lets the workers log in as a user with the commands of a row of the table of
// permissions.
func (r *harness) limitUser(purpose string) {
	r.t.Helper()
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		r.t.Fatal(err)
	}
	row := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(purpose) + ` \| (.*) \|$`).FindSubmatch(page)
	if row == nil {
		r.t.Fatalf("%s is not documented", purpose)
	}
	rules := []any{"acl", "setuser", "limited", "reset", "on", ">x", "~" + r.key() + "*", "~{" + r.key() + "*"}
	for _, c := range strings.Fields(strings.ReplaceAll(string(row[1]), "`", "")) {
		rules = append(rules, "+"+c)
	}
	if err := r.client.Do(r.ctx(), rules...).Err(); err != nil {
		r.t.Fatal(err)
	}
	r.env = append(r.env, "REDIS_URL=redis://limited:x@"+r.redis.Addr)
}
