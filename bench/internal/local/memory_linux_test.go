package local

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestPeakIsThatOfTheProgram(t *testing.T) {
	const mine, most = 300 << 20, 50 << 20
	ballast := make([]byte, mine)
	for i := 0; i < len(ballast); i += os.Getpagesize() {
		ballast[i] = 1
	}
	for name, script := range map[string]string{"ends soon": "sleep 0.02", "takes a while": "sleep 0.2"} {
		dir := t.TempDir()
		program := filepath.Join(dir, "program")
		if err := os.WriteFile(program, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		u, err := Run(t.Context(), program, os.Environ(), filepath.Join(dir, "out"))
		if err != nil {
			t.Fatal(err)
		}
		if u.PeakRSS <= 0 || u.PeakRSS > most {
			t.Errorf("a program that %s is reported to use %d MiB, the parent uses %d MiB", name, u.PeakRSS>>20, mine>>20)
		}
		if len(u.RSS.Values) == 0 {
			t.Errorf("a program that %s: its memory was not sampled", name)
		}
	}
	runtime.KeepAlive(ballast)
}
