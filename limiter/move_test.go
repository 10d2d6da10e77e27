package limiter_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"ingestion/limiter"
	"ingestion/record"
)

// scattered has customers with windows in the partitions of a stream.
type scattered struct {
	t         *testing.T
	client    *redis.Client
	customers []string
}

// newScattered fills the windows of customers: each has as many places as its number, and one has
// more than are copied at once.
func newScattered(t *testing.T, client *redis.Client, partitions int) *scattered {
	t.Helper()
	s := &scattered{t: t, client: client}
	l := s.limiter(partitions, 5000)
	for c := range 40 {
		s.customers = append(s.customers, fmt.Sprintf("}:limit:%d клиент*", c))
		n := c
		if c == 1 {
			n = 1100
		}
		var requests []limiter.Request
		for i := range n {
			requests = append(requests, at(s.customers[c], fmt.Sprint(i), time.Now().UnixMilli()))
		}
		judge(t, l, requests...)
		if c%3 == 0 {
			must(t, client.HSet(t.Context(), "{"+s.home(c, partitions)+"}:limits", s.customers[c], fmt.Sprintf("%d/60", c+1)).Err())
		}
	}
	return s
}

const streamKey = "s[*]" // its characters mean something in a pattern

func (s *scattered) layout(partitions int) record.Layout {
	return record.Layout{Key: streamKey, Partitions: partitions, Former: []int{1, 2, 3, 4}}
}

func (s *scattered) home(customer, partitions int) string {
	l := s.layout(partitions)
	return l.Homes()[l.Home(s.customers[customer])]
}

func (s *scattered) limiter(partitions, limit int) *limiter.Limiter {
	s.t.Helper()
	layout := s.layout(partitions)
	return newLimiter(s.t, s.client, limiter.Config{Limit: limit, Window: time.Hour, Lateness: time.Hour, Bases: layout.Homes(), Home: layout.Home})
}

func (s *scattered) move(client redis.UniversalClient, partitions int) *limiter.Move {
	layout := s.layout(partitions)
	return &limiter.Move{Client: client, Bases: layout.Keys(), Home: func(id string) string { return layout.Homes()[layout.Home(id)] }}
}

// all reads places and limits by customer, wherever they are; wrong are those that are not in
// the customer's partition.
func (s *scattered) all(partitions int) (places map[string][]redis.Z, limits map[string]string, wrong int) {
	s.t.Helper()
	places, limits = map[string][]redis.Z{}, map[string]string{}
	for _, base := range s.layout(partitions).Keys() {
		var found []*redis.ZSliceCmd
		var ttls []*redis.DurationCmd
		var owns *redis.MapStringStringCmd
		_, err := s.client.Pipelined(s.t.Context(), func(p redis.Pipeliner) error {
			owns = p.HGetAll(s.t.Context(), "{"+base+"}:limits")
			for _, customer := range s.customers {
				key := "{" + base + "}:limit:" + customer
				found, ttls = append(found, p.ZRangeWithScores(s.t.Context(), key, 0, -1)), append(ttls, p.PTTL(s.t.Context(), key))
			}
			return nil
		})
		must(s.t, err)
		for c, customer := range s.customers {
			for _, z := range found[c].Val() {
				if !slices.Contains(places[customer], z) {
					places[customer] = append(places[customer], z)
				}
			}
			own := owns.Val()[customer]
			if own != "" {
				limits[customer] = own
			}
			there := len(found[c].Val()) > 0
			if (there || own != "") && base != s.home(c, partitions) {
				wrong++
			}
			if ttl := ttls[c].Val(); there && (ttl < time.Hour || ttl > 4*time.Hour) {
				s.t.Fatalf("a window of %s in %s expires after %v", customer, base, ttl)
			}
		}
	}
	return places, limits, wrong
}

// cut is a client that fails at its nth command or pipeline, before or after Redis has executed
// it.
type cut struct {
	left  int
	after bool
}

var errCut = errors.New("cut")

func (c *cut) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (c *cut) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		return c.call(func() error { return next(ctx, cmd) }, cmd)
	}
}

func (c *cut) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		return c.call(func() error { return next(ctx, cmds) }, cmds...)
	}
}

func (c *cut) call(do func() error, cmds ...redis.Cmder) error {
	if strings.EqualFold(cmds[0].Name(), "hello") || strings.EqualFold(cmds[0].Name(), "client") {
		return do()
	}
	c.left--
	if c.left > 0 {
		return do()
	}
	if c.left == 0 && c.after {
		_ = do()
	}
	for _, cmd := range cmds {
		cmd.SetErr(errCut)
	}
	return errCut
}

// TestMoveStoppedAnywhere stops a move at each of its commands, before and after Redis has
// executed it. Each customer has all of its places and its limit then, and after another run it
// has them in its partition.
func TestMoveStoppedAnywhere(t *testing.T) {
	server := realRedis(t)
	client := server.Client(t)
	points := 0
	for _, after := range []bool{false, true} {
		for nth := 1; ; nth++ {
			must(t, client.FlushAll(t.Context()).Err())
			s := newScattered(t, client, 2)
			places, limits, _ := s.all(2)
			broken := redis.NewClient(&redis.Options{Addr: server.Addr, MaxRetries: -1})
			broken.AddHook(&cut{left: nth, after: after})
			_, err := s.move(broken, 3).Run(t.Context())
			must(t, broken.Close())
			amidPlaces, amidLimits, _ := s.all(3)
			for customer, want := range places {
				for _, z := range want {
					if !slices.Contains(amidPlaces[customer], z) {
						t.Fatalf("stopped at command %d: %s has lost %v", nth, customer, z)
					}
				}
			}
			if diff := cmp.Diff(limits, amidLimits); diff != "" {
				t.Fatalf("stopped at command %d: limits (-want +got):\n%s", nth, diff)
			}
			_, again := s.move(client, 3).Run(t.Context())
			must(t, again)
			endPlaces, endLimits, wrong := s.all(3)
			if diff := cmp.Diff(places, endPlaces); diff != "" || wrong != 0 {
				t.Fatalf("stopped at command %d: %d in the wrong place, places (-want +got):\n%s", nth, wrong, diff)
			}
			if diff := cmp.Diff(limits, endLimits); diff != "" {
				t.Fatalf("stopped at command %d: limits (-want +got):\n%s", nth, diff)
			}
			if err == nil {
				break
			}
			points++
		}
	}
	if t.Logf("stopped at %d points", points); points < 20 {
		t.Errorf("only %d points", points)
	}
}

// TestMoveKeepsTheLimit moves a customer at its limit from partition to partition: it stays at
// its limit.
func TestMoveKeepsTheLimit(t *testing.T) {
	client := realRedis(t).Client(t)
	s := &scattered{t: t, client: client}
	for c := range 20 {
		s.customers = append(s.customers, fmt.Sprint("c", c))
	}
	now := time.Now().UnixMilli()
	partitions := 2
	for round, next := range []int{4, 1, 3, 2} {
		l := s.limiter(partitions, 5)
		for _, customer := range s.customers {
			for i := range 6 {
				v := judge(t, l, at(customer, fmt.Sprintf("%d-%d", round, i), now))[0]
				if admitted := v.Decision == limiter.Admitted; admitted != (round == 0 && i < 5) {
					t.Fatalf("%d partitions: record %d of %s is admitted: %v", partitions, i, customer, admitted)
				}
			}
		}
		found, err := s.move(client, next).Count(t.Context())
		must(t, err)
		moved, err := s.move(client, next).Run(t.Context())
		must(t, err)
		if moved.Windows == 0 || moved.Windows != found.Windows {
			t.Errorf("to %d partitions: %d windows moved of %d found", next, moved.Windows, found.Windows)
		}
		partitions = next
	}
}

// What is no window stays where it is, and does not keep others from being moved; where it is
// in the way of one, the error names it.
func TestMoveAmongOtherKeys(t *testing.T) {
	client := realRedis(t).Client(t)
	s := &scattered{t: t, client: client, customers: []string{"a", "b", "c", "d"}}
	l := s.limiter(1, 5)
	for _, customer := range s.customers {
		judge(t, l, at(customer, "x", time.Now().UnixMilli()))
	}
	odd := "{" + streamKey + "}:limit:odd"
	foreign := "{" + streamKey + ":x}:limit:a"
	must(t, client.Set(t.Context(), odd, "text", 0).Err())
	must(t, client.ZAdd(t.Context(), foreign, redis.Z{Member: "x"}).Err())
	moved, err := s.move(client, 2).Run(t.Context())
	must(t, err)
	if moved.Windows != 4 || client.Get(t.Context(), odd).Val() != "text" || card(t, client, foreign) != 1 {
		t.Errorf("%+v", moved)
	}
	in := "{" + s.home(0, 3) + "}:limit:a"
	must(t, client.Set(t.Context(), in, "text", 0).Err())
	if _, err := s.move(client, 3).Run(t.Context()); err == nil || !strings.Contains(err.Error(), in) {
		t.Errorf("%v does not name %s", err, in)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
