// Command archiver writes the entries of a stream to a bucket, before they are trimmed.
package main

import (
	"os"

	"github.com/spf13/cobra"

	"ingestion/cmd/internal/app"
)

func main() { os.Exit(app.Execute(newCommand())) }

const longHelp = `archiver writes every entry of the stream to a bucket, in compressed segments, each
with an entry in a chain of manifests. It has a consumer group of its own,
"archive": nothing is trimmed that is not archived. From the archive, "ingestctl
rebuild" makes the collection again.

It is configured by environment variables or a .env file, like the worker and with
the worker's values. These matter:

  ARCHIVE_URL             the bucket: file:///directory, s3://bucket, gs://bucket
                          or azblob://container
  ARCHIVE_SEGMENT_BYTES   a segment is closed at this size,
  ARCHIVE_SEGMENT_SEC     or this long after its first entry
  REDIS_URL, STREAM_KEY, STREAM_PARTITIONS; QUEUE_MODE must be stream
  STREAM_CLAIM_IDLE_MS    how long the right to archive a partition lasts
  ADMIN_ADDR              serves metrics and health

Several archivers may run: one archives a partition, and another takes over at most
STREAM_CLAIM_IDLE_MS after that one was killed. While the bucket or Redis fails, the archiver waits, and
says so. To stop archiving for good, stop the archivers and run "ingestctl archive
detach": until then nothing is trimmed.

SIGTERM or SIGINT starts a graceful shutdown, in which it writes what it has read;
a second signal exits at once, and loses nothing either.

Exit codes:
  0  clean shutdown
  1  failure, or Redis not ready within STARTUP_TIMEOUT_SEC
  2  wrong usage or configuration`

const examples = `  QUEUE_MODE=stream ARCHIVE_URL=file:///var/lib/archive archiver
  QUEUE_MODE=stream ARCHIVE_URL='s3://customers?region=eu-central-1&prefix=queue/' archiver
  archiver healthcheck --ready | jq .dependencies`

var health = app.Healthcheck{Program: "archiver", Servers: "Redis or its bucket", Ready: "ask whether Redis and the bucket answer"}

func newCommand() *cobra.Command {
	return app.Service(&cobra.Command{Use: "archiver", Short: "Write the entries of a stream to a bucket, before they are trimmed", Long: longHelp, Example: examples}, health, run)
}
