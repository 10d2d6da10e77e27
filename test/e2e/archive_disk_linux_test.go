package e2e_test

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"ingestion/internal/test/need"
)

// TestAFullDiskIsWaitedForLoudly archives to a file system that becomes full. Workers go on,
// nothing is trimmed that is not archived, and once there is room, everything is archived.
func TestAFullDiskIsWaitedForLoudly(t *testing.T) {
	t.Parallel()
	const records = 3000
	dir := smallDisk(t, "size=200k")
	r := newHarness(t, stream, "STREAM_RETENTION=0", "ARCHIVE_URL=file://"+dir, "ARCHIVE_SEGMENT_BYTES=20000", "ARCHIVE_SEGMENT_SEC=0.2")
	archiver := r.startArchiver()
	worker := r.start()
	f := simple(8, records)
	r.feed(f)
	archiver.WaitForLine(late, func(text string) bool {
		return retrying("bucket", "error")(text) && strings.Contains(text, "no space left on device")
	})
	r.awaitOutcomes(records)
	archived := r.numbers[r.archived()] + 1
	if left := r.client.XLen(t.Context(), streamKey).Val(); archived == records || left < int64(records-archived) {
		t.Fatalf("%d of %d entries are archived, and %d are on the stream", archived, records, left)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT, "size=64m"); err != nil {
		t.Fatal(err)
	}
	archiver.WaitForLine(late, retrying("bucket", "success"))
	r.awaitArchived(records)
	r.finish(f, worker, archiver, dir)
}

// smallDisk mounts a file system of a given size, which takes the right to mount.
func smallDisk(t *testing.T, size string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	err := unix.Mount("tmpfs", dir, "tmpfs", 0, size)
	if errors.Is(err, unix.EPERM) {
		need.Skip(t, "needs the right to mount a file system, as root has: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}
