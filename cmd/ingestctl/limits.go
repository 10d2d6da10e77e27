package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"ingestion/cmd/internal/app"
	"ingestion/internal/answer"
	"ingestion/internal/inspect"
	"ingestion/internal/plural"
	"ingestion/limiter"
)

const limitsHelp = `limits shows and changes the limits of single customers, shows a customer's
sliding window, and says what another limit would have done.

  get       the limit that applies to a customer (read-only)
  list      the customers that have a limit of their own (read-only)
  show      a customer's window as a time line (read-only)
  simulate  what another limit would have made of its records (read-only)
  set       gives a customer a limit of its own (changing)
  unset     removes it, so that the default applies (changing)

A limit is written LIMIT/WINDOW, such as 100/60 for a hundred records in any 60 s,
or off (no limit) or block (nothing is admitted). It takes effect with the next
batch of each worker; none has to be restarted. The default is RATE_LIMIT_LIMIT
and RATE_LIMIT_WINDOW_SEC.`

func limitsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "limits",
		Short: "Show, change and try out the limits of customers",
		Long:  limitsHelp,
		Example: `  ingestctl limits get 42
  ingestctl limits set 42 100/60 --yes
  ingestctl limits show 42`,
		Args: cobra.NoArgs,
		RunE: showHelp,
	}
	cmd.AddCommand(limitsGetCommand(), limitsListCommand(), limitsShowCommand(), limitsSimulateCommand(), limitsSetCommand(), limitsUnsetCommand())
	return cmd
}

// customerArgument is a customerId on the command line.
func customerArgument(id string) (string, error) {
	customer, err := inspect.Customer(id)
	if err != nil {
		return "", app.UsageError(fmt.Errorf("CUSTOMER: the service accepts no such customer: %w", err))
	}
	return customer, nil
}

func limitArgument(text string) (limiter.Limit, error) {
	limit, err := limiter.ParseLimit(text)
	if err != nil {
		return limit, app.UsageError(fmt.Errorf("LIMIT/WINDOW: %w", err))
	}
	return limit, nil
}

// withTracer runs a command with a tracer of the configured queue.
func withTracer(cmd *cobra.Command, run func(ctx context.Context, s *session, t *inspect.Tracer) error) error {
	s, err := openPartly(cmd.Context(), cmd)
	if err != nil {
		return err
	}
	defer s.close()
	t, err := s.tracer()
	if err != nil {
		return err
	}
	return run(cmd.Context(), s, t)
}

func limitsGetCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "get CUSTOMER",
		Short: "Print the limit that applies to a customer (read-only)",
		Long: `get prints the limit that applies to a customer, its own or the default, as the
limiter reads it. It changes nothing.

Exit codes:
  0  printed
  1  the own limit can't be read, so that the default applies; or Redis failed
  2  wrong usage or configuration`,
		Example: "  ingestctl limits get 42\n  ingestctl limits get 42 --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			customer, err := customerArgument(args[0])
			if err != nil {
				return err
			}
			return withTracer(cmd, func(ctx context.Context, s *session, t *inspect.Tracer) error {
				return s.getLimit(ctx, t, customer, asJSON)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object (docs/schema/ingestctl-limits-get.json)")
	return cmd
}

func (s *session) getLimit(ctx context.Context, t *inspect.Tracer, customer string, asJSON bool) error {
	l, err := t.ReadLimit(ctx, customer)
	if err != nil {
		return err
	}
	if asJSON {
		err = printJSON(s.out, answer.LimitOfOne{Version: 1, Limit: answer.LimitOf(l)})
	} else {
		p := &page{}
		p.wrapped("", fmt.Sprintf("%s: %s", customer, l.Words()))
		_, err = s.out.Write(p.Bytes())
	}
	if err == nil && l.Fault != nil {
		err = fmt.Errorf("the own limit of customer %q does not apply: %w", customer, l.Fault)
	}
	return err
}

func limitsListCommand() *cobra.Command {
	var asJSON bool
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the customers that have a limit of their own (read-only)",
		Long: `list prints the customers that have a limit of their own, by customer. It changes
nothing. A limit that can't be read, or that is in the partition of another
customer, does not apply, and is marked so.

Exit codes:
  0  all limits apply, or there is none
  1  some do not apply, or Redis failed
  2  wrong usage or configuration`,
		Example: "  ingestctl limits list\n  ingestctl limits list --limit 1000 --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 {
				return app.UsageError(fmt.Errorf("--limit: %d is less than 1", limit))
			}
			return withTracer(cmd, func(ctx context.Context, s *session, t *inspect.Tracer) error {
				return s.listLimits(ctx, t, limit, asJSON)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object (docs/schema/ingestctl-limits-list.json)")
	cmd.Flags().IntVar(&limit, "limit", 100, "print at most `N` customers")
	return cmd
}

func (s *session) listLimits(ctx context.Context, t *inspect.Tracer, most int, asJSON bool) error {
	limits, total, err := t.ListLimits(ctx, most)
	if err != nil {
		return err
	}
	if asJSON {
		err = printJSON(s.out, answer.LimitsOf(limits, total, t.Limiter.Default()))
	} else {
		_, err = s.out.Write(limitTable(limits, total, t.Limiter.Default()))
	}
	if err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	wrong := 0
	for _, l := range limits {
		if l.Fault != nil || l.Misplaced {
			wrong++
		}
	}
	if wrong > 0 {
		return errors.New(plural.Of(wrong, "limit does not apply", "limits do not apply"))
	}
	return nil
}

func limitTable(limits []inspect.CustomerLimit, total int64, standard limiter.Limit) []byte {
	p := &page{}
	if len(limits) > 0 {
		p.line("%s  %s  %s", cell("CUSTOMER", 32), cell("LIMIT", 15), "APPLIES")
	}
	for _, l := range limits {
		applies := "yes"
		switch {
		case l.Fault != nil:
			applies = "no: it can't be read"
		case l.Misplaced:
			applies = "no: wrong partition"
		case standard.Mode == limiter.Off:
			applies = "no: limiter is off"
		}
		p.line("%s  %s  %s", cell(l.CustomerID, 32), cell(l.Own, 15), applies)
	}
	if n := len(limits); int64(n) < total {
		p.line("%s of %s; --limit shows more", thousands(int64(n)), thousands(total))
	} else {
		p.line("%s; all others: %s", plural.Of(n, "customer has a limit of its own", "customers have limits of their own"), standard)
	}
	return p.Bytes()
}
