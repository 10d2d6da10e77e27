// Package dashboard reads dashboards as Grafana does, for tests of what they ask Prometheus.
package dashboard

import (
	"encoding/json"
	"regexp"
	"strings"
)

// Dashboard is what tests look at of the JSON that Grafana reads.
type Dashboard struct {
	UID           string
	Title         string
	SchemaVersion int
	Panels        []Panel
	Annotations   struct{ List []Target }
	Templating    struct{ List []Variable }
}

// Panel is a panel, or a row of them.
type Panel struct {
	ID          int
	Type        string
	Title       string
	Description string
	Datasource  Source
	GridPos     struct{ H, W, X, Y int }
	Targets     []Target
	FieldConfig struct {
		Defaults  struct{ Unit string }
		Overrides []Override
	}
}

// Source is a data source.
type Source struct{ Type, UID string }

// Target is a query.
type Target struct {
	Expr         string
	RefID        string `json:"refId"`
	LegendFormat string
	Datasource   Source
}

// Override changes how the series that it matches are shown.
type Override struct {
	Matcher    struct{ ID, Options string }
	Properties []struct {
		ID    string
		Value json.RawMessage
	}
}

// Variable is what the reader of a dashboard selects.
type Variable struct {
	Name, Type, Definition string
	Datasource             Source
}

// Visual returns the panels that are not rows.
func (d Dashboard) Visual() (all []Panel) {
	for _, p := range d.Panels {
		if p.Type != "row" {
			all = append(all, p)
		}
	}
	return all
}

// labelValues is how Grafana's variables ask for the values of a label.
var labelValues = regexp.MustCompile(`^label_values\((.*), \w+\)$`)

// Expressions returns the PromQL of panels, annotations and variables.
func (d Dashboard) Expressions() (all []string) {
	for _, p := range d.Visual() {
		for _, q := range p.Targets {
			all = append(all, q.Expr)
		}
	}
	for _, a := range d.Annotations.List {
		if a.Expr != "" {
			all = append(all, a.Expr)
		}
	}
	for _, v := range d.Templating.List {
		if labelValues.MatchString(v.Definition) {
			all = append(all, labelValues.FindStringSubmatch(v.Definition)[1])
		}
	}
	return all
}

// Concrete replaces the variables of the service's dashboard as Grafana does if all values are
// selected.
func Concrete(expr string) string {
	return strings.NewReplacer("$__rate_interval", "1m", "$job", ".*", "$instance", ".*", "$partition", ".*").Replace(expr)
}

// mayBeEmpty are parts of expressions that have no result while all is well.
var mayBeEmpty = []string{
	"ALERTS",                         // no alert fires
	"changes(ingestion_ledger_epoch", // no new epoch
	"changes(process_start_time_seconds",
}

// MayBeEmpty reports whether an expression has no result while all is well.
func MayBeEmpty(expr string) bool {
	for _, part := range mayBeEmpty {
		if strings.Contains(expr, part) {
			return true
		}
	}
	return false
}
