// Command worker takes customer records off a Redis queue and inserts the
// valid ones into MongoDB.
package main

import (
	"os"

	"ingestion/cmd/internal/app"
)

func main() { os.Exit(app.Execute(newCommand())) }
