package reread_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ingestion/internal/reread"
)

// TestValue replaces a file, and takes it away twice.
func TestValue(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	write(t, file, "first\n")
	var told []string
	v, err := reread.New(func() (string, error) { return reread.Password(file) }, func(err error) { told = append(told, err.Error()) })
	if err != nil {
		t.Fatal(err)
	}
	current := func(want string, stale bool) {
		t.Helper()
		if got, err := v.Current(); got != want || (err != nil) != stale {
			t.Fatalf("%q, %v; want %q, stale %v", got, err, want, stale)
		}
	}
	current("first", false)
	write(t, file, "second")
	current("second", false)
	write(t, file, "\n")
	current("second", true)
	current("second", true)
	write(t, file, "third")
	current("third", false)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	current("third", true)
	current("third", true)
	if len(told) != 2 || !strings.Contains(told[0], "is empty") || !strings.Contains(told[1], "can't be read") {
		t.Errorf("told %q, want each failure once", told)
	}
}

// TestNobodyIsTold is about a value without a function that is told.
func TestNobodyIsTold(t *testing.T) {
	var failure error
	v, err := reread.New(func() (string, error) { return "value", failure }, nil)
	if err != nil {
		t.Fatal(err)
	}
	failure = errors.New("half written")
	if got, err := v.Current(); got != "value" || !errors.Is(err, failure) {
		t.Errorf("%q, %v", got, err)
	}
}

// TestAFirstValueIsNeeded: nothing is told of a value that never was.
func TestAFirstValueIsNeeded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "missing")
	_, err := reread.New(func() (string, error) { return reread.Password(file) }, func(err error) { t.Errorf("told: %v", err) })
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), file) {
		t.Errorf("%v", err)
	}
}

// TestPassword keeps spaces, which may belong to a password, but not the line's end.
func TestPassword(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	for text, want := range map[string]string{"s3cret": "s3cret", "s3cret\n": "s3cret", "s3cret\r\n": "s3cret", " s3 cret \n": " s3 cret ", "": "", "\r\n": ""} {
		write(t, file, text)
		got, err := reread.Password(file)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
