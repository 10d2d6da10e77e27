// Command chaos runs workers as processes against a real Redis and a MongoDB and
// injects faults from a seeded schedule while records arrive: it kills and
// freezes processes, breaks connections, steps Redis' clock and interferes with
// the streams as another client would. Then it checks from outside that no
// record was lost, duplicated or invented and that the account balances. If
// anything is wrong, it exits 1 and prints the directory that holds the servers'
// data and all logs.
//
//	go run ./test/chaos --records 500000 --faults 1000 --seed 7
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"ingestion/test/chaos/internal/faults"
)

// options of a run.
type options struct {
	seed       uint64
	records    int
	faults     int
	duration   time.Duration
	drain      time.Duration
	mongo      string
	policy     string
	workers    int
	partitions int
	only       string
	without    string
	kinds      []faults.Kind
	dir        string
	keep       bool
}

const usage = `chaos injects faults into the running ingestion service and checks that no record
is lost, duplicated or invented, except those that other clients removed. It
needs redis-server, Go and, to step Redis' clock, libfaketime (Debian package
faketime). The same seed draws the same records and faults, but their timing
varies with the load of the machine.

Flags:
`

func main() {
	o, err := parse(os.Args[1:], os.Stderr)
	if err != nil {
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ok, err := run(ctx, o, os.Stdout)
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "chaos: interrupted")
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	case !ok:
		os.Exit(1)
	}
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("chaos", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Usage = func() {
		fmt.Fprint(stderr, usage)
		f.PrintDefaults()
		fmt.Fprint(stderr, "\nFaults, for --only and --without:\n", faults.Names())
	}
	f.Uint64Var(&o.seed, "seed", 0, "seed of records and faults (default: a new one for each run)")
	f.IntVar(&o.records, "records", 50_000, "`number` of records to send")
	f.IntVar(&o.faults, "faults", 120, "`number` of faults to inject")
	f.DurationVar(&o.duration, "duration", 0, "`time` over which records and faults are spread (default: one second per fault)")
	f.DurationVar(&o.drain, "drain", 2*time.Minute, "`time` limit for processing all records after the last fault")
	f.StringVar(&o.mongo, "mongo", "lite", "`server` to use as MongoDB: lite, the small test server, or ferret, FerretDB, which is slower")
	f.StringVar(&o.policy, "policy", "defer", "RATE_LIMIT_POLICY of the workers: defer or dead-letter")
	f.IntVar(&o.workers, "workers", 3, "`number` of worker processes")
	f.IntVar(&o.partitions, "partitions", 2, "STREAM_PARTITIONS of the workers")
	f.StringVar(&o.only, "only", "", "comma-separated `faults` to inject (default: all)")
	f.StringVar(&o.without, "without", "", "comma-separated `faults` to leave out")
	f.StringVar(&o.dir, "dir", "", "`directory` for data and logs (default: a new one, in memory if /dev/shm exists)")
	f.BoolVar(&o.keep, "keep", false, "keep the directory of a successful run")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if o.seed == 0 {
		o.seed = uint64(time.Now().UnixNano() % 1_000_000)
	}
	if o.duration == 0 {
		o.duration = time.Duration(max(o.faults, 10)) * time.Second
	}
	err := o.check(f.NArg())
	if err == nil {
		err = o.choose()
	}
	if err != nil {
		fmt.Fprintln(stderr, "chaos:", err)
	}
	return o, err
}

// choose sets the kinds of faults. FerretDB cannot be made to refuse documents.
func (o *options) choose() (err error) {
	if o.kinds, err = faults.Choose(o.only, o.without); err != nil {
		return err
	}
	if o.mongo == "ferret" {
		o.kinds = slices.DeleteFunc(o.kinds, func(k faults.Kind) bool {
			return k == faults.MongoPartial || k == faults.MongoFlapping || k == faults.MongoShard
		})
	}
	return nil
}

// injects reports whether the run has any of these kinds of faults.
func (o *options) injects(kinds ...faults.Kind) bool {
	return slices.ContainsFunc(kinds, func(k faults.Kind) bool { return slices.Contains(o.kinds, k) })
}

// check validates the options; args is the number of arguments after the flags.
func (o *options) check(args int) error {
	switch {
	case args > 0:
		return errors.New("unexpected arguments: see chaos --help")
	case o.records < 1 || o.faults < 0 || o.workers < 1 || o.partitions < 1:
		return errors.New("--records, --workers and --partitions must be at least 1, --faults at least 0")
	case o.mongo != "lite" && o.mongo != "ferret":
		return errors.New("--mongo must be lite or ferret")
	case o.policy != "defer" && o.policy != "dead-letter":
		return errors.New("--policy must be defer or dead-letter")
	}
	return nil
}
