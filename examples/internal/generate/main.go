// Command generate writes the example files to the working directory.
package main

import (
	"fmt"
	"os"

	"ingestion/examples/internal/customers"
)

func main() {
	for name, content := range customers.Files() {
		if err := os.WriteFile(name, content, 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "generate:", err)
			os.Exit(1)
		}
	}
}
