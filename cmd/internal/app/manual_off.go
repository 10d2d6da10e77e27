//go:build !manual

package app

import "github.com/spf13/cobra"

// addManual does nothing. `make release` builds programs with manual.go instead, to make
// their manual pages.
func addManual(*cobra.Command) {}
