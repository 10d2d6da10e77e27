package main_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ingestion/internal/test/env"
	"ingestion/internal/test/schema"
	"ingestion/record"
)

type exported struct {
	Read, Exported, Unfit int64
	PurgeThrough          *string
}

type exportedLetter struct {
	letter
	Line *int
}

// export runs export into files in a directory.
func (r *rig) export(code int, dir string, args ...string) (e exported, lines []string, details []exportedLetter) {
	r.t.Helper()
	out, info := filepath.Join(dir, "dead.ndjson"), filepath.Join(dir, "dead.details")
	summary := r.run(code, append([]string{"dead", "export", "--json", "--output", out, "--details", info}, args...)...)
	schema.Check(r.t, "ingestctl-dead-export", []byte(summary))
	must(r.t, json.Unmarshal([]byte(summary), &e))
	text, err := os.ReadFile(out)
	must(r.t, err)
	lines = strings.Split(string(text), "\n")
	text, err = os.ReadFile(info)
	must(r.t, err)
	for line := range strings.Lines(string(text)) {
		schema.Check(r.t, "ingestctl-dead-details", []byte(line))
		var l exportedLetter
		must(r.t, json.Unmarshal([]byte(line), &l))
		details = append(details, l)
	}
	return e, lines, details
}

// What export writes, producer load sends again byte for byte.
func TestAnExportCanBeLoaded(t *testing.T) {
	bodies := []string{
		"no JSON", "\ufefffirst?", `{"customerId":"42", "name":"Žofie\u0000" , "x":[1,  2.50]}`, `[1]`, `"text"`, " {\"a\":1}\t", "{\"a\":1}{\"b\":2}", "{",
		"(\u00b5/\u00fd", "BZh9", "PK\x03\x04", "a,b,c", "#", "a\x00b\x00", "\u2028\u0085\v", "\\", strings.Repeat("x", 100_000),
	}
	for first := range len(bodies) {
		bodies := slices.Concat(bodies[first:], bodies[:first]) // each of them once at the beginning of the file
		t.Run(fmt.Sprint(first), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, 1)
			r.settle(0, record.Malformed, bodies...)
			dir := t.TempDir()
			e, lines, details := r.export(0, dir)
			if e.Read != int64(len(bodies)) || e.Exported != e.Read || e.Unfit != 0 || len(details) != len(bodies) {
				t.Fatalf("%+v", e)
			}
			for i, l := range details {
				if l.Line == nil || lines[*l.Line-1] != bodies[i] {
					t.Errorf("letter %d is said to be on line %v", i, l.Line)
				}
			}
			environ := append(r.env, "STREAM_KEY=loaded")
			p := env.Process(t, env.Build(t, "ingestion/cmd/producer"), []string{"load", filepath.Join(dir, "dead.ndjson"), "--as-is"}, environ)
			if code := p.Wait(soon); code != 0 {
				t.Fatalf("exit code %d: %s", code, p.Stderr())
			}
			var got []string
			for _, entry := range r.client.XRange(t.Context(), "loaded", "-", "+").Val() {
				got = append(got, fmt.Sprint(entry.Values["data"]))
			}
			if !slices.Equal(got, bodies) {
				t.Errorf("loaded\n%.300q, want\n%.300q", got, bodies)
			}
		})
	}
}

// What can't be a line is not dropped in silence, and --details has all of it.
func TestAnExportSaysWhatItLacks(t *testing.T) {
	r := newRig(t, 1)
	r.writeExamples()
	r.settle(0, record.Malformed, "{\n}", "", "\xff", "{}")
	dir := t.TempDir()
	e, lines, details := r.export(1, dir)
	if e.Read != 7 || e.Exported != 2 || e.Unfit != 5 || e.PurgeThrough == nil || !slices.Equal(lines, []string{aBody, "{}", ""}) {
		t.Errorf("%+v, %q", e, lines)
	}
	for i, want := range []int{1, 0, 0, 0, 0, 0, 2} {
		if line := details[i].Line; (line == nil) != (want == 0) || line != nil && *line != want {
			t.Errorf("letter %d is on line %v, want %d", i, line, want)
		}
	}
	if string(details[5].DataBase64) != "\xff" || details[3].Data != "{\n}" || string(details[1].FieldsBase64[3]) != "\xff\x1b" {
		t.Errorf("%+v", details)
	}
	out, note := r.result(1, "dead", "export")
	if out != aBody+"\n{}" {
		t.Errorf("standard output is %q", out)
	}
	wantWords(t, note, "not exported: "+oddID+": its entry had not exactly one body", "several lines", "blank", "UTF-8", "5 dead letters can't be lines", "--details FILE")
	if info, err := os.Stat(filepath.Join(dir, "dead.ndjson")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 2 {
		t.Errorf("%v are left", files)
	}
}

// The command that export prints deletes what was exported, and nothing that came later.
func TestAnExportCanBePurged(t *testing.T) {
	r := newRig(t, 2)
	r.settle(0, record.Invalid, "a")
	r.settle(1, record.Invalid, "b")
	_, note := r.result(0, "dead", "export", "--reason", "because")
	r.settle(1, record.Invalid, "later")
	next := regexp.MustCompile(`(?m)^ +ingestctl (dead purge .*)$`).FindStringSubmatch(note)
	if next == nil {
		t.Fatal(note)
	}
	wantWords(t, r.run(0, strings.Fields(next[1])...), "2 dead letters deleted")
	if left := r.letters(); len(left) != 1 || left[0].Data != "later" {
		t.Errorf("left: %+v", left)
	}
}
