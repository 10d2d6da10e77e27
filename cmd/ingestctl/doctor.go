package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ingestion/cmd/internal/app"
	"ingestion/internal/answer"
	"ingestion/internal/config"
	"ingestion/internal/inspect/doctor"
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

With --as-role, only permissions are checked: whether the users of Redis and
MongoDB may do what this role needs, and whether the one of Redis may do more,
which is a warning. deploy/redis/users.acl has a user for each role.

Exit codes:
  0  no error; there may be warnings
  1  errors, also in the settings
  2  wrong usage`

const doctorExample = `  ingestctl doctor
  ingestctl doctor --role producer
  REDIS_URL=redis://viewer:password@redis.example ingestctl doctor --as-role viewer
  ingestctl doctor --json | jq -r '.checks[].findings[].remedy'`

type doctorFlags struct {
	json   bool
	role   string
	asRole string // checks permissions only
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
			if err := f.check(cmd); err != nil {
				return app.UsageError(err)
			}
			return f.run(cmd)
		},
	}
	cmd.Flags().BoolVar(&f.json, "json", false, "print one JSON object")
	cmd.Flags().StringVar(&f.role, "role", string(doctor.Worker), "check the permissions that this `ROLE` needs: "+strings.Join(roleNames(), ", "))
	cmd.Flags().StringVar(&f.asRole, "as-role", "", "check only permissions, those that this `ROLE` needs and all others: "+strings.Join(roleNames(), ", "))
	app.CompleteFlag(cmd, "role", roleNames()...)
	app.CompleteFlag(cmd, "as-role", roleNames()...)
	return cmd
}

func (f *doctorFlags) check(cmd *cobra.Command) error {
	if cmd.Flags().Changed("role") && cmd.Flags().Changed("as-role") {
		return errors.New("--role and --as-role: give one of them")
	}
	for _, flag := range []struct{ name, role string }{{"role", f.role}, {"as-role", f.asRole}} {
		if cmd.Flags().Changed(flag.name) && !slices.Contains(roleNames(), flag.role) {
			return fmt.Errorf("--%s: %q is not one of %s", flag.name, flag.role, strings.Join(roleNames(), ", "))
		}
	}
	if f.asRole != "" {
		f.role = f.asRole
	}
	return nil
}

func roleNames() (names []string) {
	for _, role := range doctor.Roles() {
		names = append(names, string(role))
	}
	return names
}

func (f *doctorFlags) run(cmd *cobra.Command) error {
	cfg, fault := config.Load()
	opts := doctor.Options{Config: cfg, ConfigErr: fault, Role: doctor.Role(f.role), RightsOnly: f.asRole != ""}
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
		err = printDoctorJSON(cmd, f, begin, results)
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
		Only     string            `json:"only,omitempty"`
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

func printDoctorJSON(cmd *cobra.Command, f *doctorFlags, at time.Time, results []doctor.Result) error {
	count := countFindings(results)
	out := doctorJSON{
		Version: 1, At: answer.Moment(at), Role: f.role, Verdict: verdictOfDoctor(results),
		Errors: count[doctor.Error], Warnings: count[doctor.Warning], Unknown: count[doctor.Unknown], Checks: []doctorCheckJSON{},
	}
	if f.asRole != "" {
		out.Only = "permissions"
	}
	for _, r := range results {
		check := doctorCheckJSON{Check: r.Name, Theme: r.Theme, Title: r.Title, Skipped: r.Skipped, Findings: []doctorFindingJSON{}}
		for _, found := range r.Findings {
			check.Findings = append(check.Findings, doctorFindingJSON{found.Severity, found.What, found.Why, found.Remedy})
		}
		out.Checks = append(out.Checks, check)
	}
	return printJSON(cmd.OutOrStdout(), out)
}

func verdictOfDoctor(results []doctor.Result) string {
	if worst := doctor.Worst(results); worst != "" {
		return string(worst)
	}
	return "ok"
}
