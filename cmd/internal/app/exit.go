// Package app wires the parts into the programs. It is the one place, with the
// commands themselves, that knows all of them.
package app

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"ingestion/internal/config"
	"ingestion/streams"
)

// The exit codes.
const (
	exitOK      = 0
	exitFailure = 1 // at run time, or servers not there in time
	exitUsage   = 2 // usage, configuration, a key of the wrong type
	exitMissing = 3 // in order, but for records that are known to be lost
)

// SetupError is something that only a change of the settings or of the
// servers' set-up mends: exit code 2.
type SetupError struct{ Err error }

func (e *SetupError) Error() string { return e.Err.Error() }

// Unwrap is the fault itself.
func (e *SetupError) Unwrap() error { return e.Err }

// MissingError says that records are lost, all of them accounted for: exit code 3.
type MissingError struct{ Err error }

func (e *MissingError) Error() string { return e.Err.Error() }

// Unwrap says which.
func (e *MissingError) Unwrap() error { return e.Err }

// UsageError is a command line that can't be understood: exit code 2.
func UsageError(err error) error { return &SetupError{Err: err} }

// ExitCode is the code for the error of a command that ran.
func ExitCode(err error) int {
	var (
		configuration *config.Error
		setup         *SetupError
		wrongType     *streams.WrongTypeError
		owner         *streams.OwnerError
		missing       *MissingError
	)
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &configuration), errors.As(err, &setup), errors.As(err, &wrongType), errors.As(err, &owner):
		return exitUsage
	case errors.As(err, &missing):
		return exitMissing
	default:
		return exitFailure
	}
}

// Report prints an error for a person: a configuration's faults a line each.
func Report(w io.Writer, program string, err error) {
	if err == nil {
		return
	}
	var configuration *config.Error
	if errors.As(err, &configuration) {
		fmt.Fprintf(w, "%s: the configuration has faults:\n", program)
		for _, fault := range configuration.Faults {
			fmt.Fprintf(w, "  - %s\n", fault)
		}
		return
	}
	fmt.Fprintf(w, "%s: %s\n", program, strings.ReplaceAll(err.Error(), "\n", "\n  "))
}
