package main_test

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/xuri/excelize/v2"

	"ingestion/internal/test/env"
)

// many is a file of many records, some of which are on two lines or faulty.
type many struct {
	name    string
	records int
	args    []string
	write   func(t *testing.T, w io.Writer, records int)
	lines   func(i int) int // on which record i is; the first is 0
	header  int             // lines of the header
}

func isFaulty(i int) bool { return i%997 == 500 }

func onTwoLines(i int) bool { return i%778 == 300 }

// followed reports whether a blank line comes after a record.
func followed(i int) bool { return i%1001 == 700 }

func manyBody(i int) string {
	name := "A"
	if onTwoLines(i) {
		name = `A\u000aB`
	}
	return fmt.Sprintf(`{"customerId":"c%d","name":"%s","email":"a@quillmarsh.net","createdAt":"2024"}`, i, name)
}

func manyCSV(_ *testing.T, w io.Writer, records int) {
	fmt.Fprintln(w, "customerId,name,email,createdAt")
	for i := range records {
		name, end := "A", ""
		if onTwoLines(i) {
			name = "\"A\nB\""
		}
		if isFaulty(i) {
			end = ",x"
		}
		if followed(i) {
			end += "\n"
		}
		fmt.Fprintf(w, "c%d,%s,a@quillmarsh.net,2024%s\n", i, name, end)
	}
}

func manyObjects(_ *testing.T, w io.Writer, records int) {
	for i := range records {
		body, end := manyBody(i), ""
		if isFaulty(i) {
			body = fmt.Sprintf(`{"customerId":"c%d"}`, i)
		}
		if followed(i) {
			end = "\n"
		}
		fmt.Fprintf(w, "%s\n%s", body, end)
	}
}

func manyCells(t *testing.T, w io.Writer, records int) {
	f := excelize.NewFile()
	defer f.Close()
	s, err := f.NewStreamWriter("Sheet1")
	check := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	check(err)
	check(s.SetRow("A1", []any{"customerId", "name", "email", "createdAt"}))
	row := 1
	for i := range records {
		row++
		name, email := "A", "a@quillmarsh.net"
		if onTwoLines(i) {
			name = "A\nB"
		}
		if isFaulty(i) {
			email = "nowhere"
		}
		check(s.SetRow(fmt.Sprintf("A%d", row), []any{fmt.Sprintf("c%d", i), name, email, "2024"}))
		if followed(i) {
			row++
		}
	}
	check(s.Flush())
	check(f.Write(w))
}

func packed(write func(*testing.T, io.Writer, int)) func(*testing.T, io.Writer, int) {
	return func(t *testing.T, w io.Writer, records int) {
		z := gzip.NewWriter(w)
		write(t, z, records)
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// path writes the file.
func (m many) path(t *testing.T) string {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), m.name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	m.write(t, w, m.records)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}

// one and two are the lines of a record, without and with the line ends in its name.
func one(int) int { return 1 }

func two(i int) int {
	if onTwoLines(i) {
		return 2
	}
	return 1
}

// TestInterruptionsAreExact loads files of a million records and less. Signals end the
// load several times, and it continues where it says. Each record must then be in the
// queue once, in order and with its line, and each faulty row in the rejects once.
func TestInterruptionsAreExact(t *testing.T) {
	for _, m := range []many{
		{name: "many.csv", records: 1_000_000, write: manyCSV, lines: two, header: 1},
		{name: "many.csv.gz", records: 200_000, write: packed(manyCSV), lines: two, header: 1},
		{name: "many.ndjson", records: 200_000, args: []string{"--validate"}, write: manyObjects, lines: one},
		{name: "many.ndjson.gz", records: 200_000, args: []string{"--validate"}, write: packed(manyObjects), lines: one},
		{name: "many.xlsx", records: 20_000, args: []string{"--validate", "--rate", "20000"}, write: manyCells, lines: one, header: 1},
	} {
		t.Run(m.name, func(t *testing.T) {
			server := env.Redis(t, env.WithConfig("appendonly", "no"))
			client := server.Client(t)
			path, rejects := m.path(t), filepath.Join(t.TempDir(), "rejects")
			next, interrupted := "1", 0
			for done := false; !done; {
				before := client.XLen(t.Context(), "s").Val()
				args := append([]string{"load", path, "--from-line", next, "--rejects", rejects, "--allow-invalid", "100%"}, m.args...)
				p := run(t, server.URL(), []string{"RATE_LIMIT_LIMIT=0"}, args...)
				if interrupted < 4 {
					env.Eventually(t, soon, func() (bool, string) {
						n := client.XLen(t.Context(), "s").Val()
						return n > before+int64(m.records)/10, fmt.Sprintf("%d records are queued\n%s", n, p.Stderr())
					})
					p.Signal([]syscall.Signal{syscall.SIGINT, syscall.SIGTERM}[interrupted%2])
					interrupted++
				}
				switch code := p.Wait(soon); code {
				case 0:
					done = true
				case 1:
					found := resume.FindStringSubmatch(p.Stderr())
					if found == nil {
						t.Fatalf("no line to continue from:\n%s", p.Stderr())
					}
					next = found[1]
				default:
					t.Fatalf("exit code %d\n%s", code, p.Stderr())
				}
			}
			if next == "1" {
				t.Error("it was never interrupted")
			}
			m.verify(t, client, rejects)
		})
	}
}

// verify compares the queue and the rejects with the file.
func (m many) verify(t *testing.T, client *redis.Client, rejects string) {
	t.Helper()
	var rejected, wantRejected []string
	reasons, err := csv.NewReader(strings.NewReader(content(t, rejects+".reasons"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range reasons[1:] {
		rejected = append(rejected, row[1])
	}
	next := entries(t, client)
	line := 1 + m.header
	for i := range m.records {
		if isFaulty(i) {
			wantRejected = append(wantRejected, fmt.Sprint(line))
		} else if e := next(); e == nil || e["data"] != manyBody(i) || e["source"] != fmt.Sprintf("%s:%d", m.name, line) {
			t.Fatalf("record %d, on line %d, is %v", i, line, e)
		}
		line += m.lines(i)
		if followed(i) {
			line++
		}
	}
	if e := next(); e != nil {
		t.Errorf("there is more: %v", e)
	}
	if !slices.Equal(rejected, wantRejected) {
		t.Errorf("the lines %v are rejected, want %v", rejected, wantRejected)
	}
}

// entries returns a function that returns the entries of the stream one by one, and
// nil at its end.
func entries(t *testing.T, client *redis.Client) func() map[string]any {
	from := "-"
	var page []redis.XMessage
	return func() map[string]any {
		t.Helper()
		if len(page) == 0 {
			var err error
			if page, err = client.XRangeN(t.Context(), "s", from, "+", 10_000).Result(); err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				return nil
			}
			from = "(" + page[len(page)-1].ID
		}
		e := page[0]
		page = page[1:]
		return e.Values
	}
}

// TestInterruptedAtFullSpeedDuringAnOutage stops Redis during a load, and then the load.
// What is continued must follow what is confirmed: the records whose confirmation was
// lost, at most those in flight, are queued again, and no others.
func TestInterruptedAtFullSpeedDuringAnOutage(t *testing.T) {
	const inFlight = 2 * 500
	m := many{name: "many.ndjson", records: 200_000, write: manyObjects, lines: one}
	server := env.Redis(t)
	client := server.Client(t)
	path := m.path(t)
	p := run(t, server.URL(), nil, "load", path, "--source=")
	env.Eventually(t, soon, func() (bool, string) {
		n := client.XLen(t.Context(), "s").Val()
		return n > int64(m.records)/10, fmt.Sprintf("%d records are queued", n)
	})
	server.Stop()
	p.WaitForLine(soon, func(line string) bool { return strings.Contains(line, `"retrying"`) })
	p.Signal(syscall.SIGINT)
	wantExit(t, p, 1)
	found := resume.FindStringSubmatch(p.Stderr())
	if found == nil {
		t.Fatalf("no line to continue from:\n%s", p.Stderr())
	}
	server.Start()
	queued := int(client.XLen(t.Context(), "s").Val())
	wantExit(t, run(t, server.URL(), nil, "load", path, "--source=", "--from-line", found[1]), 0)
	var next int // record on the line to continue from
	fmt.Sscan(found[1], &next)
	line, first := 1, 0
	for ; line < next; first++ {
		line++
		if followed(first) {
			line++
		}
	}
	if queued < first || queued > first+inFlight {
		t.Fatalf("%d records are queued, and it continues from record %d", queued, first+1)
	}
	all := entries(t, client)
	for _, part := range [][2]int{{0, queued}, {first, m.records}} {
		for i := part[0]; i < part[1]; i++ {
			if e := all(); e == nil || !strings.HasPrefix(e["data"].(string), fmt.Sprintf(`{"customerId":"c%d"`, i)) {
				t.Fatalf("record %d is %v", i, e)
			}
		}
	}
}
