package app

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

// Healthcheck is what differs between the programs that have the command.
type Healthcheck struct {
	Program string // worker
	Servers string // what it needs: Redis or MongoDB
	Ready   string // what --ready asks for; "" if there is no such flag

	// Setting names the address that is asked, and Addr returns it. Without them it is
	// ADMIN_ADDR.
	Setting string
	Addr    func(*config.Config) string
}

const healthcheckHelp = `healthcheck asks the %[1]s that serves %[4]s on this machine whether it is
alive: whether it should be left running. The exit code is 0 if it is, and 1 if it
hangs or does not answer.

%[2]s %[1]s that waits for %[3]s is alive.`

const readyHelp = ` With --ready the exit code is 1
also while a server fails or nothing is read, and the answer is JSON that says why.`

const healthcheckExample = `  %[1]s healthcheck
%[2]s  %[3]s=127.0.0.1:9465 %[1]s healthcheck     # of another %[1]s`

const healthcheckTimeout = 5 * time.Second

// Command returns the command.
func (h Healthcheck) Command() *cobra.Command {
	if h.Addr == nil {
		h.Setting, h.Addr = "ADMIN_ADDR", func(cfg *config.Config) string { return cfg.AdminAddr }
	}
	var ready bool
	short, more, example := "whether it is alive", "", ""
	if h.Ready != "" {
		short, more = short+", or ready", readyHelp
		example = "  " + h.Program + " healthcheck --ready | jq .dependencies\n"
	}
	cmd := &cobra.Command{
		Use:     "healthcheck",
		Short:   "Ask the running " + h.Program + " " + short,
		Long:    fmt.Sprintf(healthcheckHelp, h.Program, h.article(), h.Servers, h.Setting) + more,
		Example: fmt.Sprintf(healthcheckExample, h.Program, example, h.Setting),
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path := "/livez"
			if ready {
				path = "/readyz"
			}
			return h.ask(cmd.Context(), cmd.OutOrStdout(), path)
		},
	}
	if h.Ready != "" {
		cmd.Flags().BoolVar(&ready, "ready", false, h.Ready)
	}
	return cmd
}

func (h Healthcheck) article() string {
	if h.Program[0] == 'a' {
		return "An"
	}
	return "A"
}

func (h Healthcheck) ask(ctx context.Context, out io.Writer, path string) error {
	cfg, err := config.Load()
	if err != nil {
		return err
	}
	addr := h.Addr(cfg)
	if addr == "" {
		return errors.New(h.Setting + " is empty, so the " + h.Program + " serves no health: set an address for both")
	}
	ctx, cancel := context.WithTimeout(ctx, healthcheckTimeout)
	defer cancel()
	answer, err := admin.Ask(ctx, addr, path)
	if err != nil {
		return fmt.Errorf("%s: the %s at %s%s: %w", h.Setting, h.Program, addr, path, redisconn.Plain(err))
	}
	_, err = io.WriteString(out, answer)
	return err
}
