// Command console serves the web console of the service.
package main

import (
	"os"

	"github.com/spf13/cobra"

	"ingestion/cmd/internal/app"
	"ingestion/internal/config"
)

func main() { os.Exit(app.Execute(newCommand())) }

const longHelp = `console serves the web console: the state of the queue, its dead letters and
customers, where a record is, and the buttons to mend it. It runs beside the workers,
needs nothing of theirs but the same settings, and reads only while somebody looks.

It is configured by environment variables or a .env file, like the worker and with
the worker's values. These matter:

  CONSOLE_ADDR            where it listens
  CONSOLE_PASSWORD_FILE   the password of CONSOLE_USER; required unless only this
                          machine can reach CONSOLE_ADDR
  CONSOLE_AUTH=proxy      instead of a password: a proxy in front of the console sends
                          the user's name in CONSOLE_AUTH_HEADER
  CONSOLE_CHANGES=on      lets users change the queue; without, they only look
  REDIS_URL, MONGO_URI, QUEUE_MODE, STREAM_KEY, STREAM_PARTITIONS, RATE_LIMIT_*,
  DEAD_LETTERS
  ARCHIVE_URL             the archive, if there is one

The pages say what is wrong with Redis, MongoDB and the archive, so the console
starts without them. Put a proxy with TLS in front of it for other machines; any
path prefix works.

Exit codes:
  0  clean shutdown
  1  failure
  2  wrong usage or configuration, or CONSOLE_ADDR can't be listened on`

const examples = `  QUEUE_MODE=stream console
  QUEUE_MODE=stream CONSOLE_ADDR=:8080 CONSOLE_PASSWORD_FILE=/run/secrets/console console
  console healthcheck`

var health = app.Healthcheck{
	Program: "console", Servers: "Redis or MongoDB",
	Setting: "CONSOLE_ADDR", Addr: func(cfg *config.Config) string { return cfg.ConsoleAddr },
}

func newCommand() *cobra.Command {
	return app.Service(&cobra.Command{Use: "console", Short: "Serve the web console of the service", Long: longHelp, Example: examples}, health, run)
}
