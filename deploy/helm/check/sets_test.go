package check

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	"k8s.io/apimachinery/pkg/runtime"
)

var update = flag.Bool("update", false, "write what the sets of values are rendered to")

// TestSets renders all sets of values and checks every object.
func TestSets(t *testing.T) {
	for _, set := range sets(t) {
		t.Run(set, func(t *testing.T) {
			rendered, err := render(t, valuesOf(t, set))
			if err != nil {
				t.Fatal(err)
			}
			docs := documents(rendered)
			compare(t, set, strings.Join(docs, "---\n"))
			var objects []runtime.Object
			for _, document := range docs {
				apiVersion, kind, name := kindOf(t, document)
				if strings.HasPrefix(apiVersion, "keda.sh/") {
					checkScaledObject(t, document)
					continue
				}
				object, err := decode(document)
				if err != nil {
					t.Errorf("%s %s: %v\n%s", kind, name, err, document)
					continue
				}
				objects = append(objects, object)
			}
			newInstallation(t, objects, docs).check()
		})
	}
}

// compare compares what a set is rendered to with the file that the tests of test/deploy
// read.
func compare(t *testing.T, set, got string) {
	t.Helper()
	file := filepath.Join("testdata", "rendered", set+".yaml")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("the chart renders something else (go test -C deploy/helm/check -update writes it down):\n%s", diff)
	}
}

// Helm's own linter has nothing to say but that there is no icon.
func TestLint(t *testing.T) {
	for _, set := range sets(t) {
		for _, message := range lint.AllWithKubeVersion(chartDir, valuesOf(t, set), release.Namespace, nil).Messages {
			if message.Severity > support.InfoSev {
				t.Errorf("%s: %v", set, message)
			}
		}
	}
}
