// Package deploy tests what deploy and docs/observability.md give to Prometheus and
// Grafana: promtool checks the rules, and every query is run by a Prometheus that
// scrapes a live worker.
package deploy
