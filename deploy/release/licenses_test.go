package main

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLicensesAreThoseOfTheModuleAndOfCopiedCode(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{
		"LICENSE", "NOTICE.txt", "PATENTS", "LICENSE-3RD-PARTY.md", "internal/copied/Licence", "UNLICENSE", "COPYING",
		"license.go", "licenses/x.go", "README.md", "noticed.txt", "testdata/LICENSE", ".github/license.yml",
	} {
		write(t, filepath.Join(dir, name), "text", 0o644, time.Now())
	}
	found, err := licensesBelow(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"COPYING", "LICENSE", "LICENSE-3RD-PARTY.md", "NOTICE.txt", "PATENTS", "UNLICENSE", "internal/copied/Licence"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(found))); diff != "" {
		t.Errorf("licenses (-want +got):\n%s", diff)
	}
}

func TestAModuleWithoutALicenseIsNotPublished(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "README.md"), "text", 0o644, time.Now())
	if found, err := licensesBelow(dir); err == nil || !strings.Contains(err.Error(), "none found") {
		t.Errorf("a module without a license: %v %v", found, err)
	}
}
