// Package schema checks JSON against the schemas in docs/schema.
package schema

import (
	"bytes"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Check fails the test unless doc is one JSON value that docs/schema/NAME.json allows.
func Check(t testing.TB, name string, doc []byte) {
	t.Helper()
	_, self, _, _ := runtime.Caller(0)
	path := filepath.Join(filepath.Dir(self), "../../../docs/schema", name+".json")
	rules, err := jsonschema.NewCompiler().Compile(path)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		t.Fatalf("no JSON: %v\n%s", err, doc)
	}
	if err := rules.Validate(value); err != nil {
		t.Errorf("not as %s says: %v\n%s", path, err, doc)
	}
}
