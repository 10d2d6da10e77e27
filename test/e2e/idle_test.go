package e2e_test

import (
	"bufio"
	"fmt"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestAnIdleWorkerAsksLittle counts what a worker sends while nothing comes,
// and what Redis runs for it, the commands within scripts included.
func TestAnIdleWorkerAsksLittle(t *testing.T) {
	t.Parallel()
	for _, partitions := range []int{1, 8} {
		t.Run(fmt.Sprint(partitions), func(t *testing.T) {
			t.Parallel()
			const n = 100
			f := simple(19, n)
			r := newRig(t, stream, fmt.Sprintf("STREAM_PARTITIONS=%d", partitions))
			if partitions == 1 {
				r.feed(f)
			} else {
				for i, s := range f.records {
					r.feedPartition(i%partitions, i, s.body)
				}
			}
			worker := r.start()
			r.awaitTotal(n)
			r.client.Close()
			watch(t, r.redis.Addr, 5*time.Second) // it comes to rest
			const span = 15 * time.Second
			heard := watch(t, r.redis.Addr, span)
			calls, commands := float64(heard.calls)/span.Seconds(), float64(heard.commands)/span.Seconds()
			t.Logf("%d partitions: %.1f calls and %.1f commands a second: %v", partitions, calls, commands, heard.byName)
			most := float64(5 + partitions - 1)
			if calls > most {
				t.Errorf("%d partitions: %.1f calls a second, want %.0f at most", partitions, calls, most)
			}
			if partitions == 1 && commands > 15 {
				t.Errorf("Redis runs %.1f commands a second, want 15 at most", commands)
			}
			r.client = r.redis.Client(t)
			r.stop(worker)
		})
	}
}

// traffic is what a Redis was asked for.
type traffic struct {
	calls    int // by clients
	commands int // those within scripts included
	byName   map[string]int
}

// monitored is a line of MONITOR: who asked, and for what.
var monitored = regexp.MustCompile(`^\+\d+\.\d+ \[\d+ (\S+)\] "(\w+)"`)

// watch listens for a while to what all clients send.
func watch(t *testing.T, addr string, span time.Duration) traffic {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("MONITOR\r\n")); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(span))
	heard := traffic{byName: map[string]int{}}
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		m := monitored.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		heard.commands++
		name := strings.ToLower(m[2])
		if m[1] != "lua" {
			heard.calls++
			name = "=" + name
		}
		heard.byName[name]++
	}
	return heard
}
