//go:build manual

package app

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// addManual adds the hidden command "manual DIRECTORY", which writes a manual page for the
// program and each of its commands. SOURCE_DATE_EPOCH is their date. Only `make release`
// builds programs with the tag "manual": those that it publishes do not have the command.
func addManual(root *cobra.Command) {
	root.AddCommand(&cobra.Command{
		Use: "manual DIRECTORY", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			each(root, func(cmd *cobra.Command) {
				cmd.DisableAutoGenTag = true
				cmd.Hidden = cmd.Hidden || cmd.Name() == "completion"
				cmd.Long = asMarkdown(cmd.Long)
			})
			header := doc.GenManHeader{Section: "1", Source: root.Name() + " " + Release(), Manual: "Customer ingestion"}
			if err := doc.GenManTree(root, &header, args[0]); err != nil {
				return fmt.Errorf("writing the manual: %w", err)
			}
			return nil
		},
	})
}

// asMarkdown marks the tables and examples of a help text, which are indented by two spaces,
// as code, so that a manual page does not fill their lines. They come after an empty line or
// a colon; other indented lines go on with what is above them.
func asMarkdown(help string) string {
	lines, above := strings.Split(help, "\n"), ""
	inside := false
	for i, line := range lines {
		indented := strings.HasPrefix(line, "  ")
		inside = indented && (inside || above == "" || strings.HasSuffix(above, ":"))
		switch {
		case inside && strings.HasSuffix(above, ":") && !strings.HasPrefix(above, " "):
			lines[i] = "\n    " + line
		case inside:
			lines[i] = "    " + line
		}
		above = line
	}
	return strings.Join(lines, "\n")
}
