package app

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// CompleteFlag makes the shell offer values for a flag.
func CompleteFlag(cmd *cobra.Command, flag string, values ...string) {
	if cmd.Flags().Lookup(flag) == nil {
		return
	}
	if _, done := cmd.GetFlagCompletionFunc(flag); !done {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
}

// completeValues keeps the shell from offering files where a command or flag takes
// none. It goes by the names of arguments and values in the help.
func completeValues(root *cobra.Command) {
	each(root, func(cmd *cobra.Command) {
		if cmd.ValidArgsFunction == nil && !strings.Contains(cmd.Use, "FILE") {
			cmd.ValidArgsFunction = cobra.NoFileCompletions
		}
		cmd.Flags().VisitAll(func(flag *pflag.Flag) {
			switch value, _ := pflag.UnquoteUsage(flag); value {
			case "FILE", "file", "string":
			case "DIRECTORY":
				_ = cmd.MarkFlagDirname(flag.Name)
			default:
				CompleteFlag(cmd, flag.Name)
			}
		})
	})
}
