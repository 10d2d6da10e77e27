package local

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestRunUntilFailsIfAProcessExits(t *testing.T) {
	never := func() (bool, error) { return false, nil }
	_, err := RunUntil(t.Context(), 2, "/bin/true", nil, filepath.Join(t.TempDir(), "out"), never)
	if err == nil || !strings.Contains(err.Error(), "before the work was done") {
		t.Errorf("RunUntil: %v", err)
	}
}

func TestRunFails(t *testing.T) {
	_, err := Run(t.Context(), "/bin/ls", nil, filepath.Join(t.TempDir(), "nowhere", "out"))
	if err == nil || !strings.Contains(err.Error(), "cannot create the output file") {
		t.Errorf("Run: %v", err)
	}
	_, err = Run(t.Context(), "/bin/cp", nil, filepath.Join(t.TempDir(), "out"))
	if err == nil || !strings.Contains(err.Error(), "missing file operand") {
		t.Errorf("Run: %v", err)
	}
}
