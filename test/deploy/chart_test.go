package deploy_test

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"ingestion/internal/config"
	"ingestion/internal/test/env"
)

// rendered is what the chart makes of its sets of values; `make chart` keeps it up to date.
const rendered = root + "/deploy/helm/check/testdata/rendered"

// manifest is what these tests read of an object.
type manifest struct {
	Kind     string
	Metadata struct{ Name string }
	Spec     struct {
		Template struct {
			Spec struct {
				TerminationGracePeriodSeconds int
				Containers                    []container
			}
		}
		Endpoints []struct {
			Path      string
			BasicAuth struct{ Username, Password struct{ Name, Key string } }
		}
		Triggers []struct{ Metadata map[string]string }
	}
}

type container struct {
	Command []string
	Env     []struct {
		Name, Value string
		ValueFrom   struct {
			SecretKeyRef struct{ Name, Key string }
		}
	}
	Ports []struct {
		Name          string
		ContainerPort int
	}
	LivenessProbe, ReadinessProbe probe
}

type probe struct {
	HTTPGet struct{ Path, Port string }

	PeriodSeconds, TimeoutSeconds, FailureThreshold int
}

// manifests reads a set of the chart's objects.
func manifests(t *testing.T, set string) []manifest {
	t.Helper()
	decoder := yaml.NewDecoder(strings.NewReader(read(t, filepath.Join(rendered, set+".yaml"))))
	var all []manifest
	for {
		var object any
		err := decoder.Decode(&object)
		if errors.Is(err, io.EOF) {
			break
		}
		var m manifest
		text, jsonErr := json.Marshal(object)
		if err := errors.Join(err, jsonErr, json.Unmarshal(text, &m)); err != nil {
			t.Fatalf("%s: %v", set, err)
		}
		all = append(all, m)
	}
	if len(all) < 3 {
		t.Fatalf("%s has only %d objects", set, len(all))
	}
	return all
}

// find returns the object of a set of the given kind whose name ends with a word.
func find(t *testing.T, set, kind, name string) manifest {
	t.Helper()
	for _, m := range manifests(t, set) {
		if m.Kind == kind && strings.HasSuffix(m.Metadata.Name, name) {
			return m
		}
	}
	t.Fatalf("%s has no %s %s", set, kind, name)
	return manifest{}
}

// container returns the only container of a deployment's pods.
func (m manifest) container() container { return m.Spec.Template.Spec.Containers[0] }

// grace returns how long a pod may take to end before it is killed.
func (m manifest) grace() time.Duration {
	return time.Duration(m.Spec.Template.Spec.TerminationGracePeriodSeconds) * time.Second
}

// environ returns the container's variables; instead replaces the values of some.
// Passwords and certificates are in files of the test.
func (c container) environ(t *testing.T, instead map[string]string) []string {
	t.Helper()
	instead = maps.Clone(instead)
	certificates := sync.OnceValue(func() map[string]string {
		authority := env.NewAuthority(t)
		pair := authority.Issue(time.Now().Add(time.Hour), "redis")
		return map[string]string{"REDIS_TLS_CA_FILE": authority.File, "REDIS_TLS_CERT_FILE": pair.Cert, "REDIS_TLS_KEY_FILE": pair.Key}
	})
	plain := strings.HasPrefix(instead["REDIS_URL"], "redis://")
	var all []string
	for _, v := range c.Env {
		value, replaced := instead[v.Name]
		switch {
		case replaced:
		case strings.HasPrefix(v.Name, "REDIS_TLS_") && plain: // the Redis of the test
		case v.Name == "MONGO_PASSWORD_FILE": // the embedded MongoDB has no users
		case strings.HasPrefix(v.Name, "REDIS_TLS_") && strings.HasSuffix(v.Name, "_FILE"):
			value = certificates()[v.Name]
		case strings.HasSuffix(v.Name, "_FILE"):
			value = secretFile(t)
		case v.ValueFrom.SecretKeyRef.Name != "":
			t.Fatalf("%s comes from a secret: the test has to give it", v.Name)
		default:
			value = v.Value
		}
		delete(instead, v.Name)
		all = append(all, v.Name+"="+value)
	}
	if len(instead) > 0 {
		t.Fatalf("the container does not have the variables %v", slices.Collect(maps.Keys(instead)))
	}
	return all
}

const secret = "sesame"

func secretFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestSettingsOfTheChart checks the settings of all programs in all sets, as the programs
// do at their start.
func TestSettingsOfTheChart(t *testing.T) {
	files, err := filepath.Glob(rendered + "/*.yaml")
	if err != nil || len(files) < 6 {
		t.Fatalf("%d sets of values (%v), want 6", len(files), err)
	}
	programs := map[string]int{}
	for _, file := range files {
		set := strings.TrimSuffix(filepath.Base(file), ".yaml")
		for _, m := range manifests(t, set) {
			if m.Kind == "Deployment" {
				programs[m.container().Command[0]]++
				t.Run(set+" "+m.Metadata.Name, func(t *testing.T) { checkSettings(t, m.container()) })
			}
		}
	}
	for _, program := range []string{"worker", "console", "archiver"} {
		if programs[program] < 3 {
			t.Errorf("%d sets have a %s, want 3", programs[program], program)
		}
	}
}

func checkSettings(t *testing.T, c container) {
	t.Helper()
	fromSecrets := map[string]string{"REDIS_URL": "redis://r", "MONGO_URI": "mongodb://m", "CONSOLE_USER": "u"}
	vars, instead := map[string]string{}, map[string]string{}
	for _, v := range c.Env {
		if value, ok := fromSecrets[v.Name]; ok && v.ValueFrom.SecretKeyRef.Name != "" {
			instead[v.Name] = value
		}
		// Files of the pod, which are not here.
		if strings.Contains(v.Value, "/run/ca/") {
			instead[v.Name] = regexp.MustCompile(`&tls(=|CAFile)[^&]*`).ReplaceAllString(v.Value, "")
		}
	}
	for _, assignment := range c.environ(t, instead) {
		name, value, _ := strings.Cut(assignment, "=")
		vars[name] = value
	}
	cfg, err := config.Parse(vars)
	if err != nil {
		t.Fatal(err)
	}
	for name := range vars {
		if !strings.HasPrefix(name, "OTEL_") && !slices.ContainsFunc(cfg.Settings(), func(s config.Setting) bool { return s.Name == name }) {
			t.Errorf("%s is no setting", name)
		}
	}
}
