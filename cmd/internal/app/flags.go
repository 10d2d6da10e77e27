package app

import (
	"time"

	"github.com/spf13/pflag"

	"ingestion/internal/duration"
)

// DurationVar defines a flag like pflag's, which also takes days and weeks.
func DurationVar(flags *pflag.FlagSet, p *time.Duration, name string, value time.Duration, usage string) {
	*p = value
	flags.Var((*duration.Value)(p), name, usage)
}
