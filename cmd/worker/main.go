// Command worker takes customer records off a Redis queue and inserts the
// valid ones into MongoDB.
package main

import (
	"context"
	"os"

	"ingestion/cmd/internal/app"
)

func main() {
	ctx, cancel := app.UntilSignal(context.Background())
	err := newCommand().ExecuteContext(ctx)
	cancel()
	app.Report(os.Stderr, "worker", err)
	os.Exit(app.ExitCode(err))
}
