// Command standalone runs the service without anything to install.
package main

import (
	"os"

	"ingestion/cmd/internal/app"
)

func main() { os.Exit(app.Execute(newRoot())) }
