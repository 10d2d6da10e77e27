package logging_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"ingestion/internal/logging"
)

func TestJSONLines(t *testing.T) {
	var out bytes.Buffer
	log := logging.New(&out, "auto", slog.LevelInfo, false)
	log.Debug("hidden")
	log.Warn("duplicate", "status", "success", "level", 7)
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	if line["event"] != "duplicate" || line["status"] != "success" {
		t.Errorf("line %v", line)
	}
	if stamp, _ := line["timestamp"].(string); !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`).MatchString(stamp) {
		t.Errorf("timestamp %q", stamp)
	}
	if !strings.Contains(out.String(), `"level":"warn"`) {
		t.Errorf("level in %s", out.String())
	}
}

func TestLevels(t *testing.T) {
	for level, want := range map[slog.Level]string{
		slog.LevelDebug: "debug", slog.LevelInfo: "info", slog.LevelWarn: "warn", slog.LevelError: "error", slog.LevelError + 4: "critical",
	} {
		var out bytes.Buffer
		logging.New(&out, "json", slog.LevelDebug, true).Log(t.Context(), level, "x")
		if !strings.Contains(out.String(), `"level":"`+want+`"`) {
			t.Errorf("%v is written as %s", level, out.String())
		}
	}
}

func TestFormats(t *testing.T) {
	for _, c := range []struct {
		format         string
		terminal, text bool
	}{{"auto", true, true}, {"auto", false, false}, {"text", false, true}, {"json", true, false}} {
		var out bytes.Buffer
		logging.New(&out, c.format, slog.LevelInfo, c.terminal).Info("ingested")
		if isJSON := strings.HasPrefix(out.String(), "{"); isJSON == c.text {
			t.Errorf("%+v: %q", c, out.String())
		}
	}
}

// chunks records the writes it gets.
type chunks struct {
	mu     sync.Mutex
	writes []string
	err    error
	wrote  chan struct{}
}

func (c *chunks) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writes = append(c.writes, string(p))
	if c.wrote != nil {
		close(c.wrote)
		c.wrote = nil
	}
	return len(p), c.err
}

func (c *chunks) all() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.writes...)
}

func write(t *testing.T, b *logging.Buffer, lines ...string) {
	t.Helper()
	for _, l := range lines {
		if n, err := b.Write([]byte(l)); err != nil || n != len(l) {
			t.Fatalf("Write: %d, %v", n, err)
		}
	}
}

func TestBufferKeepsLinesWhole(t *testing.T) {
	out := &chunks{}
	b := logging.NewBuffer(out, 10, time.Hour)
	write(t, b, "aaaa\n", "bbbb\n", "cccc\n", "a long long line\n", "d\n")
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	want := "aaaa\nbbbb\n|cccc\n|a long long line\n|d\n"
	if got := strings.Join(out.all(), "|"); got != want {
		t.Errorf("written %q, want %q", got, want)
	}
}

func TestBufferFlushesAfterInterval(t *testing.T) {
	wrote := make(chan struct{})
	b := logging.NewBuffer(&chunks{wrote: wrote}, 1000, time.Millisecond)
	defer b.Close()
	write(t, b, "line\n")
	select {
	case <-wrote:
	case <-time.After(10 * time.Second):
		t.Error("nothing was written")
	}
}

func TestBufferReturnsTheWritersError(t *testing.T) {
	full := errors.New("disk full")
	b := logging.NewBuffer(&chunks{err: full}, 1000, time.Hour)
	write(t, b, "line\n")
	if err := b.Flush(); !errors.Is(err, full) {
		t.Errorf("Flush: %v", err)
	}
	if err := b.Close(); !errors.Is(err, full) {
		t.Errorf("Close after a failed Flush: %v", err)
	}
}
