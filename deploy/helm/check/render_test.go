package check

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"sigs.k8s.io/yaml"
)

// chartDir is the chart.
const chartDir = ".."

// release is what all sets of values are installed as.
var release = chartutil.ReleaseOptions{Name: "eu", Namespace: "records", IsInstall: true, Revision: 1}

func loadChart(t *testing.T) *chart.Chart {
	t.Helper()
	c, err := loader.LoadDir(chartDir)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// render renders the chart as `helm template` does. The keys of the result are the names
// of the templates.
func render(t *testing.T, values map[string]any) (map[string]string, error) {
	t.Helper()
	c := loadChart(t)
	all, err := chartutil.ToRenderValues(c, values, release, chartutil.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	return engine.Render(c, all)
}

// parse reads values.
func parse(t *testing.T, text string) map[string]any {
	t.Helper()
	values, err := chartutil.ReadValues([]byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return values
}

var separator = regexp.MustCompile(`(?m)^---\n`)

// documents returns the objects of all templates, as YAML, in the order of the templates'
// names.
func documents(rendered map[string]string) []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(rendered)) {
		if filepath.Ext(name) != ".yaml" {
			continue
		}
		for _, text := range separator.Split(rendered[name], -1) {
			if strings.TrimSpace(text) != "" {
				all = append(all, strings.TrimSpace(text)+"\n")
			}
		}
	}
	return all
}

// sets returns the names of the sets of values.
func sets(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/values/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 6 {
		t.Fatalf("only %d sets of values", len(files))
	}
	var names []string
	for _, file := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(file), ".yaml"))
	}
	return names
}

// valuesOf reads a set of values.
func valuesOf(t *testing.T, set string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "values", set+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(text))
}

// kindOf returns what kind of object a document is, and its name.
func kindOf(t *testing.T, document string) (apiVersion, kind, name string) {
	t.Helper()
	var object struct {
		APIVersion, Kind string
		Metadata         struct{ Name string }
	}
	if err := yaml.Unmarshal([]byte(document), &object); err != nil {
		t.Fatalf("%v\n%s", err, document)
	}
	return object.APIVersion, object.Kind, object.Metadata.Name
}
