// Command producer puts customer records on the queue: made-up ones, or those of
// a file.
package main

import (
	"os"

	"ingestion/cmd/internal/app"
)

func main() { os.Exit(app.Execute(newCommand())) }
