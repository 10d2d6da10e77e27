package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"ingestion/internal/answer"
	"ingestion/internal/inspect"
	"ingestion/internal/plural"
	"ingestion/limiter"
)

const limitsShowHelp = `show prints a customer's sliding window: its places on a time line, when the next
place is free, and what a record that arrived now would meet. It changes nothing.

A place is the time at which a record was admitted. One that lies ahead is
reserved for a record that was deferred. When records were refused is told only
by dead letters, of which show looks at the newest 2000 of the customer's
partition. How often its records were over the limit lately, and so refused or
deferred, is counted there for the customers that hit their limits most: within
bounds, and an hour counts half as much as the one after it. A list counts none.

Exit codes:
  0  printed
  1  Redis failed, or the customer's key is not a sorted set
  2  wrong usage or configuration`

func limitsShowCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "show CUSTOMER",
		Short:   "Show a customer's window as a time line (read-only)",
		Long:    limitsShowHelp,
		Example: "  ingestctl limits show 42\n  ingestctl limits show 42 --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			customer, err := customerArgument(args[0])
			if err != nil {
				return err
			}
			return withTracer(cmd, func(ctx context.Context, s *session, t *inspect.Tracer) error {
				w, err := t.ReadWindow(ctx, customer)
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(s.out, answer.WindowOf(w))
				}
				_, err = s.out.Write(windowPage(w))
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object (docs/schema/ingestctl-limits-show.json)")
	return cmd
}

// shownPlaces is how many places are listed, the latest ones.
const shownPlaces = 10

func windowPage(w *inspect.CustomerWindow) []byte {
	p := &page{}
	p.wrapped("", fmt.Sprintf("Customer %s at %s UTC", w.CustomerID, moment(time.UnixMilli(w.Now))))
	p.wrapped("  limit     ", inspect.LimitWords(w.Limit, w.Own != "" && w.OwnFault == nil))
	if w.OwnFault != nil {
		p.wrapped("            ", "its own limit does not apply: "+w.OwnFault.Error())
	}
	if w.Limit.Mode == limiter.Windowed {
		p.wrapped("  places    ", w.PlacesWords())
	}
	p.wrapped("  a record  ", "now: "+w.VerdictWords())
	if words := w.LatelyWords(); words != "" {
		p.wrapped("  lately    ", words)
	}
	p.line("")
	if w.Limit.Mode == limiter.Windowed && len(w.Around) > 0 {
		p.timeline(w)
		p.places(w)
	}
	p.refusals(w)
	return p.Bytes()
}

func (p *page) places(w *inspect.CustomerWindow) {
	from := max(0, len(w.Around)-shownPlaces)
	if hidden := w.First + from; hidden > 0 {
		p.line("  %s before these", plural.Of(hidden, "place", "places"))
	}
	for _, place := range w.Around[from:] {
		what := "admitted"
		if place.At > w.Now {
			what = "reserved"
		}
		p.line("  %s  %s  %s", moment(time.UnixMilli(place.At)), what, cell(place.Member, 20))
	}
	p.line("")
}

func (p *page) refusals(w *inspect.CustomerWindow) {
	if w.RefusalsErr != nil {
		p.wrapped("", "refusals: unknown: "+w.RefusalsErr.Error())
		return
	}
	for i, at := range w.Refusals {
		if i == shownPlaces {
			p.line("  and more")
			break
		}
		p.line("  %s  refused   (dead letter)", moment(at))
	}
	if len(w.Refusals) == 0 {
		p.line("no refusal is known: there is no rate-limited dead letter of this customer")
	}
	if w.Looked.Total > 0 {
		p.wrapped("", w.Looked.Words(""))
	}
}
