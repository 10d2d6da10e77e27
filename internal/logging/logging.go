// Package logging provides the service's loggers: JSON lines for programs, text for
// people. A logger's message is the name of the event.
package logging

import (
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/lmittmann/tint"
	"golang.org/x/term"
)

// TimeLayout is the format of times in logs and dead letters: RFC 3339 with
// milliseconds. Times must be in UTC.
const TimeLayout = "2006-01-02T15:04:05.000Z07:00"

// eventKey replaces slog's "msg".
const eventKey = "event"

// New returns a logger that writes to w. The format is json, text, or auto, which
// means text if terminal is true and json otherwise. Text is coloured if terminal
// is true, unless the environment has NO_COLOR or TERM=dumb. JSON lines have the keys
// timestamp (UTC, in ms), level (lower case) and event, then the attributes of the
// call. Control characters in values are escaped in both formats. The handler for
// JSON also has a method
// Lines, which writes many events at once.
func New(w io.Writer, format string, level slog.Level, terminal bool) *slog.Logger {
	if format == "text" || format == "auto" && terminal {
		return slog.New(tint.NewTextHandler(w, &tint.Options{
			Level:      level,
			TimeFormat: "15:04:05.000",
			NoColor:    !terminal || os.Getenv("NO_COLOR") != "" || isDumb(),
			ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Value.Kind() == slog.KindString {
					a.Value = slog.StringValue(showEscapes.Replace(a.Value.String()))
				}
				return a
			},
		}))
	}
	return slog.New(newJSONHandler(w, level))
}

// IsTerminal reports whether w is a terminal.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// TerminalWidth returns the number of columns of the terminal w, 0 if w is none.
func TerminalWidth(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// CanRedraw reports whether w is a terminal on which a line can be overwritten, which
// those with TERM=dumb can't.
func CanRedraw(w io.Writer) bool { return IsTerminal(w) && !isDumb() }

func isDumb() bool { return os.Getenv("TERM") == "dumb" }

// rename is the ReplaceAttr function for our keys and values.
func rename(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	switch a.Key {
	case slog.TimeKey:
		if t, ok := a.Value.Any().(time.Time); ok {
			return slog.String("timestamp", t.UTC().Format(TimeLayout))
		}
	case slog.LevelKey:
		if l, ok := a.Value.Any().(slog.Level); ok {
			return slog.String("level", levelName(l))
		}
	case slog.MessageKey:
		a.Key = eventKey
	}
	return a
}

func levelName(l slog.Level) string {
	switch {
	case l > slog.LevelError:
		return "critical"
	case l == slog.LevelError:
		return "error"
	case l == slog.LevelWarn:
		return "warn"
	case l == slog.LevelInfo:
		return "info"
	default:
		return strings.ToLower(l.String())
	}
}
