// Package terminal is a terminal without a screen, for tests of programs that draw.
package terminal

import (
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
	"golang.org/x/term"

	"ingestion/internal/test/env"
)

// Terminal is a pseudo-terminal with an emulator behind it. Its methods may be called from
// any goroutine, but those that can fail the test only from the test's own.
type Terminal struct {
	// TTY is the end that a program uses.
	TTY *os.File

	t      testing.TB
	master *os.File
	before *term.State

	mu       sync.Mutex
	emulator *vt.Emulator
	raw      strings.Builder
	hidden   bool // the cursor
}

// New opens a terminal of so many columns and lines. It is closed when the test ends.
func New(t testing.TB, columns, lines int) *Terminal {
	t.Helper()
	master, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	e := &Terminal{TTY: tty, t: t, master: master, emulator: vt.NewEmulator(columns, lines)}
	e.emulator.SetCallbacks(vt.Callbacks{CursorVisibility: func(visible bool) { e.hidden = !visible }})
	e.Resize(columns, lines)
	if e.before, err = term.GetState(int(tty.Fd())); err != nil {
		t.Fatal(err)
	}
	var copies sync.WaitGroup
	copies.Go(func() { _, _ = io.Copy(e, master) })                           // what the program writes
	copies.Go(func() { _, _ = io.Copy(master, readerFunc(e.emulator.Read)) }) // what the terminal answers
	t.Cleanup(func() {
		_ = tty.Close()
		_ = master.Close()
		// Not Emulator.Close, which races with Read.
		_ = e.emulator.InputPipe().(io.Closer).Close()
		copies.Wait()
	})
	return e
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// Write draws what the program has written.
func (e *Terminal) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.raw.Write(p)
	return e.emulator.Write(p)
}

// Start starts a program on the terminal, which controls it. The program is killed when the
// test ends. The channel has its end.
func (e *Terminal) Start(cmd *exec.Cmd) <-chan error {
	e.t.Helper()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = e.TTY, e.TTY, e.TTY
	cmd.SysProcAttr = controlled()
	if err := cmd.Start(); err != nil {
		e.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	e.t.Cleanup(func() { _ = cmd.Process.Kill() })
	return done
}

// Resize changes the size, and tells the program.
func (e *Terminal) Resize(columns, lines int) {
	e.t.Helper()
	e.mu.Lock()
	e.emulator.Resize(columns, lines)
	e.mu.Unlock()
	if err := pty.Setsize(e.master, &pty.Winsize{Cols: uint16(columns), Rows: uint16(lines)}); err != nil {
		e.t.Fatal(err)
	}
}

// Type presses keys.
func (e *Terminal) Type(keys string) {
	e.t.Helper()
	if _, err := io.WriteString(e.master, keys); err != nil {
		e.t.Fatal(err)
	}
}

// Screen is what stands on the screen, without spaces at the ends of lines.
func (e *Terminal) Screen() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	lines := strings.Split(e.emulator.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// Raw is all that was written to the terminal.
func (e *Terminal) Raw() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.raw.String()
}

// Await waits until all texts stand on the screen, and returns it.
func (e *Terminal) Await(timeout time.Duration, texts ...string) (screen string) {
	e.t.Helper()
	env.Eventually(e.t, timeout, func() (bool, string) {
		screen = e.Screen()
		for _, text := range texts {
			if !strings.Contains(screen, text) {
				return false, "no " + text + " in:\n" + screen
			}
		}
		return true, ""
	})
	return screen
}

// Full reports whether a program has taken the whole screen.
func (e *Terminal) Full() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.emulator.IsAltScreen()
}

// Restored fails the test unless the terminal is as it was at first: its modes, its screen,
// its cursor. It waits for what is still being written.
func (e *Terminal) Restored(timeout time.Duration) {
	e.t.Helper()
	env.Eventually(e.t, timeout, func() (bool, string) {
		now, err := term.GetState(int(e.TTY.Fd()))
		e.mu.Lock()
		hidden, full := e.hidden, e.emulator.IsAltScreen()
		e.mu.Unlock()
		switch {
		case err != nil:
			return false, err.Error()
		case *now != *e.before:
			return false, "the modes of the terminal differ"
		case full:
			return false, "the program's screen is still shown"
		case hidden:
			return false, "the cursor is still hidden"
		}
		return true, ""
	})
}

var colour = regexp.MustCompile(`\x1b\[(?:[0-9;]*;)?(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[0-9;]*)?m`)

// Coloured returns a code of a colour that was written; empty if there is none.
func (e *Terminal) Coloured() string { return colour.FindString(e.Raw()) }
