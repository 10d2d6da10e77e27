package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"ingestion/cmd/internal/app"
	"ingestion/internal/config"
	"ingestion/internal/logging"
	"ingestion/internal/plural"
)

const configHelp = `config prints the value of every setting and where it comes from: the default, the
.env file of the working directory, or the environment, which overrides the file.
Passwords are left out.

With --check it prints only what is wrong: settings with a wrong value, and
variables that are ignored because their names look misspelt. The exit code is 2
if a value is wrong or a name in .env is misspelt; a misspelt name in the
environment may be another program's, so it is only a warning. Servers are not
asked.`

const configExample = `  QUEUE_MODE=stream worker config
  worker config --check && exec worker
  worker config --json | jq -r '.settings[] | select(.source != "default").name'`

type configFlags struct{ json, check bool }

func configCommand() *cobra.Command {
	var f configFlags
	cmd := &cobra.Command{
		Use:     "config",
		Short:   "Print or check the configuration, without passwords",
		Long:    configHelp,
		Example: configExample,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON instead of text")
	cmd.Flags().BoolVar(&f.check, "check", false, "print only what is wrong, and exit with code 2 if anything is")
	return cmd
}

func (f configFlags) run(out, stderr io.Writer) error {
	cfg, err := config.Load()
	var invalid *config.Error
	if err != nil && !errors.As(err, &invalid) {
		return err
	}
	if f.json {
		return errors.Join(err, f.verdict(cfg), writeConfigJSON(out, cfg, invalid, f.check))
	}
	if err != nil {
		return err
	}
	app.Warn(stderr, cfg.Suspects())
	if !f.check {
		return writeConfig(out, cfg)
	}
	if err := f.verdict(cfg); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "the configuration is valid; %s\n", fileRead(cfg))
	return err
}

// verdict returns an error if --check finds a misspelt name in the .env file of a
// configuration without other faults.
func (f configFlags) verdict(cfg *config.Config) error {
	if !f.check || cfg == nil {
		return nil
	}
	n := 0
	for _, s := range cfg.Suspects() {
		if s.Source == config.EnvFile {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return &app.SetupError{Err: fmt.Errorf("%s in .env", plural.Of(n, "misspelt name", "misspelt names"))}
}

func fileRead(cfg *config.Config) string {
	if file := cfg.EnvFilePath(); file != "" {
		return "read " + file
	}
	return "no .env file in the working directory" + workingDirectory()
}

func workingDirectory() string {
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	return " " + dir
}

// writeConfig writes a line per setting, NAME=value and its source as a comment.
func writeConfig(w io.Writer, cfg *config.Config) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "# %s\n", fileRead(cfg))
	for _, s := range cfg.Settings() {
		fmt.Fprintf(t, "%s=%s\t# %s\n", s.Name, logging.Printable(s.Value), s.Source)
	}
	return t.Flush()
}

type settingJSON struct {
	Name    string        `json:"name"`
	Value   string        `json:"value"`
	Source  config.Source `json:"source"`
	Default string        `json:"default"`
}

// configJSON is what --json prints. With --check it has no settings, and settings
// with a wrong value have faults only.
type configJSON struct {
	EnvFile  string        `json:"envFile,omitempty"`
	Settings []settingJSON `json:"settings,omitempty"`
	Faults   []string      `json:"faults"`
	Warnings []string      `json:"warnings"`
}

func writeConfigJSON(w io.Writer, cfg *config.Config, invalid *config.Error, check bool) error {
	out := configJSON{Faults: []string{}, Warnings: []string{}}
	var suspects []config.Suspect
	if invalid != nil {
		out.Faults, suspects = slices.Concat(out.Faults, invalid.Faults), invalid.Suspects
	} else {
		out.EnvFile, suspects = cfg.EnvFilePath(), cfg.Suspects()
		for _, s := range cfg.Settings() {
			if !check {
				out.Settings = append(out.Settings, settingJSON{s.Name, s.Value, s.Source, s.Default})
			}
		}
	}
	for _, s := range suspects {
		out.Warnings = append(out.Warnings, s.String())
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(out)
}
