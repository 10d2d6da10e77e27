package main

import (
	"github.com/spf13/cobra"

	"ingestion/cmd/internal/app"
)

const initHelp = `init waits until MongoDB accepts writes, for STARTUP_TIMEOUT_SEC at most, and
prepares it for workers:

  - If the server was started as a member of a replica set ("mongod --replSet") that
    nobody has initiated, init initiates it, with this server as its only member.
    The member gets the host of MONGO_URI, so that must be a name under which the
    server can reach itself. If MONGO_URI names several servers, initiate the set
    with mongosh.
  - If MONGO_INDEXES is on, it creates the index of the collection.

What is there already stays as it is, so init may run before every start. A server
without replica sets, such as FerretDB, is only waited for, and gets the index.
Redis is not asked: each worker creates what it needs there.

Exit codes:
  0  MongoDB is ready
  1  failure, or MongoDB not ready within STARTUP_TIMEOUT_SEC
  2  wrong usage or configuration, or a server that refuses the set or the user`

const initExample = `  mongod --replSet rs0 &
  MONGO_URI=mongodb://localhost:27017 worker init && exec worker`

func initCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "init",
		Short:   "Prepare MongoDB: a replica set of one server, the index",
		Long:    initHelp,
		Example: initExample,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return app.Initiate(cmd.Context(), cmd.OutOrStdout()) },
	}
}
