package console_test

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/console"
	"ingestion/record"
	"ingestion/streams"
)

// stall lets a change make one step, and then holds the next page of dead letters that it reads
// until the time for its request is over.
type stall struct{ stepped atomic.Bool }

// shortTime is Options.ChangeTimeout. The steps fit in it, or another round makes them.
const shortTime = 300 * time.Millisecond

func (s *stall) DialHook(next redis.DialHook) redis.DialHook { return next }

func (s *stall) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (s *stall) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	dead := streams.KeysOf("s").Dead
	return func(ctx context.Context, cmd redis.Cmder) error {
		names := func(arg any) bool {
			key, ok := arg.(*string) // as redisconn.Call has it
			return arg == dead || ok && *key == dead
		}
		if !slices.ContainsFunc(cmd.Args(), names) {
			return next(ctx, cmd)
		}
		switch {
		case strings.HasPrefix(cmd.Name(), "eval"):
			defer s.stepped.Store(true)
		case cmd.Name() == "xrange" && s.stepped.Swap(false):
			select {
			case <-ctx.Done():
				cmd.SetErr(ctx.Err())
				return ctx.Err()
			case <-time.After(2 * shortTime): // a preview, after a change whose time was over before it read on
			}
		}
		return next(ctx, cmd)
	}
}

// A change that takes longer than one request may is offered again with what is left of the same
// preview, as often as it takes, and never does more. The sums are of all requests.
func TestAChangeGoesOn(t *testing.T) {
	const n = 650 // four steps
	for action, c := range map[string]struct {
		left int
		done []string
	}{
		"purge":  {0, []string{"650 dead letters deleted."}},
		"replay": {3, []string{"647 dead letters put back on the queue.", "3 dead letters can&#39;t be put back as they are, and were left."}},
	} {
		t.Run(action, func(t *testing.T) {
			r := newLetterRig(t, func(o *console.Options) { o.ChangeTimeout = shortTime })
			for i := range n {
				letter := map[string]string{"event": "rejected", "reason": "refused", "data": ada}
				if i%200 == 100 && i < 600 {
					letter["fields"] = "damaged" // can't be put back
				}
				addLetter(t, r.client, "s", "*", letter)
			}
			page := r.page(200, "/dead/change?action="+action+"&event=rejected")
			r.refuse(record.Rejected, "refused", ada) // after the preview
			r.client.AddHook(&stall{})
			at := r.submitted(page, action)
			if !strings.HasPrefix(at, "change?") {
				t.Fatalf("after the first request: %s", at)
			}
			wantParts(t, r.page(200, "/dead/"+at), "Not all yet.", "so far. One request takes at most 300ms: go on with the rest.")
			rounds := 1
			for ; strings.HasPrefix(at, "change?"); rounds++ {
				if rounds == 100 {
					t.Fatalf("never done: %s", at)
				}
				q, err := url.ParseQuery(strings.TrimPrefix(at, "change?"))
				must(t, err)
				changed, err := strconv.Atoi(q.Get("changed"))
				must(t, err)
				if left := len(r.names()); changed+left != n+1 {
					t.Fatalf("%d changed and %d left of %d", changed, left, n+1)
				}
				at = r.submitted(r.page(200, "/dead/"+at), action)
			}
			if want := fmt.Sprintf("./?changed=%d&done=%s&left=%d", n-c.left, action, c.left); at != want || rounds < 3 {
				t.Errorf("after %d requests: %s, want %s after more", rounds, at, want)
			}
			wantParts(t, r.page(200, "/dead"+strings.TrimPrefix(at, "./")), c.done...)
			if left := len(r.names()); left != c.left+1 {
				t.Errorf("%d dead letters are left, want the one after the preview and those that can't be put back", left)
			}
			wantParts(t, r.page(200, "/activity"), "dead_"+action, ">false<", ">true<", ">partial<", ">begun<")
			wantParts(t, r.log.String(), "msg=console_dead_"+action+" status=begun user=anonymous", "status=partial", "status=success")
		})
	}
}

var typed = regexp.MustCompile(`Type (\d+) to delete`)

// submitted sends the form of a preview as a person does, and returns where that leads to, relative
// to /dead/.
func (r *letterRig) submitted(page, action string) string {
	r.t.Helper()
	fields := formOf(r.t, page, "dead/"+action)
	if number := typed.FindStringSubmatch(page); number != nil {
		fields = append(fields, "confirm", number[1])
	}
	got := r.form("/dead/"+action, fields...)
	if r.text(303, got); got.StatusCode != 303 {
		return ""
	}
	at := got.Header.Get("Location")
	return strings.Replace(strings.TrimPrefix(at, "../dead/"), "../dead?", "./?", 1)
}

// The API says that a change is not complete, and does the rest when it is asked again.
func TestAChangeOfTheAPIGoesOn(t *testing.T) {
	a := newAPI(newLetterRig(t, func(o *console.Options) { o.ChangeTimeout = shortTime }))
	a.refuse(record.Rejected, "refused", slices.Repeat([]string{ada}, 250)...)
	through := a.call(200, "GET", "dead/preview?action=purge&all=on", "")["through"].(string)
	a.refuse(record.Rejected, "refused", ada) // after the preview
	a.client.AddHook(&stall{})
	changed, complete := 0.0, false
	for rounds := 0; !complete && rounds < 100; rounds++ {
		done := a.call(200, "POST", "dead/purge", `{"all":true,"through":"`+through+`"}`)
		complete = done["complete"].(bool)
		if changed += done["changed"].(float64); rounds == 0 && complete {
			t.Errorf("the first request is complete: %v", done)
		}
	}
	if left := len(a.names()); !complete || changed != 250 || left != 1 {
		t.Errorf("complete: %v, changed: %v, left: %d", complete, changed, left)
	}
}

// Dead letters that are named have no preview to be bound to, also when a change of them goes on.
func TestAChangeOfNamedDeadLettersGoesOn(t *testing.T) {
	const n = 250 // two steps
	r := newLetterRig(t, func(o *console.Options) { o.ChangeTimeout = shortTime })
	r.refuse(record.Rejected, "refused", slices.Repeat([]string{ada}, n)...)
	page := r.page(200, "/dead/change?"+url.Values{"action": {"purge"}, "id": r.names()}.Encode())
	r.client.AddHook(&stall{})
	at := r.submitted(page, "purge")
	if !strings.HasPrefix(at, "change?") {
		t.Fatalf("after the first request: %s", at)
	}
	for rounds := 0; strings.HasPrefix(at, "change?") && rounds < 100; rounds++ {
		at = r.submitted(r.page(200, "/dead/"+at), "purge")
	}
	if want := "./?changed=250&done=purge&left=0"; at != want || len(r.names()) > 0 {
		t.Errorf("at the end: %s, want %s; %d are left", at, want, len(r.names()))
	}
}

// crowd counts how many pages of dead letters are read at once, and holds them until as many are as may
// be.
type crowd struct {
	mu        sync.Mutex
	now, most int
	full      chan struct{}
}

func (c *crowd) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *crowd) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (c *crowd) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() != "xrange" && cmd.Name() != "xrevrange" {
			return next(ctx, cmd)
		}
		c.enter()
		defer c.leave()
		<-c.full
		return next(ctx, cmd)
	}
}

func (c *crowd) enter() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now++; c.now > c.most {
		if c.most = c.now; c.most == 4 {
			close(c.full)
		}
	}
}

func (c *crowd) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now--
}

// Many who look at all dead letters wait for each other, and all get their answer.
func TestFewReadManyDeadLettersAtOnce(t *testing.T) {
	r := newLetterRig(t)
	r.refuse(record.Rejected, "refused", ada, ada)
	c := &crowd{full: make(chan struct{})}
	r.client.AddHook(c)
	var all sync.WaitGroup
	for range 10 {
		for _, path := range []string{"/dead/change?action=purge&all=on", "/dead?by=reason"} {
			all.Go(func() {
				if got := ask(t, r.handler, "GET", path, nil); got.StatusCode != 200 {
					t.Errorf("%s: %s", path, got.Status)
				}
			})
		}
	}
	all.Wait()
	if c.most != 4 {
		t.Errorf("%d read at once", c.most)
	}
}
