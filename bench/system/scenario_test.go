package main

import (
	"slices"
	"testing"
)

func TestInTurn(t *testing.T) {
	names := func(all []scenario) []string {
		var out []string
		for _, s := range all {
			out = append(out, s.name)
		}
		return out
	}
	all := names(scenarios)
	for round := range 2 * len(all) {
		got := names(inTurn(scenarios, round))
		if got[0] != all[round%len(all)] {
			t.Errorf("round %d begins with %s", round, got[0])
		}
		if !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(all))) {
			t.Errorf("round %d has %v", round, got)
		}
	}
}

func TestGOGCOfCeiling(t *testing.T) {
	for name, want := range map[string]bool{
		"ceiling": true, "ferret-ceiling": true, "ferret-ceiling-ascending": true,
		"ceiling-gogc-100": false, "stream": false, // left to Go, to the worker
	} {
		env := chosen([]string{name})[0].env("redis", "mongo", 1)
		if got := slices.Contains(env, "GOGC=1000"); got != want {
			t.Errorf("%s: GOGC=1000 is set: %v", name, got)
		}
	}
}

func TestCeilingOf(t *testing.T) {
	for name, want := range map[string]string{
		"ceiling-gogc-100": "ceiling", "ceiling": "ceiling", "list": "ceiling",
		"ferret-ceiling": "ferret-ceiling", "ferret-list": "ferret-ceiling",
	} {
		if got := ceilingOf(name); got != want {
			t.Errorf("%s is compared with %s, want %s", name, got, want)
		}
	}
}

func TestTargetsNameScenarios(t *testing.T) {
	for _, target := range targets {
		if len(chosen([]string{target.scenario})) == 0 && target.scenario != latencyAt(defaultRate) {
			t.Errorf("%s: no scenario %s", target.what, target.scenario)
		}
		if target.to != "" && len(chosen([]string{target.to})) == 0 {
			t.Errorf("%s: no scenario %s", target.what, target.to)
		}
	}
}
