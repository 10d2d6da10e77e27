package config_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ingestion/internal/config"
)

// Other machines must not reach a console that asks nobody who they are.
func TestConsolePassword(t *testing.T) {
	file, empty := filepath.Join(t.TempDir(), "password"), filepath.Join(t.TempDir(), "empty")
	for path, text := range map[string]string{file: "s3cret \n", empty: "\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		vars            map[string]string
		fault, password string
	}{
		"default":            {},
		"IPv6 loopback":      {vars: map[string]string{"CONSOLE_ADDR": "[::1]:80"}},
		"localhost":          {vars: map[string]string{"CONSOLE_ADDR": "localhost:0"}},
		"off":                {vars: map[string]string{"CONSOLE_ADDR": ""}},
		"all interfaces":     {vars: map[string]string{"CONSOLE_ADDR": ":8080"}, fault: "CONSOLE_ADDR: "},
		"0.0.0.0":            {vars: map[string]string{"CONSOLE_ADDR": "0.0.0.0:8080"}, fault: "CONSOLE_ADDR: "},
		"a name":             {vars: map[string]string{"CONSOLE_ADDR": "console.example:8080"}, fault: "CONSOLE_ADDR: "},
		"with a password":    {vars: map[string]string{"CONSOLE_ADDR": ":8080", "CONSOLE_PASSWORD_FILE": file}, password: "s3cret "},
		"loopback, password": {vars: map[string]string{"CONSOLE_PASSWORD_FILE": file}, password: "s3cret "},
		"with no password":   {vars: map[string]string{"CONSOLE_ADDR": ":8080", "CONSOLE_PASSWORD_FILE": empty}, fault: "CONSOLE_PASSWORD_FILE: "},
		"without its file":   {vars: map[string]string{"CONSOLE_PASSWORD_FILE": file + "x"}, fault: "CONSOLE_PASSWORD_FILE: "},
		"behind a proxy":     {vars: map[string]string{"CONSOLE_ADDR": ":8080", "CONSOLE_AUTH": "Proxy"}},
		"proxy and password": {vars: map[string]string{"CONSOLE_AUTH": "proxy", "CONSOLE_PASSWORD_FILE": file}, fault: "CONSOLE_PASSWORD_FILE: "},
	} {
		t.Run(name, func(t *testing.T) {
			password, err := parse(t, maps.Clone(c.vars)).ConsolePassword()
			var fault *config.Error
			switch {
			case c.fault == "" && (err != nil || password != c.password):
				t.Errorf("%q, %v", password, err)
			case c.fault != "" && (!errors.As(err, &fault) || !strings.HasPrefix(fault.Faults[0], c.fault)):
				t.Errorf("%v, want a fault of %s", err, c.fault)
			}
		})
	}
}
