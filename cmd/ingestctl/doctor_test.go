package main_test

import (
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"ingestion/internal/test/env"
	"ingestion/internal/test/schema"
)

var updateDoctor = flag.Bool("update-doctor", false, "write the golden files of doctor")

// golden compares output with a file of testdata, which must fit into 80 columns.
func golden(t *testing.T, file, out string) {
	t.Helper()
	for line := range strings.Lines(out) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 80 {
			t.Errorf("a line has %d columns: %s", n, line)
		}
	}
	path := "testdata/" + file
	if *updateDoctor {
		must(t, os.MkdirAll("testdata", 0o755))
		must(t, os.WriteFile(path, []byte(out), 0o644))
		return
	}
	want, err := os.ReadFile(path)
	must(t, err)
	if string(want) != out {
		t.Errorf("%s differs; got:\n%s", path, out)
	}
}

// doctorRig is a rig with a MongoDB.
func doctorRig(t *testing.T) *rig {
	r := newRig(t, 1)
	r.env = append(r.env, "MONGO_URI="+env.Mongo(t).URI(), "MONGO_DB=db")
	return r
}

// plain removes what differs from run to run.
func plain(out string) string {
	port := regexp.MustCompile(`127\.0\.0\.1:\d+`)
	var b strings.Builder
	for line := range strings.Lines(out + "\n") {
		if addr := port.FindString(line); addr != "" { // the count on the right stays where it is
			line = strings.Replace(line, addr, "127.0.0.1:"+strings.Repeat("9", len(addr)-len("127.0.0.1:")), 1)
		}
		b.WriteString(line)
	}
	return b.String()
}

func TestDoctorPrintsFindings(t *testing.T) {
	r := doctorRig(t)
	golden(t, "doctor-sound.txt", plain(r.run(0, "doctor")))

	must(t, r.client.ConfigSet(t.Context(), "maxmemory-policy", "allkeys-lru").Err())
	must(t, r.client.ConfigSet(t.Context(), "maxmemory", "1gb").Err())
	must(t, r.client.Set(t.Context(), "{s}:dead", "x", 0).Err())
	r.env = append(r.env, "STREAM_GROUP=mine", "STREAM_RETENTION=forever", "RATE_LIMIT_LIMT=9")
	out, errors := r.result(1, "doctor")
	golden(t, "doctor-findings.txt", plain(out))
	if strings.TrimSpace(errors) != "ingestctl doctor: 3 errors" {
		t.Errorf("standard error is %q", errors)
	}
}

func TestDoctorWithoutServers(t *testing.T) {
	r := &rig{t: t, env: []string{"REDIS_URL=redis://127.0.0.1:1/0", "MONGO_URI=mongodb://127.0.0.1:1", "QUEUE_MODE=stream"}}
	golden(t, "doctor-unreachable.txt", r.run(1, "doctor")+"\n")
	r.env = []string{"BATCH_SIZE=0", "RATE_LIMIT_WINDOW_SEC=5m", "RATE_LIMIT_LIMT=9"}
	golden(t, "doctor-invalid.txt", r.run(1, "doctor")+"\n")
}

func TestDoctorPrintsJSON(t *testing.T) {
	r := doctorRig(t)
	type output struct {
		Version          int
		Role, Only       string
		Verdict          string
		Errors, Warnings int
		Checks           []struct {
			Check    string
			Findings []struct{ Severity, What, Why, Remedy string }
		}
	}
	read := func(code int, args ...string) (o output) {
		t.Helper()
		out := r.run(code, append([]string{"doctor", "--json"}, args...)...)
		schema.Check(t, "ingestctl-doctor", []byte(out))
		must(t, json.Unmarshal([]byte(out), &o))
		return o
	}
	if o := read(0, "--role", "operator"); o.Version != 1 || o.Role != "operator" || o.Verdict != "warning" || o.Errors != 0 || o.Warnings != 1 || len(o.Checks) < 25 {
		t.Errorf("%+v", o)
	}
	for role, mongo := range map[string]bool{"worker": true, "producer": false} { // as a user who may do all
		o := read(0, "--as-role", role)
		names := ""
		for _, c := range o.Checks {
			names += c.Check + " "
		}
		want := "settings-valid redis-reachable redis-permissions redis-excess "
		if mongo {
			want += "mongo-reachable mongo-rights "
		}
		if o.Role != role || o.Only != "permissions" || o.Verdict != "warning" || o.Warnings != 1 || names != want {
			t.Errorf("--as-role %s: %+v", role, o)
		}
	}
	must(t, r.client.Set(t.Context(), "{s}:dead", "x", 0).Err())
	o := read(1)
	if o.Verdict != "error" || o.Errors != 1 {
		t.Errorf("%+v", o)
	}
	found := ""
	for _, c := range o.Checks {
		for _, f := range c.Findings {
			found += c.Check + ": " + f.What + "\n"
		}
	}
	wantWords(t, found, `key-types: the key "{s}:dead" is a string`)

	r.env = []string{"REDIS_URL=redis://127.0.0.1:1/0", "MONGO_URI=mongodb://127.0.0.1:1"}
	if o := read(1); o.Errors != 2 {
		t.Errorf("%+v", o)
	}
}
