package deploy_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"testing"

	"ingestion/internal/test/dashboard"
	"ingestion/record"
)

const dashboardFile = root + "/deploy/grafana/dashboards/ingestion.json"

func readDashboard(t *testing.T) dashboard.Dashboard {
	t.Helper()
	var d dashboard.Dashboard
	if err := json.Unmarshal([]byte(read(t, dashboardFile)), &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Panels) < 30 {
		t.Fatalf("found only %d panels", len(d.Panels))
	}
	return d
}

// variableSource is the data source that the reader of the dashboard selects.
var variableSource = dashboard.Source{Type: "prometheus", UID: "${datasource}"}

func TestPanelsAreComplete(t *testing.T) {
	d := readDashboard(t)
	if d.UID == "" || d.SchemaVersion < 39 {
		t.Errorf("UID %q, schema %d", d.UID, d.SchemaVersion)
	}
	ids := map[int]bool{}
	for _, p := range d.Panels {
		if ids[p.ID] || p.Title == "" {
			t.Errorf("panel %q: the ID %d is not the only one, or it has no title", p.Title, p.ID)
		}
		ids[p.ID] = true
	}
	for _, p := range d.Visual() {
		if p.Description == "" || p.FieldConfig.Defaults.Unit == "" || len(p.Targets) == 0 || p.Datasource != variableSource {
			t.Errorf("%s: description %q, unit %q, %d queries, data source %v", p.Title, p.Description, p.FieldConfig.Defaults.Unit, len(p.Targets), p.Datasource)
		}
		refs := map[string]bool{}
		for _, q := range p.Targets {
			if refs[q.RefID] || q.Expr == "" || q.Datasource != variableSource {
				t.Errorf("%s: query %q: %+v", p.Title, q.RefID, q)
			}
			refs[q.RefID] = true
		}
	}
}

func TestPanelsDoNotOverlap(t *testing.T) {
	taken := map[[2]int]string{}
	for _, p := range readDashboard(t).Panels {
		g := p.GridPos
		if g.X < 0 || g.X+g.W > 24 {
			t.Errorf("%s: from column %d to %d, want 0 to 24", p.Title, g.X, g.X+g.W)
		}
		for x := g.X; x < g.X+g.W; x++ {
			for y := g.Y; y < g.Y+g.H; y++ {
				if other, found := taken[[2]int{x, y}]; found {
					t.Fatalf("%s overlaps %s", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}

// Each outcome has one colour of its own, in all panels by outcome.
func TestOutcomesHaveColours(t *testing.T) {
	colours := map[string]string{}
	panels := 0
	for _, p := range readDashboard(t).Visual() {
		if p.Targets[0].LegendFormat != "{{outcome}}" {
			continue
		}
		panels++
		here := map[string]string{}
		for _, o := range p.FieldConfig.Overrides {
			var colour struct{ FixedColor string }
			if err := json.Unmarshal(o.Properties[0].Value, &colour); err != nil || o.Matcher.ID != "byName" {
				t.Fatalf("%s: %v", p.Title, err)
			}
			here[o.Matcher.Options] = colour.FixedColor
		}
		for _, outcome := range record.Outcomes() {
			name := outcome.String()
			if colours[name] == "" {
				colours[name] = here[name]
			}
			if here[name] == "" || here[name] != colours[name] {
				t.Errorf("%s: the colour of %s is %q, want %q", p.Title, name, here[name], colours[name])
			}
		}
	}
	seen := map[string]bool{}
	for name, colour := range colours {
		if seen[colour] {
			t.Errorf("%s has the colour %s of another outcome", name, colour)
		}
		seen[colour] = true
	}
	if panels < 3 {
		t.Errorf("only %d panels by outcome", panels)
	}
}

var variableUse = regexp.MustCompile(`\$(\w+)`)

func TestVariablesExist(t *testing.T) {
	d := readDashboard(t)
	known := []string{"__rate_interval"}
	for _, v := range d.Templating.List {
		known = append(known, v.Name)
		if v.Type == "query" && v.Datasource != variableSource {
			t.Errorf("variable %s: data source %v", v.Name, v.Datasource)
		}
	}
	for _, expr := range d.Expressions() {
		for _, use := range variableUse.FindAllStringSubmatch(expr, -1) {
			if !slices.Contains(known, use[1]) {
				t.Errorf("%s: no variable %s", expr, use[1])
			}
		}
	}
}
