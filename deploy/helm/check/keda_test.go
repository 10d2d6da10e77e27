package check

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"
)

// kedaDir returns the directory of KEDA's module, in the version of keda.mod.
var kedaDir = sync.OnceValues(func() (string, error) {
	const module = "github.com/kedacore/keda/v2"
	if output, err := exec.Command("go", "mod", "download", "-modfile=keda.mod", module).CombinedOutput(); err != nil {
		return string(output), err
	}
	output, err := exec.Command("go", "list", "-modfile=keda.mod", "-m", "-f", "{{.Dir}}", module).Output()
	return strings.TrimSpace(string(output)), err
})

func kedaFile(t *testing.T, name string) string {
	t.Helper()
	dir, err := kedaDir()
	if err != nil {
		t.Fatalf("KEDA's module: %v\n%s", err, dir)
	}
	return filepath.Join(dir, filepath.FromSlash(name))
}

// scaledObjectSchema is the schema of KEDA's own definition of the resource, with no fields
// but those that it names.
func scaledObjectSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := os.ReadFile(kedaFile(t, "config/crd/bases/keda.sh_scaledobjects.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var definition struct {
		Spec struct {
			Versions []struct {
				Name   string
				Schema struct{ OpenAPIV3Schema map[string]any }
			}
		}
	}
	if err := yaml.Unmarshal(text, &definition); err != nil {
		t.Fatal(err)
	}
	version := definition.Spec.Versions[0]
	if version.Name != "v1alpha1" {
		t.Fatalf("KEDA defines version %s", version.Name)
	}
	closeObjects(version.Schema.OpenAPIV3Schema)
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("scaledobject", version.Schema.OpenAPIV3Schema); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("scaledobject")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// closeObjects forbids the fields that a schema does not name, as a strict API server does.
func closeObjects(schema map[string]any) {
	properties, _ := schema["properties"].(map[string]any)
	_, open := schema["additionalProperties"]
	if preserve, _ := schema["x-kubernetes-preserve-unknown-fields"].(bool); len(properties) > 0 && !open && !preserve {
		schema["additionalProperties"] = false
	}
	for _, property := range properties {
		closeObjects(property.(map[string]any))
	}
	for _, below := range []string{"items", "additionalProperties"} {
		if inner, ok := schema[below].(map[string]any); ok {
			closeObjects(inner)
		}
	}
}

func checkScaledObject(t *testing.T, document string) {
	t.Helper()
	var object map[string]any
	if err := yaml.Unmarshal([]byte(document), &object); err != nil {
		t.Fatal(err)
	}
	if err := scaledObjectSchema(t).Validate(object); err != nil {
		t.Errorf("%v\n%s", err, document)
	}
	var scaled struct {
		Spec struct {
			Triggers []struct {
				Type     string
				Metadata map[string]string
			}
		}
	}
	if err := yaml.Unmarshal([]byte(document), &scaled); err != nil || len(scaled.Spec.Triggers) == 0 {
		t.Fatalf("no trigger (%v) in:\n%s", err, document)
	}
	for _, trigger := range scaled.Spec.Triggers {
		if trigger.Type != "prometheus" {
			t.Errorf("a trigger of type %s", trigger.Type)
		}
		checkParameters(t, trigger.Metadata)
	}
}

// checkParameters compares the parameters of a trigger with those that KEDA's scaler reads:
// it ignores others without a word.
func checkParameters(t *testing.T, given map[string]string) {
	t.Helper()
	known := parametersOf(t, "pkg/scalers/prometheus_scaler.go", "prometheusMetadata")
	for name := range given {
		if _, ok := known[name]; !ok {
			t.Errorf("KEDA's scaler has no parameter %s", name)
		}
	}
	for name, required := range known {
		if required && given[name] == "" {
			t.Errorf("KEDA's scaler needs %s", name)
		}
	}
	if given["ignoreNullValues"] != "false" {
		t.Error("KEDA would take a backlog that is not known for an empty one")
	}
}

// parametersOf returns the parameters that a struct of KEDA reads, and which are required,
// by the tags of its fields.
func parametersOf(t *testing.T, file, name string) map[string]bool {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), kedaFile(t, file), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	parameters := map[string]bool{}
	ast.Inspect(parsed, func(node ast.Node) bool {
		spec, ok := node.(*ast.TypeSpec)
		if !ok || spec.Name.Name != name {
			return true
		}
		for _, field := range spec.Type.(*ast.StructType).Fields.List {
			if field.Tag != nil {
				addParameter(t, parameters, field.Tag.Value)
			}
		}
		return false
	})
	if len(parameters) == 0 {
		t.Fatalf("no parameters in %s of %s", name, file)
	}
	return parameters
}

func addParameter(t *testing.T, parameters map[string]bool, literal string) {
	t.Helper()
	tag, err := strconv.Unquote(literal)
	if err != nil {
		t.Fatal(err)
	}
	name, required := "", true
	for option := range strings.SplitSeq(reflect.StructTag(tag).Get("keda"), ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(option), "=")
		switch key {
		case "name":
			name = value
		case "optional", "default":
			required = false
		}
	}
	if name != "" {
		parameters[name] = required
	}
}

// The schema must notice what it is there for.
func TestTheSchemaOfKEDAIsStrict(t *testing.T) {
	schema := scaledObjectSchema(t)
	const sound = `{apiVersion: keda.sh/v1alpha1, kind: ScaledObject, metadata: {name: x}, spec: {scaleTargetRef: {name: x}, triggers: [{type: prometheus, metadata: {threshold: "5"}}]}}`
	for name, c := range map[string]struct{ old, instead string }{
		"sound":                    {},
		"a field that is misspelt": {"spec: {", "spec: {minReplicas: 0, "},
		"a number for a text":      {`"5"`, "5"},
		"no target":                {"scaleTargetRef: {name: x}, ", ""},
	} {
		var object map[string]any
		if err := yaml.Unmarshal([]byte(strings.Replace(sound, c.old, c.instead, 1)), &object); err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(object); (err == nil) != (c.old == "") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
