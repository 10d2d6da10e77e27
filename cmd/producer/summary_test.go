package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ingestion/internal/test/env"
)

const stale = "{\"exitCode\":0}\n"

// summaryOf returns the summary of a load, or nil if there is none.
func summaryOf(t *testing.T, path string) *summary {
	t.Helper()
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil
	}
	must(t, err)
	s := &summary{ExitCode: -1}
	must(t, json.Unmarshal(text, s))
	return s
}

// wantClean makes sure that nothing but the files is left in a folder.
func wantClean(t *testing.T, dir string, files ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got, want := strings.Join(names, " "), strings.Join(files, " "); got != want {
		t.Errorf("the folder has %q, want %q", got, want)
	}
}

// TestSummaryOfAFailure: a load that fails replaces the summary of an earlier one,
// however early it fails.
func TestSummaryOfAFailure(t *testing.T) {
	ownQueue(t)
	good := write(t, "good.csv", headerLine+goodLine)
	for name, c := range map[string]struct {
		args []string
		env  string
		code int
		says string
	}{
		"nothing wrong":     {[]string{good}, "", 0, ""},
		"a flag":            {[]string{good, "--batch", "0"}, "", 2, "--batch: 0 is out of range"},
		"the configuration": {[]string{good}, "heap", 2, "QUEUE_MODE"},
		"no file":           {[]string{"no-such-file"}, "", 2, "no such file"},
		"the header":        {[]string{write(t, "x.csv", "a,b\n1,2\n")}, "", 1, "there is no such column"},
		"the rejects":       {[]string{good, "--rejects", os.DevNull}, "", 2, "--rejects: "},
		"rows":              {[]string{write(t, "x.csv", headerLine+goodLine+"1\n")}, "", 1, "1 of 2 rows rejected"},
		"doomed":            {[]string{write(t, "x.csv", headerLine+"1,A,a@quillmarsh.net,x\n")}, "", 1, "would refuse the first record"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "summary")
			must(t, os.WriteFile(path, []byte(stale), 0o600))
			if c.env != "" {
				t.Setenv("QUEUE_MODE", c.env)
			}
			execute(t, append([]string{"load", "--summary", path}, c.args...)...).want(t, c.code, c.says)
			s := summaryOf(t, path)
			if s == nil || s.ExitCode != c.code || s.File == "" || !strings.Contains(s.Error, c.says) || (s.Error == "") != (c.code == 0) {
				t.Errorf("the summary is %+v", s)
			}
			wantClean(t, dir, "summary")
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("the file's mode has changed: %v, %v", info.Mode(), err)
			}
		})
	}
}

// TestSummaryThatCantBeWritten is told before a record is sent.
func TestSummaryThatCantBeWritten(t *testing.T) {
	server := ownQueue(t)
	good := write(t, "good.csv", headerLine+goodLine)
	missing := filepath.Join(t.TempDir(), "no", "summary")
	execute(t, "load", good, "--summary", missing).want(t, 2, "--summary: "+missing+" can't be written: no such file or directory")
	execute(t, "load", good, "--summary", t.TempDir()).want(t, 2, "is a directory, not a file")
	execute(t, "load", good, "--summary", good).want(t, 2, "would overwrite")
	execute(t, "load", good, "--summary", good, "--batch", "0").want(t, 2, "would overwrite", "--batch")
	if sent := takeQueue(t, server); len(sent) > 0 {
		t.Errorf("%q was sent", sent)
	}
	if text, err := os.ReadFile(good); err != nil || string(text) != headerLine+goodLine {
		t.Errorf("the file to load has %q, %v", text, err)
	}
}

// TestSummaryBehindALink: the link and a device stay.
func TestSummaryBehindALink(t *testing.T) {
	ownQueue(t)
	good := write(t, "good.csv", headerLine+goodLine)
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	must(t, os.WriteFile(target, []byte(stale), 0o644))
	must(t, os.Symlink(target, link))
	execute(t, "load", good, "--summary", link).want(t, 0)
	if s := summaryOf(t, target); s == nil || s.Sent != 1 {
		t.Errorf("the summary is %+v", s)
	}
	wantClean(t, dir, "link", "target")
	execute(t, "load", good, "--summary", os.DevNull).want(t, 0)
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Fatalf("%s is a file now: %v", os.DevNull, err)
	}
}

// TestSummaryOfAnInterruptedLoad: the earlier one is gone as soon as the load begins,
// and an interruption writes the new one.
func TestSummaryOfAnInterruptedLoad(t *testing.T) {
	server := env.Redis(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "summary")
	must(t, os.WriteFile(path, []byte(stale), 0o600))
	input := write(t, "many.csv", headerLine+strings.Repeat(goodLine, 1000))
	p := env.Process(t, env.Build(t, "ingestion/cmd/producer"), []string{"load", input, "--rate", "10", "--batch", "1", "--summary", path},
		[]string{"REDIS_URL=" + server.URL(), "LOG_FORMAT=json"})
	p.WaitForLine(time.Minute, func(line string) bool { return strings.Contains(line, `"queued"`) })
	wantClean(t, dir)
	p.Signal(syscall.SIGINT)
	if code := p.Wait(time.Minute); code != 1 {
		t.Errorf("exit code %d", code)
	}
	s := summaryOf(t, path)
	if s == nil || s.ExitCode != 1 || s.Sent == 0 || s.Sent == 1000 || s.NextLine != s.Sent+2 || !strings.Contains(s.Error, "interrupted; continue with --from-line") {
		t.Errorf("the summary is %+v", s)
	}
	wantClean(t, dir, "summary")
}
