package main

import (
	"runtime/debug"
	"strings"
	"testing"
)

// abc is the SHA-256 sum of abc, as go.sum has it.
const abc = "h1:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="

func TestABillListsWhatWasLinked(t *testing.T) {
	info := debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Path: "ingestion"}, Deps: []*debug.Module{
		{Path: "example.org/a", Version: "v1.0.0", Sum: abc},
		{Path: "example.org/b", Version: "v1.0.0", Replace: &debug.Module{Path: "example.org/fork", Version: "v2.0.0+incompatible", Sum: abc}},
	}}
	bill, err := source{version: "v1.2.3"}.bill("worker", target{"linux", "arm64"}, &info)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{bill.Metadata.Component.PackageURL}
	for _, c := range *bill.Components {
		line := c.Name + " " + c.Version + " " + c.PackageURL
		if c.Hashes != nil {
			line += " " + (*c.Hashes)[0].Value
		}
		got = append(got, line)
	}
	want := `pkg:golang/ingestion@v1.2.3?goarch=arm64&goos=linux&type=module#cmd/worker
std go1.26.8 pkg:golang/std@go1.26.8?goarch=arm64&goos=linux&type=module
example.org/a v1.0.0 pkg:golang/example.org/a@v1.0.0?goarch=arm64&goos=linux&type=module ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad
example.org/fork v2.0.0+incompatible pkg:golang/example.org/fork@v2.0.0%2Bincompatible?goarch=arm64&goos=linux&type=module ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad`
	if needed := (*bill.Dependencies)[0]; needed.Ref != bill.Metadata.Component.BOMRef || len(*needed.Dependencies) != 3 {
		t.Errorf("the program depends on %+v", needed)
	}
	if strings.Join(got, "\n") != want {
		t.Errorf("the bill lists\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
}

// A module in a directory, by a replace directive, has no hash: what is published must be
// what others can get.
func TestAModuleWithoutAHashIsRefused(t *testing.T) {
	info := debug.BuildInfo{Deps: []*debug.Module{{Path: "example.org/a", Version: "v1.0.0", Replace: &debug.Module{Path: "../a"}}}}
	if _, err := (source{}).bill("worker", host, &info); err == nil || !strings.Contains(err.Error(), "../a") {
		t.Errorf("a module in a directory: %v", err)
	}
}
