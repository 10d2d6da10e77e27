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

// TestIdleWorkerSendsFewCommands counts the calls of an idle worker and the
// commands that Redis executes for it, including those in scripts.
func TestIdleWorkerSendsFewCommands(t *testing.T) {
	t.Parallel()
	for _, partitions := range []int{1, 8} {
		t.Run(fmt.Sprint(partitions), func(t *testing.T) {
			t.Parallel()
			const n = 100
			f := simple(19, n)
			r := newHarness(t, stream, fmt.Sprintf("STREAM_PARTITIONS=%d", partitions))
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
			watch(t, r.redis.Addr, 5*time.Second) // until the start is over
			const span = 15 * time.Second
			heard := watch(t, r.redis.Addr, span)
			calls, commands := float64(heard.calls)/span.Seconds(), float64(heard.commands)/span.Seconds()
			t.Logf("%d partitions: %.1f calls and %.1f commands a second: %v", partitions, calls, commands, heard.byName)
			most := float64(6 + partitions - 1)
			if calls > most {
				t.Errorf("%d partitions: %.1f calls a second, want at most %.0f", partitions, calls, most)
			}
			const mostCommands = 20 // two or so of them for the history and the list of workers
			if partitions == 1 && commands > mostCommands {
				t.Errorf("Redis executes %.1f commands a second, want at most %d", commands, mostCommands)
			}
			r.client = r.redis.Client(t)
			r.stop(worker)
		})
	}
}

// traffic counts the commands that a Redis received.
type traffic struct {
	calls    int // by clients
	commands int // including those in scripts
	byName   map[string]int
}

// monitored matches a line of MONITOR: the client and the command.
var monitored = regexp.MustCompile(`^\+\d+\.\d+ \[\d+ (\S+)\] "(\w+)"`)

// watch monitors the commands of all clients for a while.
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
