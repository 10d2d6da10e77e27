package bench

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"ingestion/bench/internal/load"
	"ingestion/internal/test/env"
	"ingestion/internal/test/need"
)

const (
	queuedRecords = 500_000 // in one run: a second or two
	queueRounds   = 5       // runs of each program, in turn
)

// BenchmarkProducerLoad compares `producer load`, as a process, with redis-benchmark
// sending the same XADD in pipelines of 500 on one connection, in turn on one server.
// It reports the ratio of their medians, with and without the field source.
func BenchmarkProducerLoad(b *testing.B) {
	need.Program(b, "redis-benchmark")
	server := env.Redis(b, env.WithConfig("appendonly", "no"))
	client := server.Client(b)
	path := filepath.Join(b.TempDir(), "customers.ndjson")
	if err := os.WriteFile(path, queueFile(), 0o600); err != nil {
		b.Fatal(err)
	}
	program := env.Build(b, "ingestion/cmd/producer")
	environ := append(os.Environ(), "REDIS_URL="+server.URL(), "QUEUE_MODE=stream", "STREAM_KEY="+streamKey, "RATE_LIMIT_LIMIT=0")
	programs := map[string]func() *exec.Cmd{
		"redis-benchmark":          func() *exec.Cmd { return redisBenchmark(server.Addr) },
		"producer":                 func() *exec.Cmd { return exec.Command(program, "load", path, "--source", "") },
		"producer with the source": func() *exec.Cmd { return exec.Command(program, "load", path) },
	}
	rates := map[string][]float64{}
	for b.Loop() {
		for range queueRounds {
			for name, command := range programs {
				if err := client.Del(context.Background(), streamKey).Err(); err != nil {
					b.Fatal(err)
				}
				cmd := command()
				cmd.Env = environ
				rates[name] = append(rates[name], rateOf(b, cmd))
				if n := client.XLen(context.Background(), streamKey).Val(); n != queuedRecords {
					b.Fatalf("%s queued %d records, want %d", name, n, queuedRecords)
				}
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(rates["redis-benchmark"]), "redis-benchmark/s")
	b.ReportMetric(median(rates["producer"]), "producer/s")
	b.ReportMetric(median(rates["producer"])/median(rates["redis-benchmark"]), "ratio")
	b.ReportMetric(median(rates["producer with the source"])/median(rates["redis-benchmark"]), "ratio-with-source")
}

func queueFile() []byte {
	var text bytes.Buffer
	for i := range queuedRecords {
		fmt.Fprintln(&text, load.Body(i, loadStart, load.Later))
	}
	return text.Bytes()
}

func redisBenchmark(addr string) *exec.Cmd {
	host, port, _ := net.SplitHostPort(addr)
	return exec.Command("redis-benchmark", "-h", host, "-p", port, "-P", "500", "-c", "1", "-n", strconv.Itoa(queuedRecords), "-q",
		"XADD", streamKey, "*", "data", load.Body(12345, loadStart, load.Later))
}

var rateIn = regexp.MustCompile(`([0-9.]+) requests per second|([0-9]+)/s`)

// rateOf runs a program and returns the records per second that it reports at last.
func rateOf(b *testing.B, cmd *exec.Cmd) float64 {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	defer stop()
	out, err := cmd.CombinedOutput()
	found := rateIn.FindAllSubmatch(out, -1)
	if err != nil || len(found) == 0 {
		b.Fatalf("%v: %v\n%s", cmd.Args, err, out[max(0, len(out)-500):])
	}
	last := found[len(found)-1]
	rate, err := strconv.ParseFloat(string(slices.Concat(last[1], last[2])), 64)
	if err != nil {
		b.Fatal(err)
	}
	return rate
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
