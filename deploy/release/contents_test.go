package main

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// published is the unpacked archive of the smallest program.
type published struct {
	root  string
	names []string // of all files, with / and without the root
	info  *buildinfo.BuildInfo
}

func TestWhatIsPublished(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	t.Chdir("../..")
	out := filepath.Join(t.TempDir(), "dist")
	err := release(t.Context(), options{version: "v9.8.7-rc.1", out: out, targets: host.String(), programs: "producer"})
	if err != nil {
		t.Fatal(err)
	}
	p := unpack(t, out)
	t.Run("sums", p.sums)
	t.Run("program", p.program)
	t.Run("bill", p.bill)
	t.Run("licenses", p.licenses)
	t.Run("pages", p.pages)
}

func unpack(t *testing.T, out string) published {
	t.Helper()
	archives, err := filepath.Glob(filepath.Join(out, "ingestion-v9.8.7-rc.1*-"+host.os+"-"+host.arch+".tar.gz"))
	if err != nil || len(archives) != 1 {
		t.Fatalf("the archives are %v (%v), want one", archives, err)
	}
	if output, err := exec.CommandContext(t.Context(), "tar", "-C", out, "-xzf", archives[0]).CombinedOutput(); err != nil {
		t.Fatalf("tar: %v\n%s", err, output)
	}
	p := published{root: strings.TrimSuffix(archives[0], ".tar.gz")}
	files, err := collect(map[string]string{"": p.root})
	if err != nil {
		t.Fatal(err)
	}
	for name := range files {
		p.names = append(p.names, name)
	}
	if p.info, err = buildinfo.ReadFile(p.file("bin/producer")); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p published) file(name string) string { return filepath.Join(p.root, filepath.FromSlash(name)) }

func (p published) read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(p.file(name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (p published) sums(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "sha256sum", "--check", "--strict", "SHA256SUMS")
	cmd.Dir = filepath.Dir(p.root)
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("sha256sum: %v\n%s", err, output)
	}
}

func (p published) program(t *testing.T) {
	output, err := exec.CommandContext(t.Context(), p.file("bin/producer"), "--version").Output()
	if err != nil || !strings.HasPrefix(string(output), "producer v9.8.7-rc.1") {
		t.Errorf("--version prints %q (%v)", output, err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	program := p.read(t, "bin/producer")
	for _, place := range []string{here, os.Getenv("HOME") + "/", os.TempDir() + "/release-"} {
		if len(place) > 1 && bytes.Contains(program, []byte(place)) {
			t.Errorf("the program contains %s, a path of the machine that built it", place)
		}
	}
}

// bill compares the bill of materials with what the linker wrote into the program.
func (p published) bill(t *testing.T) {
	var bill struct {
		BOMFormat string `json:"bomFormat"`
		Metadata  struct {
			Component struct{ Name, Version string }
		}
		Components []struct {
			Name, Version string
			PURL          string `json:"purl"`
			Hashes        []struct{ Content string }
		}
	}
	if err := json.Unmarshal(p.read(t, "sbom/producer.cdx.json"), &bill); err != nil || bill.BOMFormat != "CycloneDX" {
		t.Fatalf("the bill is of the format %q: %v", bill.BOMFormat, err)
	}
	if got := bill.Metadata.Component; got.Name != "producer" || !strings.HasPrefix(got.Version, "v9.8.7-rc.1") {
		t.Errorf("the bill is of %+v", got)
	}
	listed := map[string]bool{}
	for _, c := range bill.Components {
		if strings.HasPrefix(c.PURL, "pkg:golang/"+c.Name+"@"+strings.ReplaceAll(c.Version, "+", "%2B")) && (c.Name == "std" || len(c.Hashes) == 1) {
			listed[c.Name+" "+c.Version] = true
		}
	}
	want := []string{"std " + p.info.GoVersion}
	for _, module := range p.info.Deps {
		want = append(want, module.Path+" "+module.Version)
	}
	for _, module := range want {
		if !listed[module] {
			t.Errorf("the bill does not list %s with its hash and address", module)
		}
	}
}

func (p published) licenses(t *testing.T) {
	modules := []string{"go"}
	for _, module := range p.info.Deps {
		modules = append(modules, module.Path)
	}
	for _, module := range modules {
		if !slices.ContainsFunc(p.names, func(name string) bool { return path.Dir(name) == "licenses/"+module }) {
			t.Errorf("there is no license of %s", module)
		}
	}
}

func (p published) pages(t *testing.T) {
	page := string(p.read(t, "share/man/man1/producer-load.1"))
	if !strings.Contains(page, "producer v9.8.7-rc.1") || !regexp.MustCompile(`(?m)^\.SH .?SYNOPSIS`).MatchString(page) {
		t.Errorf("the manual page is\n%.500s", page)
	}
	if !strings.Contains(page, ".EX\n  --map customerId=") {
		t.Errorf("the manual page fills the lines of a table:\n%.3000s", page)
	}
	if slices.ContainsFunc(p.names, func(name string) bool {
		return strings.Contains(name, "completion-") || strings.Contains(name, "producer-manual")
	}) {
		t.Errorf("there are manual pages of hidden commands: %q", p.names)
	}
	for _, name := range []string{"fish/vendor_completions.d/producer.fish", "zsh/site-functions/_producer"} {
		p.read(t, "share/"+name)
	}
	output, err := exec.CommandContext(t.Context(), "bash", "-c", complete, "bash", p.file("bin"), p.file("share/bash-completion/completions/producer")).Output()
	if err != nil || string(output) != "--format\n" {
		t.Errorf("bash completes --form to %q (%v)", output, err)
	}
}

// complete loads a completion script, and asks it for a flag as the shell does. The
// function stands for that of the package bash-completion.
const complete = `PATH=$1:$PATH; source "$2"
_get_comp_words_by_ref() { words=("${COMP_WORDS[@]}") cword=$COMP_CWORD cur=${COMP_WORDS[COMP_CWORD]}; }
compopt() { :; }
COMP_WORDS=(producer load --form) COMP_CWORD=2 COMP_LINE="producer load --form" COMP_POINT=20
__start_producer && echo "${COMPREPLY[@]}"`
