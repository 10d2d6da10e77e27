package logging_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"ingestion/internal/logging"
	"ingestion/internal/test/need"
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

// Whoever sends a body chooses the values, which must not control the terminal or
// reorder the text on it.
func TestNoValueControlsATerminal(t *testing.T) {
	const hostile = "a\x00b\x07\x1b[2J \u009b31m\u202egnp.exe\u2066 \\x1b[2J"
	for _, format := range []string{"json", "text"} {
		for _, terminal := range []bool{true, false} {
			var out bytes.Buffer
			logging.New(&out, format, slog.LevelInfo, terminal).Info("x", "raw", hostile, "customerId", "\x1b[2Jhidden", "_id", "\u202e")
			line := out.String()
			if format == "text" && terminal {
				line = colours.ReplaceAllString(line, "")
			}
			if i := strings.IndexFunc(line, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); i >= 0 {
				t.Errorf("%s, terminal %v: %q has a control character at %d", format, terminal, line, i)
			}
		}
	}
}

// colours matches the escape sequences of the text format itself.
var colours = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// Nothing is lost in the JSON format.
func TestEscapedValuesKeepTheirMeaning(t *testing.T) {
	const value = "\x1b\u009b\u202e\u2067\u061c é 世 \u200d"
	var out bytes.Buffer
	logging.New(&out, "json", slog.LevelInfo, true).Info("x", "raw", value)
	var line struct{ Raw string }
	if err := json.Unmarshal(out.Bytes(), &line); err != nil || line.Raw != value {
		t.Errorf("%v: %q from %s", err, line.Raw, out.String())
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

func TestColour(t *testing.T) {
	for _, c := range []struct {
		noColor, term    string
		terminal, colour bool
	}{{"", "xterm", true, true}, {"1", "xterm", true, false}, {"", "dumb", true, false}, {"", "xterm", false, false}} {
		t.Setenv("NO_COLOR", c.noColor)
		t.Setenv("TERM", c.term)
		var out bytes.Buffer
		logging.New(&out, "text", slog.LevelInfo, c.terminal).Warn("duplicate")
		if colour := strings.Contains(out.String(), "\x1b["); colour != c.colour || !strings.Contains(out.String(), "duplicate") {
			t.Errorf("%+v: %q", c, out.String())
		}
	}
}

func TestOnlyATerminalThatIsNotDumbRedraws(t *testing.T) {
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		need.Skip(t, "needs a terminal: %v", err)
	}
	defer terminal.Close()
	for term, want := range map[string]bool{"xterm": true, "dumb": false} {
		t.Setenv("TERM", term)
		if got := logging.CanRedraw(terminal); got != want {
			t.Errorf("with TERM=%s: %t", term, got)
		}
		if logging.CanRedraw(&bytes.Buffer{}) {
			t.Errorf("with TERM=%s: a file is redrawn", term)
		}
	}
}
