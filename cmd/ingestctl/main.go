// Command ingestctl is the operator's tool: it accounts for what became of the
// records and looks after those that were refused.
package main

import (
	"os"

	"ingestion/cmd/internal/app"
)

func main() { os.Exit(app.Execute(newCommand())) }
