package console_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// fromIngestctl are the schemas that the API shares with ingestctl --json.
var fromIngestctl = [][2]string{
	{"Status", "status"}, {"DeadLetter", "dead-show"}, {"Replay", "dead-replay"}, {"Purge", "dead-purge"}, {"Edit", "dead-edit"},
	{"Pause", "pause"}, {"Resume", "resume"}, {"Limit", "limits-get"}, {"Limits", "limits-list"}, {"LimitSet", "limits-set"},
	{"LimitUnset", "limits-unset"}, {"Window", "limits-show"}, {"Trace", "trace"},
}

const sharedSchemas = "    # Below are the schemas of docs/schema: UPDATE_GOLDEN=1 go test ./console -run TestOpenAPI writes them.\n"

// The document has the schemas of ingestctl as they are.
func TestOpenAPIHasTheSchemasOfIngestctl(t *testing.T) {
	document, err := os.ReadFile("openapi.yaml")
	must(t, err)
	own, _, _ := strings.Cut(string(document), sharedSchemas)
	want := strings.TrimRight(own, "\n") + "\n" + sharedSchemas
	for _, s := range fromIngestctl {
		want += "    " + s[0] + ":\n      " + schemaText(t, s[1]) + "\n"
	}
	if os.Getenv("UPDATE_GOLDEN") != "" {
		must(t, os.WriteFile("openapi.yaml", []byte(want), 0o644))
	} else if want != string(document) {
		t.Error("docs/schema has changed: UPDATE_GOLDEN=1 writes openapi.yaml again")
	}
}

// schemaText is a schema as JSON, which YAML includes, without what belongs to a file.
func schemaText(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../docs/schema/ingestctl-" + name + ".json")
	must(t, err)
	var lines []string
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, `  "$schema"`) && !strings.HasPrefix(line, `  "$id"`) && !strings.HasPrefix(line, `  "title"`) {
			lines = append(lines, line)
		}
	}
	var out bytes.Buffer
	must(t, json.Indent(&out, []byte(strings.Join(lines, "")), "      ", " "))
	return strings.TrimSpace(out.String())
}
