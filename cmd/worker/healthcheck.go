package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"ingestion/internal/admin"
	"ingestion/internal/config"
	"ingestion/internal/redisconn"
)

const healthcheckHelp = `healthcheck asks the worker that serves ADMIN_ADDR on this machine whether it is
alive: whether it should be left running. The exit code is 0 if it is, and 1 if it
hangs or does not answer.

A worker that waits for Redis or MongoDB is alive. With --ready the exit code is 1
also while a server fails or nothing is read, and the answer is JSON that says why.`

const healthcheckExample = `  worker healthcheck
  worker healthcheck --ready | jq .dependencies
  ADMIN_ADDR=127.0.0.1:9465 worker healthcheck     # of another worker`

const healthcheckTimeout = 5 * time.Second

func healthcheckCommand() *cobra.Command {
	var ready bool
	cmd := &cobra.Command{
		Use:     "healthcheck",
		Short:   "Ask the running worker whether it is alive, or ready",
		Long:    healthcheckHelp,
		Example: healthcheckExample,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path := "/livez"
			if ready {
				path = "/readyz"
			}
			return healthcheck(cmd.Context(), cmd.OutOrStdout(), path)
		},
	}
	cmd.Flags().BoolVar(&ready, "ready", false, "ask whether both servers answer and records are read")
	return cmd
}

func healthcheck(ctx context.Context, out io.Writer, path string) error {
	cfg, err := config.Load()
	if err != nil {
		return err
	}
	if cfg.AdminAddr == "" {
		return errors.New("ADMIN_ADDR is empty, so the worker serves no health: set an address for both")
	}
	ctx, cancel := context.WithTimeout(ctx, healthcheckTimeout)
	defer cancel()
	answer, err := admin.Ask(ctx, cfg.AdminAddr, path)
	if err != nil {
		return fmt.Errorf("ADMIN_ADDR: the worker at %s%s: %w", cfg.AdminAddr, path, redisconn.Plain(err))
	}
	_, err = io.WriteString(out, answer)
	return err
}
