// Command producer puts customer records on the queue: made-up ones, or those of
// a file.
package main

import (
	"context"
	"os"

	"github.com/redis/go-redis/v9/logging"

	"ingestion/cmd/internal/app"
)

func main() {
	logging.Disable() // the client's own complaints; what matters is logged here
	ctx, cancel := app.UntilSignal(context.Background())
	err := newCommand().ExecuteContext(ctx)
	cancel()
	app.Report(os.Stderr, "producer", err)
	os.Exit(app.ExitCode(err))
}
