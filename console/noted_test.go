package console_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"ingestion/console"
	"ingestion/record"
	"ingestion/streams"
)

// lostReplies loses the reply to each script that has the key.
type lostReplies struct{ key string }

func (lostReplies) DialHook(next redis.DialHook) redis.DialHook { return next }

func (lostReplies) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (l lostReplies) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if err == nil && strings.HasPrefix(cmd.Name(), "eval") && firstKey(cmd) == l.key {
			err = errors.New("the reply is lost")
			cmd.SetErr(err)
		}
		return err
	}
}

// firstKey is that of a script, "" if it has none.
func firstKey(cmd redis.Cmder) string {
	if len(cmd.Args()) < 4 {
		return ""
	}
	if key, ok := cmd.Args()[3].(*string); ok { // as redisconn.Call has it
		return *key
	}
	return fmt.Sprint(cmd.Args()[3])
}

// outcomes are what the notes say of an action, the newest first.
func (r *letterRig) outcomes(action string) (all []string) {
	r.t.Helper()
	notes, err := streams.ReadActivities(r.t.Context(), r.client, "s", 99)
	must(r.t, err)
	for _, note := range notes {
		if note.Action == action {
			all = append(all, note.Detail["outcome"])
		}
	}
	return all
}

// What may have been done is noted, though nobody knows whether it was.
func TestALostReplyIsNoted(t *testing.T) {
	r := newLetterRig(t)
	r.refuse(record.Rejected, "refused", `{"customerId":"42"}`)
	name := r.names()[0]
	for _, c := range []struct {
		action, key string
		send        func(a *api)
	}{
		{"limit_set", "{s}:limits", func(a *api) { a.fault(503, "PUT", "limits/one?customerId=42", `{"limit":"9/60"}`) }},
		{"limit_unset", "{s}:limits", func(a *api) { a.fault(503, "DELETE", "limits/one?customerId=42", "") }},
		{"pause", "{s}:control", func(a *api) { a.fault(503, "POST", "pause", `{"for":"1m"}`) }},
		{"resume", "{s}:control", func(a *api) { a.fault(503, "POST", "resume", "") }},
		{"dead_edit", "s", func(a *api) { a.fault(503, "POST", "dead/"+name+"/edit", `{"body":`+quoted(ada)+`}`) }},
	} {
		t.Run(c.action, func(t *testing.T) {
			lossy := redis.NewClient(r.client.Options())
			t.Cleanup(func() { _ = lossy.Close() })
			lossy.AddHook(lostReplies{c.key})
			opts := options(t, lossy)
			opts.Changes = true
			a := newAPI(&letterRig{t: t, client: r.client, handler: console.Handler(opts)})
			c.send(a)
			if got := r.outcomes(c.action); len(got) != 2 || got[0] != "uncertain" || got[1] != "begun" {
				t.Errorf("noted: %q", got)
			}
		})
	}
}

// leaving is a browser that goes when a script has changed a key.
type leaving struct {
	key   string
	leave func()
}

func (leaving) DialHook(next redis.DialHook) redis.DialHook { return next }

func (leaving) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (l leaving) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if err == nil && strings.HasPrefix(cmd.Name(), "eval") && firstKey(cmd) == l.key {
			l.leave()
		}
		return err
	}
}

// What was done is noted, though who did it does not wait for the answer.
func TestWhoHasGoneIsNoted(t *testing.T) {
	r := newLetterRig(t)
	ctx, leave := context.WithCancel(t.Context())
	r.client.AddHook(leaving{"{s}:control", leave})
	q := httptest.NewRequestWithContext(ctx, "POST", "/queue/resume", nil)
	q.Header.Set("Sec-Fetch-Site", "same-origin")
	r.handler.ServeHTTP(httptest.NewRecorder(), q)
	if ctx.Err() == nil {
		t.Fatal("nobody has gone")
	}
	if got := r.outcomes("resume"); len(got) != 2 || got[0] != "" || got[1] != "begun" {
		t.Errorf("noted: %q", got)
	}
}

// What Redis takes no note of is done, and the log has it.
func TestNotesThatRedisDoesNotTake(t *testing.T) {
	r := newLetterRig(t)
	must(t, r.client.Set(t.Context(), "{s}:audit", "x", 0).Err())
	if got := r.form("/queue/pause", "for", "10m"); got.StatusCode != 303 {
		t.Errorf("status %d", got.StatusCode)
	}
	wantParts(t, r.log.String(), "msg=console_pause status=begun", "msg=console_pause status=success", "what a user did is in the log only", "WRONGTYPE")
	if c, now, err := streams.ReadControl(t.Context(), r.client, "s"); err != nil || !c.Active(now) {
		t.Errorf("%+v, %v", c, err)
	}
	wantParts(t, r.page(200, "/activity"), "WRONGTYPE")
}

// vanishing deletes a dead letter before it is put back.
type vanishing struct {
	leaving
	client *redis.Client
}

func (v vanishing) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if strings.HasPrefix(cmd.Name(), "eval") && firstKey(cmd) == "s" {
			v.client.Del(ctx, "{s}:dead")
		}
		return next(ctx, cmd)
	}
}

// A letter that somebody else puts back or deletes meanwhile is not sent twice.
func TestALetterThatIsGoneIsNotSent(t *testing.T) {
	r := newLetterRig(t)
	r.refuse(record.Rejected, "refused", `{"customerId":"42"}`)
	name, entries := r.names()[0], r.client.XLen(t.Context(), "s").Val()
	other := redis.NewClient(r.client.Options())
	t.Cleanup(func() { _ = other.Close() })
	r.client.AddHook(vanishing{client: other})
	wantParts(t, newAPI(r).fault(409, "POST", "dead/"+name+"/edit", `{"body":`+quoted(ada)+`}`), "no longer there")
	if got := r.outcomes("dead_edit"); len(got) != 2 || got[0] != "error" {
		t.Errorf("noted: %q", got)
	}
	if n := r.client.XLen(t.Context(), "s").Val(); n != entries {
		t.Errorf("%d entries, want %d", n, entries)
	}
}

func quoted(text string) string { return `"` + strings.ReplaceAll(text, `"`, `\"`) + `"` }

// What was refused is in the log with who asked for it.
func TestRefusalsAreLogged(t *testing.T) {
	r := newLetterRig(t, func(o *console.Options) { o.Changes, o.Auth = false, console.Auth{Header: "Remote-User"} })
	for path, code := range map[string]string{"/queue/pause": "403", "/nothing": "404"} {
		q := httptest.NewRequest("POST", path, strings.NewReader(""))
		q.Header.Set("Remote-User", "grace")
		r.handler.ServeHTTP(httptest.NewRecorder(), q)
		wantParts(t, r.log.String(), "msg=console_request status=error method=POST path="+path+" code="+code+" complete=true")
	}
	if n := strings.Count(r.log.String(), "user=grace"); n != 2 {
		t.Errorf("the user is %d times in the log:\n%s", n, r.log)
	}
	on := newLetterRig(t)
	on.refuse(record.Rejected, "refused", `{"customerId":"42"}`)
	must(t, on.client.HSet(t.Context(), "{s}:limits", "42", "7/60").Err())
	newAPI(on).fault(409, "PUT", "limits/one?customerId=42", `{"limit":"9/60","seen":"8/60"}`)
	wantParts(t, on.log.String(), "msg=console_limit_set status=error user=anonymous", "somebody has changed the limit meanwhile")
	if got := on.outcomes("limit_set"); len(got) != 2 || got[0] != "error" {
		t.Errorf("noted: %q", got)
	}
}

// Of two who saw the same limit and change it at once, one is told.
func TestALimitIsChangedByOneOfTwo(t *testing.T) {
	a := newAPI(newLetterRig(t))
	for range 20 {
		must(t, a.client.HSet(t.Context(), "{s}:limits", "42", "5/60").Err())
		statuses := make([]int, 2)
		var both sync.WaitGroup
		for i, limit := range []string{"6/60", "7/60"} {
			both.Go(func() {
				statuses[i] = ask(t, a.handler, "POST", "/customers/limit", url.Values{"id": {"42"}, "limit": {limit}, "seen": {"5/60"}}).StatusCode
			})
		}
		both.Wait()
		if statuses[0]+statuses[1] != 303+409 {
			t.Fatalf("statuses %v", statuses)
		}
	}
}

func TestTheAPIComparesALimit(t *testing.T) {
	a := newAPI(newLetterRig(t))
	put := func(status int, body string) string {
		return a.send(status, "PUT", "limits/one?customerId=42", body, true)
	}
	put(200, `{"limit":"6/60","seen":""}`)
	put(409, `{"limit":"7/60","seen":""}`)
	put(200, `{"limit":"6/60","seen":""}`) // repeated
	put(200, `{"limit":"7/60","seen":"6/60"}`)
	a.call(409, "DELETE", "limits/one?customerId=42&seen=6%2F60", "")
	if l := a.call(200, "GET", "limits/one?customerId=42", ""); l["own"] != "7/60" {
		t.Errorf("%v", l)
	}
	if l := a.call(200, "DELETE", "limits/one?customerId=42&seen=7%2F60", ""); l["changed"] != true || l["before"].(map[string]any)["limit"] != "7/60" {
		t.Errorf("%v", l)
	}
}
