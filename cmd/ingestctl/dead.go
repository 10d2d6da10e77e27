package main

import (
	"github.com/spf13/cobra"
)

const deadHelp = `dead looks after the dead letters: the refused records, kept with the reason.

"list" shows them. "replay" puts them back on the queue, unedited, to be judged
afresh; on a stream each keeps, as its origin, the ID under which it first came.
"purge" deletes them for good. Both are counted in the ledger, so the account of
"ingestctl reconcile" goes on balancing; deleting them by hand would spoil it.

Replaying is of use once its reason has gone: a validation rule of the collection
was changed, a limit was raised. What is still refused becomes a dead letter
again.`

func deadCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dead",
		Short: "List, replay or purge dead letters",
		Long:  deadHelp,
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(listCommand(), replayCommand(), purgeCommand())
	return cmd
}
