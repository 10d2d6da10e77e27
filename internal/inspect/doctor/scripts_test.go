package doctor

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ingestion/internal/config"
)

// The roles that run a script; others are a worker's, in stream mode.
var runners = map[string][]Role{
	"account_read": {Operator, Viewer}, "workers_list": {Operator, Viewer}, "control": {Worker, Operator, Viewer}, "inspect": {Worker, Operator, Archiver, Viewer},
	"history_periods": {Operator, Viewer}, "refused_top": {Operator, Viewer}, "snapshot": {Worker, Operator, Viewer}, "window_read": {Operator, Viewer},
	"control_pause": {Operator}, "control_resume": {Operator}, "deadletters_purge": {Operator}, "deadletters_replay": {Operator},
	"migrate_to_list": {Operator}, "migrate_to_stream": {Operator}, "archive_detach": {Operator}, "outcomes": {Worker, Operator},
	"archive_lease": {Archiver}, "archive_release": {Archiver}, "archive_position": {Archiver, Operator}, "archive_commit": {Archiver}, "archive_read": {Archiver}, "archive_notes": {Archiver, Operator},
	"ledger_open": {Worker, Operator}, "limits_set": {Operator}, "trace_entry": {Operator, Viewer}, "trace_ahead": {Operator, Viewer}, "trace_letters": {Operator, Viewer},
	"layout_begin": {Operator}, "layout_end": {Operator},
	"judge": {Worker, Operator}, "search": {Worker, Operator}, "window": {Worker, Operator},
}

// The families of the keys that scripts call by these names, or by others.
var (
	named = map[string][]string{
		"stream": {main}, "main": {main}, "queue": {main}, "p.stream": {main}, "dead": {"dead"}, "delayed": {"delayed"}, "p.delayed": {"delayed"}, "data": {"delayed:data"},
		"ledger": {"ledger"}, "p.ledger": {"ledger"}, "attempt_counts": {"suspects"}, "gone": {"gone"}, "returns": {"returns"}, "p.returns": {"returns"}, "scan": {"scan"},
		"workers": {"workers"}, "minutes": {"history:minute"}, "outcomes": {"outcomes"}, "p.outcomes": {"outcomes"}, "lease": {"archiver", "outcomes:archiver"}, "list": {other}, "marker": {"once:*"},
	}
	namedIn = map[string]map[string][]string{
		"archive_commit":    {"stream": {main, "outcomes"}},
		"archive_detach":    {"KEYS[3]": {"outcomes"}, "KEYS[4]": {"outcomes:archiver"}},
		"archive_lease":     {"KEYS[1]": {"archiver", "outcomes:archiver"}},
		"archive_release":   {"KEYS[1]": {"archiver", "outcomes:archiver"}},
		"archive_position":  {"stream": {main, "outcomes"}},
		"archive_read":      {"stream": {main, "outcomes"}},
		"archive_notes":     {"stream": {"outcomes"}},
		"control":           {"KEYS[1]": {"control"}},
		"layout_record":     {"KEYS[1]": {"layout"}},
		"layout_begin":      {"KEYS[1]": {"layout"}},
		"layout_end":        {"KEYS[1]": {"layout"}},
		"control_pause":     {"KEYS[1]": {"control"}},
		"control_resume":    {"KEYS[1]": {"control"}},
		"history":           {"key": {"history:minute", "history:hour"}},
		"history_periods":   {"KEYS[1]": {"history:minute", "history:hour"}},
		"refused":           {"key": {"refused"}},
		"outcomes":          {"key": {"outcomes"}},
		"snapshot":          {"key": {main, "dead", "delayed", "delayed:data", "ledger", "returns", "archiver"}, "KEYS[7]": {"archiver"}},
		"stream_settle":     {"key": {"suspects", "returns"}},
		"upkeep_move":       {"KEYS[7]": {"outcomes"}},
		"upkeep_trim":       {"KEYS[8]": {"archiver"}},
		"migrate_to_list":   {"KEYS[at": {"outcomes"}},
		"migrate_to_stream": {"KEYS[1": {main}, "KEYS[i]": {main}},
		"workers_forget":    {"KEYS[1]": {"workers"}},
		"workers_list":      {"KEYS[1]": {"workers"}},
		"judge":             {"KEYS[1]": {"limits"}, "key": {"limit:*"}},
		"search":            {"key": {"limit:*"}},
		"window":            {"key": {"limit:*"}},
		"limits_set":        {"KEYS[1]": {"limits"}},
		"trace_entry":       {"KEYS[2]": {"dead"}, "KEYS[3]": {"delayed"}, "KEYS[4]": {"delayed:data"}, "KEYS[5]": {"ledger"}, "KEYS[6]": {"suspects"}, "KEYS[7]": {"gone"}, "KEYS[8]": {"returns"}, "key": {main, "dead"}},
		"window_read":       {"KEYS[1]": {"limits"}, "KEYS[2]": {"limit:*"}},
	}
)

// only are rights that a script uses on embedded servers, in list mode, or on other keys alone.
var only = map[string]bool{
	"archive_commit archiver xgroup|destroy main": true, "archive_commit archiver xgroup|destroy outcomes": true,
	"deadletters_replay operator rpush main": true, "archive_commit archiver xtrim main": true,
}

// keyless are the commands of scripts without a key.
var keyless = []string{"time", "info"}

// TestEveryCallOfAScriptIsARight looks for each command of all scripts, with its key, in the
// grants of the roles that run it.
func TestEveryCallOfAScriptIsARight(t *testing.T) {
	call := regexp.MustCompile(`(?:call\(|\{)'([A-Z]+)'(?:, '([A-Z]+)')?(?:, ([A-Za-z_.]+(?:\[\w+)?\]?))?`)
	n := 0
	for _, folder := range []string{"streams", "limiter", "internal/inspect"} {
		files, err := filepath.Glob("../../../" + folder + "/*.lua")
		if err != nil || len(files) == 0 {
			t.Fatalf("no scripts: %v", err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			script := strings.TrimSuffix(filepath.Base(file), ".lua")
			for _, m := range call.FindAllStringSubmatch(string(text), -1) {
				if m[1] == "ENTRIESREAD" { // an argument
					continue
				}
				n++
				checkCall(t, script, strings.ToLower(m[1]), strings.ToLower(m[2]), m[3])
			}
		}
	}
	if n < 150 {
		t.Errorf("only %d calls were found", n)
	}
}

func checkCall(t *testing.T, script, command, sub, key string) {
	t.Helper()
	if command == "xreadgroup" { // GROUP, group, consumer, COUNT …
		key, sub = "stream", ""
	}
	if slices.Contains([]string{"xinfo", "xgroup", "memory"}, command) {
		command += "|" + sub
	}
	families, known := namedIn[script][key]
	if !known {
		families, known = named[key]
	}
	if slices.Contains(keyless, command) {
		families, known = []string{none}, true
	}
	if !known {
		t.Errorf("%s.lua: %s %q: say which key this is", script, command, key)
		return
	}
	roles := runners[script]
	if roles == nil {
		roles = []Role{Worker}
	}
	for _, role := range roles {
		for _, family := range families {
			allowed := grants[role][config.ModeStream]
			if script == "list_once" {
				allowed = grants[role][config.ModeList]
			}
			if role == Operator && family != none && slices.Contains([]string{"judge", "search", "window"}, script) {
				family = rebuild // only a rebuild judges
			}
			if !gives(allowed, command, family) && !only[strings.Join([]string{script, string(role), command, family}, " ")] {
				t.Errorf("%s.lua runs %s on %s, which roles.go does not give to the %s", script, command, family, role)
			}
		}
	}
}

func gives(grants []grant, name, family string) bool {
	return slices.ContainsFunc(grants, func(g grant) bool {
		return slices.Contains(g.families, family) && slices.ContainsFunc(g.commands, func(c command) bool { return c.name == name })
	})
}
