package main

import (
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

// Whoever reads the documentation without the repository finds what it links to.
func TestDocumentsArePublishedWithWhatTheyLinkTo(t *testing.T) {
	t.Chdir("../..")
	documents, err := documentsOf(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	published := map[string]bool{}
	for name := range documents {
		for ; name != "."; name = path.Dir(name) {
			published[name] = true
		}
	}
	relative := regexp.MustCompile(`\]\(([^)#\s:]+)[)#]`)
	links := 0
	for name, file := range documents {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range relative.FindAllStringSubmatch(string(text), -1) {
			links++
			if path.Ext(name) == ".md" && !published[path.Join(path.Dir(name), match[1])] {
				t.Errorf("%s links to %s, which is not published", name, match[1])
			}
		}
	}
	if links < 50 {
		t.Errorf("found only %d links", links)
	}
}

func TestDocumentsAreNotTests(t *testing.T) {
	t.Chdir("../..")
	documents, err := documentsOf(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name := range documents {
		if strings.HasPrefix(name, "deploy/helm/check/") || strings.HasPrefix(name, "deploy/prometheus/tests/") {
			t.Errorf("%s is published", name)
		}
	}
}
