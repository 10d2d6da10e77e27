package cli

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// archives are addresses that a program with the scheme's client refuses for their
// parameter, before it asks any server.
var archives = map[string]string{"file": "file:///archive?regoin=x", "s3": "s3://bucket?regoin=x", "gs": "gs://bucket?regoin=x", "azblob": "azblob://bucket?regoin=x"}

// An image's program says how to get the clients that it lacks.
func TestImagesSayWhichArchivesTheyLeaveOut(t *testing.T) {
	for storage, c := range map[string]struct{ reads, lacks []string }{
		"":   {[]string{"file"}, []string{"s3", "gs", "azblob"}},
		"s3": {[]string{"file", "s3"}, []string{"gs", "azblob"}},
	} {
		t.Run("STORAGE="+storage, func(t *testing.T) {
			dir := t.TempDir()
			imageSh(t, storage, dir, "archiver")
			for _, scheme := range c.reads {
				wantError(t, filepath.Join(dir, "archiver"), archives[scheme], `query parameter "regoin"`)
			}
			for _, scheme := range c.lacks {
				wantError(t, filepath.Join(dir, "archiver"), archives[scheme], "archiver: ARCHIVE_URL: this build reads "+strings.Join(c.reads, " and ")+", but not "+scheme+
					": build the image with --build-arg STORAGE="+scheme+", or the program with make build\n")
			}
		})
	}
}

func wantError(t *testing.T, archiver, address, want string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), archiver)
	cmd.Dir, cmd.Env = t.TempDir(), []string{"QUEUE_MODE=stream", "ARCHIVE_URL=" + address}
	output, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 2 || !strings.Contains(string(output), want) {
		t.Errorf("ARCHIVE_URL=%s: %v, %q; want exit 2 and %q", address, err, output, want)
	}
}

// Each cloud's client can be left out, and is, unless STORAGE has it.
func TestStorageChoosesClients(t *testing.T) {
	clients := map[string]string{"s3": "gocloud.dev/blob/s3blob", "gs": "gocloud.dev/blob/gcsblob", "azblob": "gocloud.dev/blob/azureblob"}
	for _, storage := range []string{"", "s3", "gs", "azblob", "s3 gs", "s3 azblob", "gs azblob", "s3 gs azblob"} {
		t.Setenv("GO", "echo")
		tags := regexp.MustCompile(`-tags=\S+`).FindString(imageSh(t, storage, t.TempDir(), "archiver"))
		const buckets = "ingestion/cmd/internal/buckets"
		if output, err := exec.CommandContext(t.Context(), "go", "build", tags, buckets).CombinedOutput(); err != nil {
			t.Errorf("with STORAGE=%q, %v: %s", storage, err, output)
		}
		packages, err := exec.CommandContext(t.Context(), "go", "list", "-deps", tags, buckets).Output()
		if err != nil {
			t.Fatal(err)
		}
		for scheme, client := range clients {
			if got, want := slices.Contains(strings.Fields(string(packages)), client), slices.Contains(strings.Fields(storage), scheme); got != want {
				t.Errorf("with STORAGE=%q, the client of %s is included: %v, want %v", storage, scheme, got, want)
			}
		}
	}
}

func TestUnknownStorageIsRefused(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "cmd/image.sh", t.TempDir())
	cmd.Dir, cmd.Env = filepath.Join("..", ".."), append(os.Environ(), "GO=echo", "STORAGE=s3 minio")
	output, err := cmd.CombinedOutput()
	if want := "image.sh: STORAGE: minio is not one of s3, gs, azblob\n"; err == nil || string(output) != want {
		t.Errorf("%v, %q; want an error and %q", err, output, want)
	}
}

// imageSh compiles a program as for an image, and returns what the go command prints.
func imageSh(t *testing.T, storage, dir, program string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "cmd/image.sh", dir, program)
	cmd.Dir, cmd.Env = filepath.Join("..", ".."), append(os.Environ(), "STORAGE="+storage)
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	return string(output)
}
