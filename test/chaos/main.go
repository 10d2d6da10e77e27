// Command chaos runs workers as processes against a real Redis and a MongoDB,
// has everything between and around them fail by a seeded schedule while records
// arrive, and then checks from outside that none was lost, doubled or invented
// and that the account closes. It exits 1 if anything is wrong, and then names
// the folder with the servers' data and all logs.
//
//	go run ./test/chaos --records 500000 --faults 1000 --seed 7
package main

import (
	"context"
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

const usage = `chaos tortures the ingestion service and checks that nothing is lost, doubled or
invented, but for what strangers have taken. Needs redis-server, Go and, to step
Redis' clock, libfaketime (Debian's package faketime). The same seed draws the
same records and faults; when they strike differs by what the machine does
meanwhile.

`

func main() {
	o, err := parse(os.Args[1:], os.Stderr)
	if err != nil {
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	right, err := run(ctx, o, os.Stdout)
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "chaos: told to end")
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	case !right:
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
		fmt.Fprint(stderr, "\nFaults:\n", faults.Names())
	}
	f.Uint64Var(&o.seed, "seed", 0, "draws records and faults (default: a new one every run)")
	f.IntVar(&o.records, "records", 50_000, "`number` of records sent")
	f.IntVar(&o.faults, "faults", 120, "`number` of faults")
	f.DurationVar(&o.duration, "duration", 0, "`time` over which records and faults are spread (default: a second a fault)")
	f.DurationVar(&o.drain, "drain", 2*time.Minute, "`time` within which all must be worked off once the faults are over")
	f.StringVar(&o.mongo, "mongo", "lite", "`which` MongoDB: lite, the small server of the tests, or ferret, FerretDB, which is slow")
	f.StringVar(&o.policy, "policy", "defer", "RATE_LIMIT_POLICY: defer or dead-letter")
	f.IntVar(&o.workers, "workers", 3, "`number` of worker processes")
	f.IntVar(&o.partitions, "partitions", 2, "STREAM_PARTITIONS")
	f.StringVar(&o.only, "only", "", "`faults` to play, with commas (default: all)")
	f.StringVar(&o.without, "without", "", "`faults` to leave out, with commas")
	f.StringVar(&o.dir, "dir", "", "`folder` for data and logs (default: a new one, in memory where there is room)")
	f.BoolVar(&o.keep, "keep", false, "keep the folder even if all is well")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if o.seed == 0 {
		o.seed = uint64(time.Now().UnixNano() % 1_000_000)
	}
	if o.duration == 0 {
		o.duration = time.Duration(max(o.faults, 10)) * time.Second
	}
	if fault := o.fault(f.NArg()); fault != "" {
		fmt.Fprintln(stderr, "chaos:", fault)
		return o, flag.ErrHelp
	}
	if err := o.choose(); err != nil {
		fmt.Fprintln(stderr, "chaos:", err)
		return o, flag.ErrHelp
	}
	return o, nil
}

// choose sets the kinds of faults. FerretDB can't be told to refuse documents.
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

// plays says that a kind of fault is among those of the run.
func (o *options) plays(kinds ...faults.Kind) bool {
	return slices.ContainsFunc(kinds, func(k faults.Kind) bool { return slices.Contains(o.kinds, k) })
}

// fault says what is wrong with the options.
func (o *options) fault(rest int) string {
	switch {
	case rest > 0:
		return "it takes flags only: see chaos --help"
	case o.records < 1 || o.faults < 0 || o.workers < 1 || o.partitions < 1:
		return "--records, --workers and --partitions must be at least 1, --faults at least 0"
	case o.mongo != "lite" && o.mongo != "ferret":
		return "--mongo must be lite or ferret"
	case o.policy != "defer" && o.policy != "dead-letter":
		return "--policy must be defer or dead-letter"
	}
	return ""
}
