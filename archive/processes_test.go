package archive_test

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"ingestion/archive"
)

const folderVariable = "ARCHIVE_TEST_FOLDER"

// TestMain archives, if it is started by TestProcessesShareADirectory.
func TestMain(m *testing.M) {
	folder := os.Getenv(folderVariable)
	if folder == "" {
		os.Exit(m.Run())
	}
	if err := archiveInto(folder); err != nil {
		panic(err)
	}
}

// sharedEntries is how many entries each of the processes archives.
const sharedEntries = 300

// archiveInto archives entries that are the same in each process.
func archiveInto(folder string) error {
	bucket, err := openDirectory(folder)
	if err != nil {
		return err
	}
	defer bucket.Close()
	source := newStream()
	source.add(sharedEntries)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error, 1)
	a := archive.New(&view{memoryStream: source, name: "a"}, archive.Open(bucket, stream), archive.Options{SegmentBytes: 500, SegmentAge: time.Millisecond, Poll: time.Millisecond})
	go func() { ended <- a.Run(ctx) }()
	for group, last := source.state(); group != last; group, last = source.state() {
		time.Sleep(time.Millisecond)
	}
	stop()
	return <-ended
}

// TestProcessesShareADirectory without a lease: each of them writes the whole chain, or
// finds it.
func TestProcessesShareADirectory(t *testing.T) {
	folder := t.TempDir()
	var all []*exec.Cmd
	for range 4 {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env, cmd.Stderr = append(os.Environ(), folderVariable+"="+folder), os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		all = append(all, cmd)
	}
	for _, cmd := range all {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	bucket := openFolder(t, folder)
	defer bucket.Close()
	source := newStream()
	source.add(sharedEntries)
	if err := checkArchive(bucket, source.entries); err != nil {
		t.Error(err)
	}
}
