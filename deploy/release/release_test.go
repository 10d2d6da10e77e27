package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func write(t *testing.T, file, text string, mode os.FileMode, modified time.Time) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(file), 0o755)
	if err == nil {
		err = os.WriteFile(file, []byte(text), mode)
	}
	if err == nil {
		err = os.Chtimes(file, modified, modified)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// archiveOf makes an archive of the same files, with other modes and times on disk.
func archiveOf(t *testing.T, mode os.FileMode, onDisk time.Time, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		write(t, filepath.Join(dir, "tree", name), "content of "+name, mode, onDisk)
	}
	files, err := collect(map[string]string{"bin": filepath.Join(dir, "tree", "bin"), "share": filepath.Join(dir, "tree", "share")})
	if err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(dir, "a.tar.gz")
	if err := writeArchive(archive, "ingestion-v1", files, time.Unix(1_700_000_000, 0)); err != nil {
		t.Fatal(err)
	}
	return archive
}

func TestArchivesDependOnContentsOnly(t *testing.T) {
	one := archiveOf(t, 0o600, time.Now(), "bin/worker", "bin/console", "share/man/man1/worker.1", "share/init.sh")
	two := archiveOf(t, 0o777, time.Unix(5, 0), "share/init.sh", "share/man/man1/worker.1", "bin/console", "bin/worker")
	other := archiveOf(t, 0o600, time.Now(), "bin/worker", "bin/console", "share/man/man1/console.1", "share/init.sh")
	sums := map[string]string{}
	for name, file := range map[string]string{"one": one, "two": two, "other": other} {
		sum, err := sumOf(file)
		if err != nil {
			t.Fatal(err)
		}
		sums[name] = sum
	}
	if sums["one"] != sums["two"] || sums["one"] == sums["other"] {
		t.Errorf("the sums are %v", sums)
	}
	want := []string{
		"ingestion-v1/bin/console 755 0 1700000000 content of bin/console",
		"ingestion-v1/bin/worker 755 0 1700000000 content of bin/worker",
		"ingestion-v1/share/init.sh 755 0 1700000000 content of share/init.sh",
		"ingestion-v1/share/man/man1/worker.1 644 0 1700000000 content of share/man/man1/worker.1",
	}
	if diff := cmp.Diff(want, list(t, one)); diff != "" {
		t.Errorf("the archive (-want +got):\n%s", diff)
	}
}

// list returns a line for each file of an archive.
func list(t *testing.T, archive string) (lines []string) {
	t.Helper()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	plain, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for in := tar.NewReader(plain); ; {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			return lines
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("%s %o %d %d %s", header.Name, header.Mode, header.Uid, header.ModTime.Unix(), text))
	}
}

func TestSumsAreThoseOfSha256sum(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "b.tar.gz"), "b", 0o644, time.Now())
	write(t, filepath.Join(dir, "a.tar.gz"), "a", 0o644, time.Now())
	if err := writeSums(dir, []string{"b.tar.gz", "a.tar.gz"}); err != nil {
		t.Fatal(err)
	}
	const want = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb  a.tar.gz\n" +
		"3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d  b.tar.gz\n"
	got, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS"))
	if err != nil || string(got) != want {
		t.Errorf("the sums are\n%s(%v), want\n%s", got, err, want)
	}
}

func TestWhatIsLeftOfAnotherReleaseIsNotPublished(t *testing.T) {
	dir := t.TempDir()
	if err := emptyDirectory(filepath.Join(dir, "new")); err != nil {
		t.Errorf("a directory that does not exist: %v", err)
	}
	write(t, filepath.Join(dir, "old.tar.gz"), "", 0o644, time.Now())
	if err := emptyDirectory(dir); err == nil || !strings.Contains(err.Error(), "-out") {
		t.Errorf("a directory with files: %v", err)
	}
}

func TestTargets(t *testing.T) {
	got, err := parseTargets("linux/amd64, darwin/arm64")
	if err != nil || len(got) != 2 || got[1] != (target{"darwin", "arm64"}) {
		t.Errorf("targets: %v %v", got, err)
	}
	for _, wrong := range []string{"", "linux", "/amd64", "linux/amd64,"} {
		if got, err := parseTargets(wrong); err == nil {
			t.Errorf("%q is taken for %v", wrong, got)
		}
	}
}

// The linker ignores variables that do not exist.
func TestStampedVariablesExist(t *testing.T) {
	build, err := os.ReadFile("build.go")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("../../cmd/internal/app/version.go")
	if err != nil {
		t.Fatal(err)
	}
	stamped := regexp.MustCompile(`-X 'ingestion/cmd/internal/app\.(\w+)=`).FindAllStringSubmatch(string(build), -1)
	if len(stamped) != 2 {
		t.Fatalf("%d variables are stamped, want 2", len(stamped))
	}
	for _, match := range stamped {
		if !regexp.MustCompile(`(?m)^var (\w+, )*` + match[1] + `(, \w+)* string$`).Match(source) {
			t.Errorf("the package app has no variable %s", match[1])
		}
	}
}
