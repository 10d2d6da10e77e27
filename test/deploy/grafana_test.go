package deploy_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ingestion/internal/test/env"
)

// grafana is the stand-in for Grafana, with a copy of deploy/grafana.
type grafana struct {
	t    *testing.T
	dir  string
	addr string
	env  []string
}

func newGrafana(t *testing.T) *grafana {
	t.Helper()
	g := &grafana{t: t, dir: t.TempDir(), addr: freeAddress(t)}
	if err := os.CopyFS(g.dir, os.DirFS(root+"/deploy/grafana")); err != nil {
		t.Fatal(err)
	}
	_, port, _ := strings.Cut(g.addr, ":")
	g.env = []string{
		"GF_SERVER_HTTP_ADDR=127.0.0.1", "GF_SERVER_HTTP_PORT=" + port, "GF_PATHS_DATA=" + t.TempDir(),
		"GF_PATHS_PROVISIONING=" + g.dir + "/provisioning", "GF_AUTH_ANONYMOUS_ENABLED=true",
		"GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH=" + g.dir + "/dashboards/ingestion.json",
	}
	g.edit("provisioning/dashboards/ingestion.yml", "/etc/grafana", g.dir)
	return g
}

// edit replaces text in a file.
func (g *grafana) edit(file, old, instead string) {
	g.t.Helper()
	path := filepath.Join(g.dir, file)
	text := read(g.t, path)
	if !strings.Contains(text, old) {
		g.t.Fatalf("%s does not contain %q", file, old)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, old, instead)), 0o600); err != nil {
		g.t.Fatal(err)
	}
}

func (g *grafana) start() *env.Proc {
	g.t.Helper()
	return env.Process(g.t, env.Build(g.t, "ingestion/deploy/images/grafana"), nil, g.env)
}

// status returns that of a reply, and its body.
func (g *grafana) status(path, user, password string) (int, string) {
	g.t.Helper()
	request, err := http.NewRequestWithContext(g.t.Context(), http.MethodGet, "http://"+g.addr+path, nil)
	if err != nil {
		g.t.Fatal(err)
	}
	if user != "" {
		request.SetBasicAuth(user, password)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// What docker-compose.yml gives to Grafana is complete: a misspelt field would be ignored by
// Grafana, and is an error here.
func TestProvisioningIsStrict(t *testing.T) {
	const sources, providers = "provisioning/datasources/prometheus.yml", "provisioning/dashboards/ingestion.yml"
	for _, test := range []struct{ file, old, instead, want string }{
		{sources, "isDefault:", "default:", "field default not found"},
		{sources, "timeInterval:", "scrapeInterval:", "field scrapeInterval not found"},
		{sources, "http://prometheus", "prometheus", "want http://host:port"},
		{sources, "type: prometheus", "type: loki", `"loki"`},
		{providers, "disableDeletion:", "disableDelete:", "field disableDelete not found"},
		{providers, "path:", "folder:", "field folder not found"},
		{providers, "/dashboards}", "/dashboard}", "no dashboards there"},
		{"dashboards/ingestion.json", `"uid": "ingestion"`, `"uid": ""`, "want a title and a UID"},
	} {
		t.Run(test.want, func(t *testing.T) {
			g := newGrafana(t)
			g.edit(test.file, test.old, test.instead)
			g.refuses(test.want)
		})
	}
}

func TestGrafanaRefusesUnknownVariables(t *testing.T) {
	g := newGrafana(t)
	g.env = append(g.env, "GF_AUTH_ANONYMOUS_ENABLE=true")
	g.refuses("GF_AUTH_ANONYMOUS_ENABLE: ")
}

// refuses starts Grafana, and expects it to end with an error.
func (g *grafana) refuses(want string) {
	g.t.Helper()
	p := g.start()
	if code := p.Wait(soon); code != 1 || !strings.Contains(p.Stderr(), want) {
		g.t.Errorf("exit code %d, %q, want 1 and %q", code, p.Stderr(), want)
	}
}

func TestGrafanaAnswers(t *testing.T) {
	p := runPrometheus(t, "scrape_configs: []\n")
	g := newGrafana(t)
	g.edit("provisioning/datasources/prometheus.yml", "prometheus:9090", p.addr)
	g.start().WaitForLine(soon, func(line string) bool { return strings.Contains(line, "dashboards=1 datasources=1") })
	for _, test := range []struct {
		path, user, password string
		status               int
		body                 string
	}{
		{"/api/health", "", "", http.StatusOK, `"database":"ok"`},
		{"/api/datasources", "admin", "admin", http.StatusOK, `"uid":"prometheus"`},
		{"/api/datasources", "", "", http.StatusUnauthorized, ""},
		{"/api/datasources", "admin", "wrong", http.StatusUnauthorized, ""},
		{"/api/dashboards/home", "", "", http.StatusOK, `"panels"`},
		{"/api/dashboards/home", "admin", "wrong", http.StatusUnauthorized, ""},
		{"/api/dashboards/uid/ingestion", "", "", http.StatusOK, `"panels"`},
		{"/api/dashboards/uid/other", "", "", http.StatusNotFound, ""},
		{"/api/datasources/proxy/uid/prometheus/api/v1/query?query=1%2B1", "", "", http.StatusOK, `"2"`},
		{"/api/datasources/proxy/uid/prometheus/api/v1/query?query=1%2B", "", "", http.StatusBadRequest, "parse error"},
		{"/api/datasources/proxy/uid/other/api/v1/query?query=1", "", "", http.StatusNotFound, ""},
	} {
		status, body := g.status(test.path, test.user, test.password)
		if status != test.status || !strings.Contains(body, test.body) {
			t.Errorf("%s as %q: %d, %.200s; want %d, %s", test.path, test.user, status, body, test.status, test.body)
		}
	}
}
