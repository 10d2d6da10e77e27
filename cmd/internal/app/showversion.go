package app

import (
	"errors"

	"github.com/spf13/cobra"
)

// errShowVersion is what --version makes of a command line.
var errShowVersion = errors.New("the version is to be shown")

// showVersion gives all commands of root the flag --version. Cobra would need a template
// to print it our way, and with text/template the linker keeps every exported method of
// all types, since a template could call it.
func showVersion(root *cobra.Command) {
	each(root, func(cmd *cobra.Command) {
		cmd.Version = version()
		cmd.InitDefaultVersionFlag()
		cmd.Version = "" // cobra is not to print it
		check := cmd.Args
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if show, err := cmd.Flags().GetBool("version"); err == nil && show {
				return errShowVersion
			}
			return check(cmd, args)
		}
	})
}
