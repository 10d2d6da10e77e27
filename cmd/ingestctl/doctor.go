package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ingestion/cmd/internal/app"
	"ingestion/internal/config"
	"ingestion/internal/inspect/doctor"
	"ingestion/internal/logging"
	"ingestion/internal/plural"
)

const doctorHelp = `doctor checks servers, settings and permissions, before the first worker starts
or while workers run. It changes nothing. For each finding it says what it found,
why that matters, and what to do; docs/doctor.md describes all checks.

  error    records are refused, lost or judged wrongly, or will be
  warning  a risk
  unknown  the check could not be made, for example for lack of a permission

Each check takes five seconds at most; a server that does not answer is an error
at once, and what needs it is not checked. Run doctor with the worker's settings
and as its users: it checks whether the Redis user may do what the --role needs.
No command of those is executed.

Exit codes:
  0  no error; there may be warnings
  1  errors, also in the settings
  2  wrong usage`

const doctorExample = `  ingestctl doctor
  ingestctl doctor --role producer
  ingestctl doctor --json | jq -r '.checks[].findings[].remedy'`

type doctorFlags struct {
	json bool
	role string
}

func doctorCommand() *cobra.Command {
	var f doctorFlags
	cmd := &cobra.Command{
		Use:     "doctor",
		Short:   "Check servers, settings and permissions (read-only)",
		Long:    doctorHelp,
		Example: doctorExample,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains(doctor.Roles(), doctor.Role(f.role)) {
				return app.UsageError(fmt.Errorf("--role: %q is not one of %s", f.role, strings.Join(roleNames(), ", ")))
			}
			return f.run(cmd)
		},
	}
	cmd.Flags().BoolVar(&f.json, "json", false, "print one JSON object")
	cmd.Flags().StringVar(&f.role, "role", string(doctor.Worker), "check the permissions that this `ROLE` needs: "+strings.Join(roleNames(), ", "))
	app.CompleteFlag(cmd, "role", roleNames()...)
	return cmd
}

func roleNames() (names []string) {
	for _, role := range doctor.Roles() {
		names = append(names, string(role))
	}
	return names
}

func (f *doctorFlags) run(cmd *cobra.Command) error {
	cfg, fault := config.Load()
	opts := doctor.Options{Config: cfg, ConfigErr: fault, Role: doctor.Role(f.role)}
	printer := newDoctorPrinter(cmd.OutOrStdout(), cfg)
	if !f.json {
		opts.Done = printer.add
	}
	begin := time.Now()
	results := doctor.Run(cmd.Context(), opts)
	if err := cmd.Context().Err(); err != nil {
		return fmt.Errorf("interrupted: %w", context.Cause(cmd.Context()))
	}
	var err error
	if f.json {
		err = printDoctorJSON(cmd, f.role, begin, results)
	} else {
		err = printer.finish(results)
	}
	if err != nil {
		return fmt.Errorf("writing the findings: %w", err)
	}
	if n := countFindings(results)[doctor.Error]; n > 0 {
		return errors.New(plural.Of(n, "error", "errors"))
	}
	return nil
}

func countFindings(results []doctor.Result) map[doctor.Severity]int {
	count := map[doctor.Severity]int{}
	for _, r := range results {
		for _, finding := range r.Findings {
			count[finding.Severity]++
		}
	}
	return count
}

// The JSON of the command; docs/schema/ingestctl-doctor.json describes it.
type (
	doctorJSON struct {
		Version  int               `json:"version"`
		At       string            `json:"at"`
		Role     string            `json:"role"`
		Verdict  string            `json:"verdict"`
		Errors   int               `json:"errors"`
		Warnings int               `json:"warnings"`
		Unknown  int               `json:"unknown"`
		Checks   []doctorCheckJSON `json:"checks"`
	}
	doctorCheckJSON struct {
		Check    string              `json:"check"`
		Theme    string              `json:"theme"`
		Title    string              `json:"title"`
		Skipped  string              `json:"skipped,omitempty"`
		Findings []doctorFindingJSON `json:"findings"`
	}
	doctorFindingJSON struct {
		Severity doctor.Severity `json:"severity"`
		What     string          `json:"what"`
		Why      string          `json:"why"`
		Remedy   string          `json:"remedy"`
	}
)

func printDoctorJSON(cmd *cobra.Command, role string, at time.Time, results []doctor.Result) error {
	count := countFindings(results)
	out := doctorJSON{
		Version: 1, At: at.UTC().Format(logging.TimeLayout), Role: role, Verdict: verdictOfDoctor(results),
		Errors: count[doctor.Error], Warnings: count[doctor.Warning], Unknown: count[doctor.Unknown], Checks: []doctorCheckJSON{},
	}
	for _, r := range results {
		check := doctorCheckJSON{Check: r.Name, Theme: r.Theme, Title: r.Title, Skipped: r.Skipped, Findings: []doctorFindingJSON{}}
		for _, f := range r.Findings {
			check.Findings = append(check.Findings, doctorFindingJSON{f.Severity, f.What, f.Why, f.Remedy})
		}
		out.Checks = append(out.Checks, check)
	}
	encoder := json.NewEncoder(logging.EscapeControls(cmd.OutOrStdout()))
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(out)
}

func verdictOfDoctor(results []doctor.Result) string {
	if worst := doctor.Worst(results); worst != "" {
		return string(worst)
	}
	return "ok"
}
