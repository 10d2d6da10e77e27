// Package app wires the other packages into the worker, and has what the programs share:
// running a command line, exit codes, and connecting to the servers. Only app and the
// commands import all layers.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"ingestion/internal/config"
	"ingestion/streams"
)

// The exit codes.
const (
	exitOK      = 0
	exitFailure = 1 // a failure at run time, or a server that did not answer in time
	exitUsage   = 2 // wrong usage or configuration, or a key of the wrong type
	exitMissing = 3 // the account balances, but records are lost
)

// SetupError is an error that persists until somebody changes the configuration of the
// program or of a server. Its exit code is 2.
type SetupError struct{ Err error }

func (e *SetupError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *SetupError) Unwrap() error { return e.Err }

// MissingError reports lost records, all of which are accounted for. Its exit code is 3.
type MissingError struct{ Err error }

func (e *MissingError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *MissingError) Unwrap() error { return e.Err }

// ErrNotInOrder ends a command that has printed what is wrong: nothing else is reported.
// Its exit code is 1.
var ErrNotInOrder = errors.New("not in order")

// UsageError returns an error about the command line. Its exit code is 2.
func UsageError(err error) error { return &SetupError{Err: err} }

// ExitCode returns the exit code for the error of a command that ran, or for nil.
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

// Warn prints the suspects of a configuration, one per line.
func Warn(w io.Writer, suspects []config.Suspect) {
	for _, suspect := range suspects {
		fmt.Fprintf(w, "warning: %v\n", suspect)
	}
}

// Report prints an error for a person. Each fault of a configuration has its own line.
func Report(w io.Writer, program string, err error) {
	if err == nil || errors.Is(err, ErrNotInOrder) {
		return
	}
	var configuration *config.Error
	if errors.As(err, &configuration) {
		Warn(w, configuration.Suspects)
		fmt.Fprintf(w, "%s: the configuration has faults:\n", program)
		for _, fault := range configuration.Faults {
			fmt.Fprintf(w, "  - %s\n", fault)
		}
		return
	}
	text := err.Error()
	if errors.Is(err, context.Canceled) { // only a signal cancels the context of a command
		text = strings.ReplaceAll(text, context.Canceled.Error(), "interrupted")
	}
	var closed *os.PathError
	if errors.As(err, &closed) && closed.Err == syscall.EPIPE && closed.Path == os.Stdout.Name() {
		text = strings.ReplaceAll(text, closed.Error(), "standard output is closed: the program that reads it has ended")
	}
	fmt.Fprintf(w, "%s: %s\n", program, strings.ReplaceAll(text, "\n", "\n  "))
}
