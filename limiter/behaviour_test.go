package limiter_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"ingestion/internal/embedded"
	"ingestion/limiter"
)

// step is a request of customer "ann" in seconds after someTime, and the answer.
type step struct {
	member string
	at     float64
	want   limiter.Decision
	time   float64 // place or retryAt
}

const (
	admitted = limiter.Admitted
	refused  = limiter.Refused
	reserved = limiter.Reserved
)

// Limit 2 in 10 s; reservations up to 30 s ahead.
var behaviours = []struct {
	name    string
	reserve bool
	steps   []step
}{
	{"two of one ms do not collapse", false, []step{{"a", 0, admitted, 0}, {"b", 0, admitted, 0}, {"c", 0, refused, 10}}},
	{"one window apart is another window", false, []step{{"a", 0, admitted, 0}, {"b", 0, admitted, 0}, {"c", 9.999, refused, 10}, {"d", 10, admitted, 10}}},
	{"later arrivals bind an earlier one", false, []step{{"a", 9, admitted, 9}, {"b", 5, admitted, 5}, {"c", 0, refused, 15}}},
	{"windows on either side are looked at apart", false, []step{{"a", 0, admitted, 0}, {"b", 12, admitted, 12}, {"c", 6, admitted, 6}}},
	{"room between two blocks is found", false, []step{{"a", 0, admitted, 0}, {"b", 1, admitted, 1}, {"c", 21, admitted, 21}, {"d", 22, admitted, 22}, {"e", 5, refused, 10}}},
	{"a repeated record takes no second place", false, []step{{"a", 0, admitted, 0}, {"a", 3, admitted, 0}, {"b", 4, admitted, 4}, {"a", 9.999, admitted, 0}, {"c", 5, refused, 10}}},
	{"and none earlier either", false, []step{{"a", 9, admitted, 9}, {"a", 0, admitted, 9}, {"b", 1, admitted, 1}, {"c", 2, refused, 11}}},
	{"a window away it is judged afresh", false, []step{{"a", 0, admitted, 0}, {"a", 10, admitted, 10}, {"b", 1, admitted, 1}, {"c", 2, refused, 11}}},
	{"the first place of two is still known", false, []step{{"a", 0, admitted, 0}, {"a", 50, admitted, 50}, {"b", 1, admitted, 1}, {"a", 2, admitted, 0}}},
	{"an earlier place of two is known as well", false, []step{{"a", 50, admitted, 50}, {"a", 0, admitted, 0}, {"a", 3, admitted, 0}, {"a", 100, admitted, 100}, {"a", 51, admitted, 50}}},
	{"a refused record can come again", false, []step{{"a", 0, admitted, 0}, {"b", 0, admitted, 0}, {"c", 5, refused, 10}, {"c", 10, admitted, 10}}},
	{"reservations queue up", true, []step{{"a", 0, admitted, 0}, {"b", 0, admitted, 0}, {"c", 1, reserved, 10}, {"d", 2, reserved, 10}, {"e", 3, reserved, 20}}},
	{"a reserved record waits for its place", true, []step{{"a", 0, admitted, 0}, {"b", 0, admitted, 0}, {"c", 1, reserved, 10}, {"c", 1, reserved, 10}, {"c", 10, admitted, 10}, {"c", 11, admitted, 10}}},
	{"also one far ahead", true, []step{{"a", 35, admitted, 35}, {"a", 0, reserved, 35}}},
	{"a reservation too far ahead is refused", true, []step{{"a", 0, admitted, 0}, {"b", 0, admitted, 0}, {"c", 0, reserved, 10}, {"d", 0, reserved, 10}, {"e", 0, reserved, 20}, {"f", 0, reserved, 20}, {"g", 0, reserved, 30}, {"h", 0, reserved, 30}, {"i", 0, refused, 40}, {"j", 10, reserved, 40}}},
}

func TestBehaviour(t *testing.T) {
	servers := map[string]*redis.Client{
		"redis":     realRedis(t).Client(t),
		"miniredis": embeddedRedis(t),
	}
	for server, client := range servers {
		for _, b := range behaviours {
			t.Run(server+"/"+b.name, func(t *testing.T) {
				if err := client.FlushDB(t.Context()).Err(); err != nil {
					t.Fatal(err)
				}
				cfg := config(2, 10*time.Second)
				cfg.Reserve, cfg.MaxDelay = b.reserve, 30*time.Second
				l := newLimiter(t, client, cfg)
				for i, s := range b.steps {
					v := judge(t, l, at("ann", s.member, ms(s.at)))[0]
					want := limiter.Verdict{Decision: s.want, Limit: limiter.Limit{Records: 2, Window: 10 * time.Second}}
					if s.want == refused {
						want.RetryAt = ms(s.time)
					} else {
						want.Place = ms(s.time)
					}
					if diff := cmp.Diff(want, v); diff != "" {
						t.Fatalf("step %d, %+v (-want +got):\n%s", i, s, diff)
					}
				}
			})
		}
	}
}

func ms(seconds float64) int64 { return someTime + int64(seconds*1000) }

func embeddedRedis(t *testing.T) *redis.Client {
	t.Helper()
	server, err := embedded.StartRedis(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() {
		_ = client.Close()
		_ = server.Close()
	})
	return client
}

// TestClockOfRedis judges requests without an arrival.
func TestClockOfRedis(t *testing.T) {
	for name, client := range map[string]*redis.Client{"redis": realRedis(t).Client(t), "miniredis": embeddedRedis(t)} {
		t.Run(name, func(t *testing.T) {
			l := newLimiter(t, client, config(2, time.Minute))
			before := client.Time(t.Context()).Val().UnixMilli()
			got := judge(t, l, at("ann", "a", 0), at("ann", "b", 0), at("ann", "c", 0))
			after := client.Time(t.Context()).Val().UnixMilli()
			for _, v := range got[:2] {
				if v.Decision != admitted || v.Place < before || v.Place > after {
					t.Errorf("got %+v, want a place between %d and %d", v, before, after)
				}
			}
			if v := got[2]; v.Decision != refused || v.RetryAt != got[0].Place+60_000 {
				t.Errorf("got %+v, want a refusal until the first place's window ends", v)
			}
		})
	}
}

func TestOffNeedsNoRedis(t *testing.T) {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
	defer client.Close()
	l := newLimiter(t, client, config(0, time.Minute))
	if v := judge(t, l, at("ann", "a", 5)); v[0].Decision != admitted || v[0].Place != 5 {
		t.Errorf("got %+v", v[0])
	}
}

// TestPartitions judges a batch whose customers are at home in three partitions.
func TestPartitions(t *testing.T) {
	client := realRedis(t).Client(t)
	cfg := config(1, time.Minute)
	cfg.Bases = []string{"q:0", "q:1", "q:2"}
	cfg.Home = func(customer string) int { return int(customer[0]-'a') % 3 }
	var requests []limiter.Request
	for i := range 60 {
		requests = append(requests, at(string(rune('a'+i%6)), fmt.Sprint(i), someTime))
	}
	for i, v := range judge(t, newLimiter(t, client, cfg), requests...) {
		if want := i < 6; (v.Decision == admitted) != want {
			t.Errorf("request %d: %+v, want admitted: %t", i, v, want)
		}
	}
	for _, key := range []string{"{q:0}:limit:a", "{q:1}:limit:b", "{q:2}:limit:c", "{q:0}:limit:d"} {
		if n := card(t, client, key); n != 1 {
			t.Errorf("%s holds %d places, want 1", key, n)
		}
	}
}

// TestRefusalWritesNothing counts the writes that Redis itself counts.
func TestRefusalWritesNothing(t *testing.T) {
	client := realRedis(t).Client(t)
	cfg := config(1, time.Minute)
	l := newLimiter(t, client, cfg)
	cfg.Reserve, cfg.MaxDelay = true, time.Second
	reserving := newLimiter(t, client, cfg)
	judge(t, l, at("ann", "a", someTime))
	if err := client.HSet(t.Context(), "{q}:limits", "bob", "block").Err(); err != nil {
		t.Fatal(err)
	}
	before := changes(t, client)
	for _, l := range []*limiter.Limiter{l, reserving} {
		for _, v := range judge(t, l, at("ann", "b", someTime), at("ann", "b", someTime-1), at("bob", "c", someTime)) {
			if v.Decision != refused {
				t.Errorf("got %+v, want a refusal", v)
			}
		}
	}
	if after := changes(t, client); after != before {
		t.Errorf("refusals made %s changes, before there were %s", after, before)
	}
}

func changes(t *testing.T, client *redis.Client) string {
	t.Helper()
	return client.InfoMap(context.Background(), "persistence").Item("Persistence", "rdb_changes_since_last_save")
}
