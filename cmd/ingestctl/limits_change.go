package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"ingestion/internal/answer"
	"ingestion/internal/inspect"
	"ingestion/limiter"
)

const limitsSetHelp = `set gives a customer a limit of its own, in the customer's partition. It takes
effect with the next batch of each worker. Places that the customer has in its
window stay, so a lower limit applies to what comes from now on.

This command changes what is admitted. It asks on a terminal, and wants --yes
elsewhere. It may be repeated: running it again changes nothing.

Exit codes:
  0  set, or it was so already
  1  not confirmed, or Redis failed
  2  wrong usage or configuration`

const limitsUnsetHelp = `unset removes a customer's own limit, so that the default applies from the next
batch of each worker on.

This command changes what is admitted. It asks on a terminal, and wants --yes
elsewhere. It may be repeated: running it again changes nothing.

Exit codes:
  0  removed, or there was none
  1  not confirmed, or Redis failed
  2  wrong usage or configuration`

// limitsChange sets a limit, or removes it.
type limitsChange struct {
	approval
	json     bool
	name     string // set or unset
	customer string
	limit    *limiter.Limit // nil: remove it
}

func limitsSetCommand() *cobra.Command {
	c := &limitsChange{name: "set"}
	cmd := &cobra.Command{
		Use:     "set CUSTOMER LIMIT/WINDOW",
		Short:   "Give a customer a limit of its own (changing)",
		Long:    limitsSetHelp,
		Example: "  ingestctl limits set 42 100/60\n  ingestctl limits set 42 block --yes\n  ingestctl limits set 42 100/60 --dry-run",
		Args:    cobra.ExactArgs(2),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) == 1 {
				return []cobra.Completion{"off", "block", "100/60"}, cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			limit, err := limitArgument(args[1])
			if err != nil {
				return err
			}
			c.limit = &limit
			return c.run(cmd, args[0])
		},
	}
	c.addFlags(cmd)
	return cmd
}

func limitsUnsetCommand() *cobra.Command {
	c := &limitsChange{name: "unset"}
	cmd := &cobra.Command{
		Use:     "unset CUSTOMER",
		Short:   "Remove a customer's own limit (changing)",
		Long:    limitsUnsetHelp,
		Example: "  ingestctl limits unset 42 --yes\n  ingestctl limits unset 42 --dry-run",
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return c.run(cmd, args[0]) },
	}
	c.addFlags(cmd)
	return cmd
}

func (c *limitsChange) addFlags(cmd *cobra.Command) {
	c.approval.addFlags(cmd)
	cmd.Flags().BoolVar(&c.json, "json", false, "print one JSON object (docs/schema/ingestctl-limits-"+c.name+".json)")
}

func (c *limitsChange) run(cmd *cobra.Command, customer string) (err error) {
	if c.customer, err = customerArgument(customer); err != nil {
		return err
	}
	if err := c.approval.check(cmd); err != nil {
		return err
	}
	return withTracer(cmd, func(ctx context.Context, s *session, t *inspect.Tracer) error {
		before, err := t.ReadLimit(ctx, c.customer)
		if err != nil {
			return err
		}
		if !c.dryRun {
			if err := c.approval.ask(cmd, c.question(before)); err != nil {
				return err
			}
		}
		return c.apply(ctx, s, t, before)
	})
}

func (c *limitsChange) wanted() string {
	if c.limit == nil {
		return ""
	}
	return c.limit.String()
}

// question is what a person is asked.
func (c *limitsChange) question(before inspect.CustomerLimit) string {
	after := before
	after.Own, after.Fault, after.Limit = c.wanted(), nil, c.applies(before)
	p := &page{}
	p.wrapped("", fmt.Sprintf("customer %s now: %s", c.customer, before.Words()))
	p.wrapped("", fmt.Sprintf("customer %s then: %s", c.customer, after.Words()))
	return p.String() + "Change it?"
}

// applies is the limit that applies after the change.
func (c *limitsChange) applies(before inspect.CustomerLimit) limiter.Limit {
	if c.limit == nil || before.Default.Mode == limiter.Off {
		return before.Default
	}
	return *c.limit
}

func (c *limitsChange) apply(ctx context.Context, s *session, t *inspect.Tracer, before inspect.CustomerLimit) (err error) {
	after := before
	if c.dryRun {
		after.Own, after.Fault, after.Limit = c.wanted(), nil, c.applies(before)
	} else {
		if c.limit == nil {
			before.Own, err = t.UnsetLimit(ctx, c.customer)
		} else {
			before.Own, err = t.SetLimit(ctx, c.customer, *c.limit)
		}
		if err == nil {
			after, err = t.ReadLimit(ctx, c.customer)
		}
	}
	if err != nil {
		return fmt.Errorf("not finished, and safe to repeat: %w", explainFull(err, "and repeat the command"))
	}
	return c.print(s, before, after)
}

func (c *limitsChange) print(s *session, before, after inspect.CustomerLimit) error {
	if c.json {
		out := answer.LimitChangeOf(before, after)
		out.DryRun, out.Changed = c.dryRun, out.Changed && !c.dryRun
		return printJSON(s.out, out)
	}
	p := &page{}
	now := "now"
	if c.dryRun {
		now = "would be"
	}
	p.wrapped(fmt.Sprintf("%-9s ", "before:"), before.Words())
	p.wrapped(fmt.Sprintf("%-9s ", now+":"), after.Words())
	if before.Own == after.Own {
		p.line("nothing changed: it was so already")
	}
	_, err := s.out.Write(p.Bytes())
	return err
}
