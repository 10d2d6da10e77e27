package limiter_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"ingestion/limiter"
)

// crowd is a batch of n customers with two records each, for a limit of one.
func crowd(n int) []limiter.Request {
	var requests []limiter.Request
	for i := range n {
		customer := fmt.Sprint("c", i)
		requests = append(requests, at(customer, customer+"a", someTime), at(customer, customer+"b", someTime))
	}
	return requests
}

// wantCrowd wants the first record of each customer, and no other.
func wantCrowd(t *testing.T, client *redis.Client, requests []limiter.Request, got []limiter.Verdict) {
	t.Helper()
	var model limiter.Model
	for i, r := range requests {
		want := model.Judge(r, limiter.Limit{Records: 1, Window: time.Minute})
		if diff := cmp.Diff(want, got[i]); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", r, diff)
		}
		if n := card(t, client, "{q}:limit:"+r.CustomerID); n != 1 {
			t.Errorf("%s has %d places, want 1", r.CustomerID, n)
		}
	}
}

func wantOpen(t *testing.T, verdicts []limiter.Verdict) {
	t.Helper()
	for i, v := range verdicts {
		if v != (limiter.Verdict{}) {
			t.Errorf("request %d: %+v beside an error, want none", i, v)
		}
	}
}

func TestScriptIsLoadedAgain(t *testing.T) {
	server := realRedis(t)
	client := server.Client(t)
	l := newLimiter(t, client, config(1, time.Minute))
	requests := crowd(3)
	wantCrowd(t, client, requests, judge(t, l, requests...))
	if err := client.ScriptFlush(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	wantCrowd(t, client, requests, judge(t, l, requests...))
	server.Stop()
	if verdicts, err := l.Judge(t.Context(), requests); err == nil {
		t.Error("no error without a server")
	} else {
		wantOpen(t, verdicts)
	}
	server.Start()
	wantCrowd(t, client, requests, judge(t, l, requests...))
}

// TestWrongTypeHarmsNobodyElse has a string where a customer's window should be.
func TestWrongTypeHarmsNobodyElse(t *testing.T) {
	for name, client := range map[string]*redis.Client{"redis": realRedis(t).Client(t), "miniredis": embeddedRedis(t)} {
		t.Run(name, func(t *testing.T) {
			if err := client.Set(t.Context(), "{q}:limit:bob", "text", 0).Err(); err != nil {
				t.Fatal(err)
			}
			l := newLimiter(t, client, config(1, time.Minute))
			verdicts, err := l.Judge(t.Context(), []limiter.Request{
				at("ann", "a", someTime), at("bob", "b", someTime), at("bob", "c", someTime), at("cyd", "d", someTime),
			})
			var wrong *limiter.KeyError
			if !errors.As(err, &wrong) || wrong.CustomerID != "bob" || wrong.Key != "{q}:limit:bob" {
				t.Errorf("got error %v, want a KeyError for bob's key", err)
			}
			wantOpen(t, verdicts[1:3])
			for _, i := range []int{0, 3} {
				if verdicts[i].Decision != admitted {
					t.Errorf("request %d: %+v, want it admitted", i, verdicts[i])
				}
			}
			if got := client.Get(t.Context(), "{q}:limit:bob").Val(); got != "text" {
				t.Errorf("the foreign key holds %q now", got)
			}
		})
	}
}

func TestLimitsOfWrongType(t *testing.T) {
	client := realRedis(t).Client(t)
	if err := client.Set(t.Context(), "{q}:limits", "text", 0).Err(); err != nil {
		t.Fatal(err)
	}
	verdicts, err := newLimiter(t, client, config(1, time.Minute)).Judge(t.Context(), crowd(3))
	if err == nil || !strings.Contains(err.Error(), "WRONGTYPE") || !strings.Contains(err.Error(), "{q}:limits") {
		t.Errorf("got %v, want an error that names the key", err)
	}
	wantOpen(t, verdicts)
	if keys := client.Keys(t.Context(), "*").Val(); len(keys) != 1 {
		t.Errorf("there are keys %q, want none but the limits", keys)
	}
}

func TestOutOfMemory(t *testing.T) {
	client := realRedis(t, "maxmemory-policy", "noeviction").Client(t)
	memory := func(limit string) {
		if err := client.ConfigSet(t.Context(), "maxmemory", limit).Err(); err != nil {
			t.Fatal(err)
		}
	}
	l := newLimiter(t, client, config(1, time.Minute))
	judge(t, l, at("old", "a", someTime))
	memory("1")
	requests := crowd(10)
	verdicts, err := l.Judge(t.Context(), requests)
	if !redis.HasErrorPrefix(err, "OOM") {
		t.Errorf("got %v, want Redis' own OOM error", err)
	}
	wantOpen(t, verdicts)
	if keys := client.Keys(t.Context(), "*").Val(); len(keys) != 1 {
		t.Errorf("there are keys %q, want none but the old one", keys)
	}
	known := judge(t, l, at("old", "b", someTime)) // refusals write nothing
	if known[0].Decision != refused {
		t.Errorf("got %+v, want a refusal", known[0])
	}
	memory("0")
	wantCrowd(t, client, requests, judge(t, l, requests...))
}

// TestHalfWrittenBatch breaks the script after its first admission.
func TestHalfWrittenBatch(t *testing.T) {
	server := realRedis(t)
	client := server.Client(t)
	rights := func(rule string) {
		if err := client.Do(t.Context(), "ACL", "SETUSER", "worker", "on", "nopass", "~*", "+@all", rule).Err(); err != nil {
			t.Fatal(err)
		}
	}
	rights("-pexpire")
	worker := redis.NewClient(&redis.Options{Addr: server.Addr, Username: "worker", Password: "x", MaxRetries: -1})
	defer worker.Close()
	l := newLimiter(t, worker, config(1, time.Minute))
	requests := crowd(5)
	verdicts, err := l.Judge(t.Context(), requests)
	if err == nil {
		t.Fatal("no error, though a command of the script was denied")
	}
	wantOpen(t, verdicts)
	if n := card(t, client, "{q}:limit:c0"); n != 1 {
		t.Fatalf("the first customer has %d places: the batch is not half-written", n)
	}
	rights("+pexpire")
	wantCrowd(t, client, requests, judge(t, l, requests...))
}

// TestLostReply loses the reply to every other script call.
func TestLostReply(t *testing.T) {
	server := realRedis(t)
	calls := 0
	client := hooked(t, server, func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		err := next(ctx, cmd)
		if err != nil {
			return err
		}
		if calls++; calls%2 == 0 {
			return nil
		}
		cmd.SetErr(io.EOF)
		return io.EOF
	})
	l := newLimiter(t, client, config(1, time.Minute))
	judge(t, l, at("first", "a", someTime)) // loads the script
	requests := crowd(10)
	for tries := 1; ; tries++ {
		verdicts, err := l.Judge(t.Context(), requests)
		if err == nil {
			wantCrowd(t, server.Client(t), requests, verdicts)
			if tries == 1 {
				t.Error("no reply was lost")
			}
			return
		}
		if !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		wantOpen(t, verdicts)
	}
}

func TestEndedContext(t *testing.T) {
	client := realRedis(t).Client(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	verdicts, err := newLimiter(t, client, config(1, time.Minute)).Judge(ctx, crowd(3))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
	wantOpen(t, verdicts)
}
