package streams

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
	"ingestion/internal/test/env"
)

// wholeReplies are well-formed replies of XREADGROUP.
var wholeReplies = []string{
	"*1\r\n*2\r\n$1\r\ns\r\n*2\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$4\r\ndata\r\n$2\r\n{}\r\n*2\r\n$3\r\n2-0\r\n*4\r\n$1\r\na\r\n$0\r\n\r\n$1\r\nb\r\n$2\r\n\r\n\r\n",
	"%1\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n1-1\r\n%2\r\n$4\r\ndata\r\n$1\r\nx\r\n$6\r\norigin\r\n$3\r\n0-1\r\n",
	"*1\r\n*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*-1\r\n",
}

func TestATruncatedReplyIsAnError(t *testing.T) {
	for _, whole := range wholeReplies {
		if batch, _, err := decodeEntries([]byte(whole)); err != nil || len(batch) == 0 {
			t.Errorf("%q: %v, %v", whole, batch, err)
		}
		for n := range whole {
			if batch, _, err := decodeEntries([]byte(whole[:n])); err == nil {
				t.Errorf("%q: %v and no error", whole[:n], batch)
			}
		}
		if _, _, err := decodeEntries([]byte(whole + "*0\r\n")); err == nil {
			t.Errorf("%q and more: no error", whole)
		}
	}
}

func TestANullReplyIsEmpty(t *testing.T) {
	for _, nothing := range []string{"*-1\r\n", "_\r\n", "$-1\r\n", "*0\r\n", "%0\r\n"} {
		if batch, _, err := decodeEntries([]byte(nothing)); err != nil || len(batch) > 0 {
			t.Errorf("%q: entries %v, %v", nothing, batch, err)
		}
		if batch, err := decodePopped(nil, []byte(nothing)); err != nil || len(batch) > 0 {
			t.Errorf("%q: popped %v, %v", nothing, batch, err)
		}
	}
}

func TestADeletedEntryHasNoFields(t *testing.T) {
	batch, _, err := decodeEntries([]byte(wholeReplies[2]))
	want := []Delivery{newDelivery("1-1", nil, 1)}
	if diff := cmp.Diff(want, batch, inside); diff != "" || err != nil {
		t.Errorf("%v, unlike the library:\n%s", err, diff)
	}
}

// Redis no longer has popped records, so they are returned whatever follows.
func TestPoppedRecordsBeforeAFaultAreReturned(t *testing.T) {
	batch, err := decodePopped([]Delivery{{Body: []byte("first")}}, []byte("*3\r\n$1\r\na\r\n$1\r\nb\r\n:1\r\n"))
	if err == nil || len(batch) != 3 || string(batch[2].Body) != "b" {
		t.Errorf("%v, %v", batch, err)
	}
}

// inside compares deliveries without their size in the reply, which the library does
// not tell.
var inside = cmp.Options{cmp.AllowUnexported(Delivery{}), cmpopts.IgnoreFields(Delivery{}, "wireBytes"), cmpopts.EquateEmpty()}

func FuzzReply(f *testing.F) {
	for _, whole := range wholeReplies {
		f.Add([]byte(whole))
	}
	for _, odd := range []string{"", "*", "*1\r\n", "*999999999999999999999\r\n", "%9223372036854775807\r\n", "*-2\r\n", "$5\r\nab\r\n", "*1\r\n$9\r\n1\r\n"} {
		f.Add([]byte(odd))
	}
	f.Fuzz(func(t *testing.T, reply []byte) {
		before := string(reply)
		batch, _, err := decodeEntries(reply)
		if err != nil && batch != nil {
			t.Errorf("%d entries and %v", len(batch), err)
		}
		bodies, _ := decodePopped(nil, reply)
		for _, d := range append(batch, bodies...) {
			_ = append(d.Body, "more"...)
		}
		if string(reply) != before {
			t.Error("appending to a body has changed the reply")
		}
	})
}

// FuzzEntriesAgainstTheLibrary decodes replies of a server in both
// protocols.
func FuzzEntriesAgainstTheLibrary(f *testing.F) {
	server := env.AnyRedis(f)
	clients := map[string]redis.UniversalClient{}
	for group, protocol := range map[string]int{"resp2": 2, "resp3": 3} {
		client := redis.NewClient(&redis.Options{Addr: server.Addr, Protocol: protocol})
		f.Cleanup(func() { _ = client.Close() })
		clients[group] = client
	}
	f.Add("data", `{"customerId":"a"}`, "origin", "1-1", "admitAt", "1700000000000")
	f.Add("data", "", "traceparent", "00-1-2-01", "admitAt", "-5")
	f.Add("data", "first", "data", "last\r\n", "admitAt", "+7")
	f.Add("body", "\x00\xff\r\n$3\r\n", "", "", "other", "*1\r\n")
	f.Fuzz(func(t *testing.T, name1, value1, name2, value2, name3, value3 string) {
		ctx := t.Context()
		direct := clients["resp2"]
		must(t, direct.Del(ctx, "s").Err())
		for _, fields := range [][]any{{name1, value1, name2, value2, name3, value3}, {name3, value1}, {name2, value3, name1, value2}} {
			must(t, direct.XAdd(ctx, &redis.XAddArgs{Stream: "s", Values: fields}).Err())
		}
		want := libraryEntries(ctx, t, direct, "typed")
		for group, client := range clients {
			if diff := cmp.Diff(want, libraryEntries(ctx, t, client, "typed "+group), inside); diff != "" {
				t.Errorf("the library's readings differ:\n%s", diff)
			}
			must(t, client.XGroupCreate(ctx, "s", group, "0").Err())
			reply, err := redisconn.Raw(ctx, client, 0, 5, "xreadgroup", "group", group, "c", "streams", "s", ">")
			must(t, err)
			got, _, err := decodeEntries(reply)
			must(t, err)
			if diff := cmp.Diff(want, got, inside); diff != "" {
				t.Errorf("%s (-library +ours):\n%s", group, diff)
			}
		}
	})
}

// libraryEntries are the entries as the library decodes the reply.
func libraryEntries(ctx context.Context, t *testing.T, client redis.UniversalClient, group string) []Delivery {
	must(t, client.XGroupCreate(ctx, "s", group, "0").Err())
	reply, err := client.Do(ctx, "xreadgroup", "group", group, "c", "streams", "s", ">").Result()
	must(t, err)
	return typedStreams(reply)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func BenchmarkEntries(b *testing.B) {
	var reply strings.Builder
	body := strings.Repeat("x", 200)
	fmt.Fprintf(&reply, "*1\r\n*2\r\n$1\r\ns\r\n*500\r\n")
	for i := range 500 {
		id := fmt.Sprintf("%d-%d", time.Now().UnixMilli(), i)
		fmt.Fprintf(&reply, "*2\r\n$%d\r\n%s\r\n*2\r\n$4\r\ndata\r\n$%d\r\n%s\r\n", len(id), id, len(body), body)
	}
	raw := []byte(reply.String())
	b.ReportAllocs()
	for b.Loop() {
		if batch, _, err := decodeEntries(raw); err != nil || len(batch) != 500 {
			b.Fatal(err)
		}
	}
}
