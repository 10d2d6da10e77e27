package main

import (
	"github.com/spf13/cobra"
)

const archiveHelp = `archive is about what the archiver writes: every entry of the stream, kept in a
bucket (ARCHIVE_URL).`

func archiveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "archive",
		Short:   "Give the archive of the stream up",
		Long:    archiveHelp,
		Example: archiveDetachExample,
		Args:    cobra.NoArgs,
		RunE:    showHelp,
	}
	cmd.AddCommand(archiveDetachCommand())
	return cmd
}
