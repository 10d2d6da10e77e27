package console_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// watcher is an open page, without a browser: it reads what the console sends it, and does with it what live.mjs does.
type watcher struct {
	lines   *bufio.Scanner
	close   func()
	page    string // its address
	fetches int    // how often it was fetched again
}

// watch opens a page, and the stream of live values that it reads.
func (r *rig) watch(path string) *watcher {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	must(r.t, fetch(ctx, r.url+path))
	request, err := http.NewRequestWithContext(ctx, "GET", r.url+live, nil)
	must(r.t, err)
	answer, err := http.DefaultClient.Do(request)
	must(r.t, err)
	if kind := answer.Header.Get("Content-Type"); kind != "text/event-stream" {
		r.t.Fatalf("%s is %s, status %d", live, kind, answer.StatusCode)
	}
	w := &watcher{lines: bufio.NewScanner(answer.Body), close: func() { cancel(); _ = answer.Body.Close() }, page: r.url + path}
	w.lines.Buffer(nil, 1<<20)
	r.t.Cleanup(w.close)
	return w
}

// fetch asks for a page, and reads it.
func fetch(ctx context.Context, address string) error {
	request, err := http.NewRequestWithContext(ctx, "GET", address, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err = io.Copy(io.Discard, answer.Body); err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: status %d", address, answer.StatusCode)
	}
	return err
}

// live is the address of the live values.
const live = "live"

// next waits for n snapshots.
func (w *watcher) next(t testing.TB, n int) {
	t.Helper()
	for n > 0 {
		if !w.lines.Scan() {
			t.Fatalf("the live values end: %v", w.lines.Err())
		}
		if w.take(t.Context(), w.lines.Text()) {
			n--
		}
	}
}

// take reads a line, and fetches the page again if that says so. It reports whether there was a snapshot in it.
func (w *watcher) take(ctx context.Context, line string) bool {
	if line == "event: renew" && fetch(ctx, w.page) == nil {
		w.fetches++
	}
	return strings.HasPrefix(line, "data:")
}

// watchedScreens are those that open pages are of, in turn.
var watchedScreens = []string{"", "queue", "?span=day"}

// open opens n pages of several screens, and returns one of them, of the overview. The others are read too.
func (r *rig) open(n int) *watcher {
	r.t.Helper()
	first := r.watch(watchedScreens[0])
	first.next(r.t, 1)
	for i := range n - 1 {
		w := r.watch(watchedScreens[(i+1)%len(watchedScreens)])
		w.next(r.t, 1)
		ctx := r.t.Context()
		go func() {
			for w.lines.Scan() {
				w.take(ctx, w.lines.Text())
			}
		}()
	}
	return first
}

// calls is how many commands Redis has executed, apart from those that ask.
func (r *rig) calls() (total int) {
	r.t.Helper()
	info, err := r.client.Info(r.t.Context(), "commandstats").Result()
	must(r.t, err)
	for _, m := range regexp.MustCompile(`cmdstat_([^:]+):calls=(\d+)`).FindAllStringSubmatch(info, -1) {
		if n, _ := strconv.Atoi(m[2]); m[1] != "info" {
			total += n
		}
	}
	return total
}

// Fifty open pages of several screens ask Redis for as much as one of each does, also since they fetch their tables and
// charts again.
func TestFiftyPagesCostAsMuchAsOne(t *testing.T) {
	r := newRig(t)
	r.plant()
	r.serve()
	const snapshots = 11 // in which a page is fetched twice
	cost := func(pages int) int {
		page := r.open(pages)
		before := r.calls()
		page.next(t, snapshots)
		if page.fetches == 0 {
			t.Errorf("%d pages: none was fetched again", pages)
		}
		return r.calls() - before
	}
	few, fifty := cost(len(watchedScreens)), cost(50)
	t.Logf("commands for %d snapshots: %d of one page of each screen, %d of fifty", snapshots, few, fifty)
	if few == 0 || fifty > 2*few {
		t.Errorf("one page of each screen causes %d commands, fifty cause %d", few, fifty)
	}
}

// BenchmarkOpenPages measures what pages cost Redis that are open on 1,024,000 entries, of which
// 64,000 are pending: their live values, and the tables and charts that they fetch again. One operation is one
// snapshot: with fewer than 20 of them, not all that pages fetch is among them. cpu-% is of one core.
//
//	go test ./test/console -run '^$' -bench OpenPages -benchtime 60x
func BenchmarkOpenPages(b *testing.B) {
	for _, partitions := range []int{2, 16, 64} {
		r := newRigOf(b, partitions)
		r.fill(1_024_000, 64_000)
		r.serve()
		for _, pages := range []int{1, 50} {
			b.Run(fmt.Sprintf("partitions=%d/pages=%d", partitions, pages), func(b *testing.B) {
				r := &rig{t: b, client: r.client, url: r.url}
				page := r.open(pages)
				page.next(b, 2)
				before, begun := r.cpu(), time.Now()
				b.ResetTimer()
				page.next(b, b.N)
				b.StopTimer()
				used := (r.cpu() - before).Seconds()
				b.ReportMetric(100*used/time.Since(begun).Seconds(), "cpu-%")
				b.ReportMetric(1000*used/float64(b.N), "redis-ms/op")
			})
		}
	}
}

// cpu is the processor time that Redis has used.
func (r *rig) cpu() (used time.Duration) {
	r.t.Helper()
	info, err := r.client.Info(r.t.Context(), "cpu").Result()
	must(r.t, err)
	for _, m := range regexp.MustCompile(`used_cpu_(?:sys|user):([0-9.]+)`).FindAllStringSubmatch(info, -1) {
		seconds, err := strconv.ParseFloat(m[1], 64)
		must(r.t, err)
		used += time.Duration(seconds * float64(time.Second))
	}
	return used
}

// fill queues entries evenly on all partitions, and leaves the first ones pending.
func (r *rig) fill(entries, pending int) {
	r.t.Helper()
	const step = 1000
	body := person("globex", 1)
	for partition, key := range r.keys {
		for range entries / len(r.keys) / step {
			_, err := r.client.Pipelined(r.t.Context(), func(p redis.Pipeliner) error {
				for range step {
					p.XAdd(r.t.Context(), &redis.XAddArgs{Stream: key, Values: []any{"data", body}})
				}
				return nil
			})
			must(r.t, err)
		}
		for range pending / len(r.keys) / step {
			r.receive(partition, step)
		}
	}
}
