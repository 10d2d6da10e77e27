package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// repository makes a repository with a commit of 2026-01-31 12:00 UTC in a new working
// directory.
func repository(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	t.Setenv("GIT_COMMITTER_DATE", "2026-01-31T13:00:00+01:00")
	t.Setenv("SOURCE_DATE_EPOCH", "")
	for _, who := range []string{"AUTHOR", "COMMITTER"} {
		t.Setenv("GIT_"+who+"_NAME", "x")
		t.Setenv("GIT_"+who+"_EMAIL", "x@example.org")
	}
	write(t, "file", "text", 0o644, time.Now())
	inGit(t, "init", "--quiet")
	inGit(t, "add", "file")
	inGit(t, "commit", "--quiet", "--message", "x")
}

func inGit(t *testing.T, args ...string) string {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), "git", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, output)
	}
	return strings.TrimSpace(string(output))
}

func TestTheVersionIsThatOfTheCommit(t *testing.T) {
	repository(t)
	check := func(name, want string) {
		t.Helper()
		commit := inGit(t, "rev-parse", "HEAD")
		s, err := sourceOf(t.Context(), "")
		if err != nil || s.version != strings.ReplaceAll(want, "HASH", commit[:12]) || s.commit != commit || s.time.Unix() != 1_769_860_800 {
			t.Errorf("%s: %+v (%v), want %s", name, s, err, want)
		}
	}
	check("no tag", "v0.0.0-20260131120000-HASH")
	inGit(t, "tag", "deployed-in-january")
	check("no tag that is a version", "v0.0.0-20260131120000-HASH")
	inGit(t, "tag", "v1.2.3")
	check("a tag", "v1.2.3")
	inGit(t, "commit", "--quiet", "--allow-empty", "--message", "y")
	check("a commit after a tag", "v1.2.4-0.20260131120000-HASH")
	inGit(t, "tag", "--annotate", "--message", "x", "v2.0.0-rc.1")
	check("an annotated tag", "v2.0.0-rc.1")
	inGit(t, "commit", "--quiet", "--allow-empty", "--message", "z")
	check("a commit after a candidate", "v2.0.0-rc.1.0.20260131120000-HASH")
}

func TestWhatIsNotCommittedIsDirty(t *testing.T) {
	repository(t)
	inGit(t, "tag", "v1.2.3")
	commit := inGit(t, "rev-parse", "HEAD")
	write(t, ".git/info/exclude", "/dist/\n", 0o644, time.Now())
	write(t, "dist/old.tar.gz", "", 0o644, time.Now())
	clean, err := sourceOf(t.Context(), "")
	if err != nil || clean.version != "v1.2.3" {
		t.Errorf("an ignored file: %+v %v", clean, err)
	}
	write(t, "new.go", "package main", 0o644, time.Now()) // go build reads it
	for given, want := range map[string]string{"": "v1.2.3+dirty", "v1.2.4": "v1.2.4+dirty"} {
		dirty, err := sourceOf(t.Context(), given)
		if err != nil || dirty.version != want || dirty.commit != commit+"+dirty" {
			t.Errorf("version %q, with a new file: %+v (%v), want %s", given, dirty, err, want)
		}
	}
}

func TestVersionsAreSemantic(t *testing.T) {
	repository(t)
	for _, given := range []string{"v1.2.3", "v1.2.3-rc.1"} {
		if s, err := sourceOf(t.Context(), given); err != nil || s.version != given {
			t.Errorf("%s: %+v %v", given, s, err)
		}
	}
	for _, given := range []string{"1.2.3", "v1.2", "latest", "v1.2.3+x", "v1.2.3 "} {
		if s, err := sourceOf(t.Context(), given); err == nil || !strings.Contains(err.Error(), "-version") {
			t.Errorf("%q is taken for %q (%v)", given, s.version, err)
		}
	}
	inGit(t, "tag", "v1.2")
	if s, err := sourceOf(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "v1.2 ") {
		t.Errorf("the tag v1.2 is taken for %q (%v)", s.version, err)
	}
}

func TestAnotherTimeMayBeSet(t *testing.T) {
	repository(t)
	t.Setenv("SOURCE_DATE_EPOCH", "1000")
	s, err := sourceOf(t.Context(), "")
	if err != nil || s.time.Unix() != 1000 || !strings.HasPrefix(s.version, "v0.0.0-20260131120000-") {
		t.Errorf("at another time: %+v %v", s, err)
	}
	t.Setenv("SOURCE_DATE_EPOCH", "yesterday")
	if _, err := sourceOf(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "SOURCE_DATE_EPOCH") {
		t.Errorf("a time that is none: %v", err)
	}
}
