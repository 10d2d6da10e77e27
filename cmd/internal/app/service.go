package app

import (
	"context"
	"io"

	"github.com/spf13/cobra"
)

// Service completes the command of a program that runs until it is stopped, and adds
// healthcheck.
func Service(root *cobra.Command, health Healthcheck, run func(ctx context.Context, out io.Writer) error) *cobra.Command {
	root.Args = cobra.NoArgs
	root.Annotations = map[string]string{RunsAlone: ""}
	root.RunE = func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), cmd.OutOrStdout()) }
	root.AddCommand(health.Command())
	return root
}
