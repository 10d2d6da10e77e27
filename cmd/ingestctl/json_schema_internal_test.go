package main

import (
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Every command with --json has a schema; those that move records share one.
func TestEachJSONHasASchema(t *testing.T) {
	checked := 0
	var check func(cmd *cobra.Command)
	check = func(cmd *cobra.Command) {
		if cmd.Flags().Lookup("json") != nil {
			checked++
			name := strings.ReplaceAll(cmd.CommandPath(), " ", "-")
			if cmd.Name() == toStream || cmd.Name() == toList {
				name = "ingestctl-migrate"
			}
			if _, err := os.Stat("../../docs/schema/" + name + ".json"); err != nil {
				t.Errorf("%s --json: %v", cmd.CommandPath(), err)
			}
		}
		for _, sub := range cmd.Commands() {
			check(sub)
		}
	}
	check(newCommand())
	if checked < 15 {
		t.Errorf("only %d commands have --json", checked)
	}
}
