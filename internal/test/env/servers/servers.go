// Package servers records which tests ran on which servers, across the test
// binaries of several packages.
package servers

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// Server is the name of a server in the summary.
type Server string

// The servers that a test may use.
const (
	LocalRedis     Server = "redis-server (local)"
	ContainerRedis Server = "redis (container)"
	ForeignRedis   Server = "redis (REDIS_URL)"
	EmbeddedRedis  Server = "miniredis (embedded)"
	ContainerMongo Server = "MongoDB (container)"
	EmbeddedMongo  Server = "FerretDB (embedded)"
	ProcessMongo   Server = "FerretDB (process)"
)

// Missing stands for the server of a skipped test.
const Missing Server = "skipped without redis-server"

// known is the order of the summary, which lists unused servers too.
var known = []Server{LocalRedis, ContainerRedis, ForeignRedis, EmbeddedRedis, ContainerMongo, EmbeddedMongo, ProcessMongo}

// Note appends to the file that a test used a server: one line with the
// package's directory, the top-level test's name and the server, in one write,
// so that several processes may share the file.
func Note(file, dir, test string, server Server) error {
	out, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	test, _, _ = strings.Cut(test, "/")
	_, err = fmt.Fprintf(out, "%s\t%s\t%s\n", dir, test, server)
	return errors.Join(err, out.Close())
}

// Summary returns one line with the number of tests that used each server. A
// test counts once per server.
func Summary(notes io.Reader) (string, error) {
	counts, err := count(notes)
	if err != nil {
		return "", err
	}
	parts := make([]string, 0, len(known)+1)
	for _, server := range known {
		parts = append(parts, fmt.Sprintf("%d %s", counts[server], server))
	}
	if n := counts[Missing]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d %s", n, Missing))
	}
	return "tests by server: " + strings.Join(parts, ", "), nil
}

func count(notes io.Reader) (map[Server]int, error) {
	counts, seen := map[Server]int{}, map[string]bool{}
	lines := bufio.NewScanner(notes)
	for lines.Scan() {
		line := lines.Text()
		server := Server(line[strings.LastIndexByte(line, '\t')+1:])
		if strings.Count(line, "\t") != 2 {
			return nil, fmt.Errorf("%q is not a line of the server tally", line)
		}
		if !seen[line] {
			seen[line] = true
			counts[server]++
		}
	}
	return counts, lines.Err()
}
