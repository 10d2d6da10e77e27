package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"ingestion/internal/test/env"
	"ingestion/internal/test/need"
	"ingestion/record"
)

// A flag whose value is empty, as a variable that is not set, must not widen what a command
// applies to.
func TestEmptyValuesAreRefused(t *testing.T) {
	r := newRig(t, 1)
	r.settle(0, record.Invalid, "a", "b")
	for flag, args := range map[string][]string{
		"--customer": {"purge", "--event", "validation_failed", "--customer", "", "--yes"},
		"--reason":   {"purge", "--event", "validation_failed", "--reason", " ", "--yes"},
		"--event":    {"replay", "--reason", "because", "--event", "", "--yes"},
		"--through":  {"purge", "--all", "--through", "", "--yes"},
		"--output":   {"export", "--output", ""},
		"--details":  {"export", "--details", ""},
	} {
		_, note := r.result(2, append([]string{"dead"}, args...)...)
		wantWords(t, note, flag+": the value is empty")
	}
	_, note := r.result(2, "dead", "list", "--customer", "")
	wantWords(t, note, "--customer: the value is empty")
	if n := len(r.letters()); n != 2 {
		t.Errorf("%d letters are left of 2", n)
	}
}

// A letter that is named twice, or in another way, is one letter.
func TestALetterNamedTwiceIsOne(t *testing.T) {
	r := newRig(t, 1)
	r.settle(0, record.Invalid, "a", "b")
	id := r.letters()[0].ID
	out, note := r.result(0, "dead", "replay", id, "0"+id, id, "--yes")
	wantWords(t, out, "1 dead letter put back on the queue")
	if note != "" {
		t.Errorf("the note is %q", note)
	}
	_, note = r.result(2, "dead", "show", "18446744073709551616-0")
	wantWords(t, note, "invalid dead letter ID")
}

// An export replaces a file, but no link, pipe or device.
func TestExportKeepsWhatIsNoFile(t *testing.T) {
	r := newRig(t, 1)
	r.settle(0, record.Invalid, "one", "two")
	dir := t.TempDir()
	target, link, pipe := filepath.Join(dir, "target"), filepath.Join(dir, "link"), filepath.Join(dir, "pipe")
	must(t, os.WriteFile(target, []byte("old"), 0o600))
	must(t, os.Symlink("target", link))
	must(t, syscall.Mkfifo(pipe, 0o600))

	r.run(0, "dead", "export", "--output", link)
	if to, err := os.Readlink(link); err != nil || to != "target" {
		t.Errorf("the link leads to %q, %v", to, err)
	}
	wantFile(t, target, "\n\none\ntwo\n")

	read := make(chan string, 1)
	go func() {
		text, _ := os.ReadFile(pipe)
		read <- string(text)
	}()
	r.run(0, "dead", "export", "--output", pipe)
	if got := <-read; got != "\n\none\ntwo\n" {
		t.Errorf("the pipe got %q", got)
	}
	if info, err := os.Stat(pipe); err != nil || info.Mode().Type() != os.ModeNamedPipe {
		t.Errorf("the pipe is now %v, %v", info, err)
	}

	_, note := r.result(1, "dead", "export", "--output", dir)
	wantWords(t, note, "can't write "+dir+": it is a directory")
	_, note = r.result(2, "dead", "export", "--output", link, "--details", target)
	wantWords(t, note, "--output and --details are the same file")
	_, note = r.result(2, "dead", "export", "--output", filepath.Join(dir, "new"), "--details", dir+"/./new")
	wantWords(t, note, "--output and --details are the same file")
}

func wantFile(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	must(t, err)
	if string(got) != want {
		t.Errorf("%s has %q, want %q", path, got, want)
	}
}

func TestABodyWithoutAnEndIsRefused(t *testing.T) {
	r, id := refused(t, aBody)
	_, note := r.result(1, "dead", "edit", id, "--body", "/dev/zero", "--yes")
	wantWords(t, note, "--body: the file is larger than 64 MiB")
}

// unprintable runs a command whose output can't be written.
func (r *rig) unprintable(args ...string) string {
	r.t.Helper()
	args = append([]string{"-c", `exec "$0" "$@" >/dev/full`, env.Build(r.t, "ingestion/cmd/ingestctl")}, args...)
	p := env.Process(r.t, "/bin/sh", args, r.env)
	if code := p.Wait(soon); code != 1 {
		r.t.Errorf("%q: exit code %d", args, code)
	}
	return p.Stderr()
}

// Whoever reads that the output could not be written has to learn what was done.
func TestAChangeThatCantBePrinted(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		need.Skip(t, "needs /dev/full: %v", err)
	}
	m := newMoving(t, 1)
	m.fillList(3)
	for _, c := range []struct{ args, done string }{
		{"migrate list-to-stream --yes", "3 records were moved, but that could not be printed: write /dev/stdout: no space left on device"},
		{"migrate stream-to-list --yes --json", "3 records were moved, but that could not be printed: "},
	} {
		wantWords(t, m.unprintable(strings.Fields(c.args)...), c.done)
	}
	m.settle(0, record.Invalid, "a", "b", aBody)
	id := m.letters()[0].ID // the newest
	wantWords(t, m.unprintable("dead", "edit", id, "--set", "email=ada@lovelace.org", "--yes", "--json"), "the dead letter "+id+" was put back on the queue, but that")
	wantWords(t, m.unprintable("dead", "replay", "--all", "--limit", "1", "--yes"), "1 dead letter put back on the queue, but that")
	wantWords(t, m.unprintable("dead", "purge", "--all", "--yes", "--json"), "1 dead letter deleted, but that")
	if n := len(m.letters()); n != 0 {
		t.Errorf("%d letters are left", n)
	}
}
