// Command dashboard waits until every query of Grafana's home dashboard has a result, asked
// through Grafana as the dashboard does, and every expression that it is given:
//
//	dashboard -url http://127.0.0.1:3000 'count(up == 1) == 3'
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"ingestion/internal/test/dashboard"
)

const interval = time.Second

func main() {
	g := grafana{}
	flag.StringVar(&g.url, "url", "http://127.0.0.1:3000", "address of Grafana")
	flag.StringVar(&g.password, "password", "admin", "password of the user admin")
	timeout := flag.Duration("timeout", time.Minute, "exit with code 1 after this time")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), *timeout)
	defer cancel()
	if err := run(ctx, g, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "dashboard:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, g grafana, wanted []string) error {
	uid, err := g.prometheus(ctx)
	if err != nil {
		return err
	}
	home, err := g.home(ctx)
	if err != nil {
		return err
	}
	var exprs []string
	for _, expr := range home.Expressions() {
		exprs = append(exprs, dashboard.Concrete(expr))
	}
	if err := g.await(ctx, uid, slices.Concat(wanted, exprs)); err != nil {
		return err
	}
	fmt.Printf("all %d queries of the dashboard %q\n", len(exprs), home.Title)
	return nil
}

// await returns when each expression has had a result, or may be without one. It gives up at
// once if Prometheus refuses an expression.
func (g grafana) await(ctx context.Context, uid string, exprs []string) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		var empty []string
		var last error
		for _, expr := range exprs {
			results, err := g.query(ctx, uid, expr)
			if errors.Is(err, errRefused) {
				return err
			}
			if err != nil {
				last = err
			}
			if err != nil || results == 0 && !mayBeEmpty(expr) {
				empty = append(empty, expr)
			}
		}
		if len(empty) == 0 {
			return nil
		}
		select {
		case <-tick.C:
			exprs = empty
		case <-ctx.Done():
			return fmt.Errorf("no result within the time (last error: %v) of\n%s", last, strings.Join(empty, "\n"))
		}
	}
}

// mayBeEmpty reports whether an expression has no result when all is well and nothing waits.
func mayBeEmpty(expr string) bool {
	return dashboard.MayBeEmpty(expr) || strings.Contains(expr, "ingestion_oldest_pending_timestamp_seconds") ||
		strings.Contains(expr, "ingestion_oldest_unarchived_timestamp_seconds")
}
