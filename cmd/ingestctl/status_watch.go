package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/charmbracelet/colorprofile"
	"golang.org/x/term"

	"ingestion/internal/logging"
)

// watchStatus shows the state again and again until ctx ends.
func (o *observer) watchStatus(ctx context.Context, f statusFlags) error {
	tick := time.NewTicker(f.every)
	defer tick.Stop()
	screen := newScreen(o.out)
	for {
		sh := o.read(ctx, f)
		if ctx.Err() != nil {
			return nil
		}
		var err error
		if f.json {
			err = writeStatusJSON(o.out, sh, "")
		} else {
			err = screen.show(sh.Text(screen.height()))
		}
		if err != nil {
			return fmt.Errorf("writing the state: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// screen shows one text after the other: in the same place on a terminal, else below each
// other.
type screen struct {
	w      io.Writer
	styled io.Writer
	fd     int // of the terminal; negative if it is none
	shown  bool
}

func newScreen(w io.Writer) *screen {
	s := &screen{w: w, styled: colorprofile.NewWriter(w, os.Environ()), fd: -1}
	if file, ok := w.(*os.File); ok && logging.CanRedraw(w) {
		s.fd = int(file.Fd())
	}
	return s
}

// height is how many lines fit; 0 if that does not matter.
func (s *screen) height() int {
	if s.fd < 0 {
		return 0
	}
	_, height, err := term.GetSize(s.fd)
	if err != nil {
		return 0
	}
	return height
}

const (
	clearScreen = "\x1b[2J"
	home        = "\x1b[H"
	clearLine   = "\x1b[K"
	clearBelow  = "\x1b[J"
)

func (s *screen) show(text string) error {
	if s.fd < 0 {
		if s.shown {
			text = "\n" + text
		}
		s.shown = true
		_, err := io.WriteString(s.styled, text)
		return err
	}
	begin := home
	if !s.shown {
		begin, s.shown = clearScreen+home, true
	}
	text = strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", clearLine+"\n") + clearLine + clearBelow
	_, err := io.WriteString(s.styled, begin+text)
	return err
}
