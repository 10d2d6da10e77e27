package inspect_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Refusals of a time are known if they leave dead letters, all of that time were looked at, and none of that time is
// gone since.
func TestHowManyWereRefused(t *testing.T) {
	tr, client := tracer(t)
	at := func(second int) time.Time { return time.UnixMilli(int64(second) * 1000) }
	letter := func(second int, customer string) {
		t.Helper()
		id := fmt.Sprintf("%d-0", second*1000)
		body := `{"customerId":"` + customer + `","name":"Ada","email":"a@b.co","createdAt":"2026"}`
		must(t, client.XAdd(t.Context(), &redis.XAddArgs{Stream: "{s}:dead", ID: id, Values: []any{"event", "rate_limited", "streamId", id, "data", body}}).Err())
	}
	want := func(what string, from, to, n int, exact bool) {
		t.Helper()
		w, err := tr.ReadWindow(t.Context(), "42")
		must(t, err)
		must(t, w.RefusalsErr)
		if got, known := w.Refused.Between(at(from), at(to)); got != n || known != exact {
			t.Errorf("%s, from %d s to %d s: %d, exact %v; want %d, %v", what, from, to, got, known, n, exact)
		}
	}
	want("none is kept", 0, 100, 0, false)
	tr.KeepsRefused = true
	want("none was written", 0, 100, 0, true)
	for second := 1; second <= 30; second++ {
		letter(second, "42")
	}
	want("all are there", 0, 100, 30, true) // more than are listed
	want("all are there", 3, 5, 2, true)

	must(t, client.XDel(t.Context(), "{s}:dead", "10000-0").Err()) // replayed
	want("one was replayed", 9, 12, 2, false)
	want("one was replayed", 11, 12, 1, true)
	want("one was replayed", 40, 50, 0, true)
	must(t, client.XTrimMinID(t.Context(), "{s}:dead", "20000").Err())
	want("others were trimmed", 15, 25, 5, false)
	want("others were trimmed", 20, 25, 5, true)

	for second := 1000; second < 1000+2000; second++ {
		letter(second, "43")
	}
	want("not all were looked at", 20, 30, 0, false)
	want("not all were looked at", 1500, 1600, 0, true)
	must(t, client.XTrimMaxLen(t.Context(), "{s}:dead", 0).Err())
	want("all were trimmed", 2000, 2100, 0, false)
	want("all were trimmed", 4000, 4100, 0, true)

	must(t, client.Del(t.Context(), "{s}:dead").Err())
	must(t, client.Set(t.Context(), "{s}:dead", "x", 0).Err())
	w, err := tr.ReadWindow(t.Context(), "42")
	must(t, err)
	if n, exact := w.Refused.Between(at(0), at(1)); w.RefusalsErr == nil || n != 0 || exact || w.Refused.Kept() {
		t.Errorf("unreadable: %d, %v", n, exact)
	}
}
