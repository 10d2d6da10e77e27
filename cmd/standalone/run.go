package main

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"ingestion/cmd/internal/app"
	"ingestion/cmd/internal/stack"
	"ingestion/cmd/internal/tracing"
	"ingestion/internal/config"
	"ingestion/internal/embedded"
	"ingestion/record"
)

func newRun() *cobra.Command {
	opts, archiveDir, perMinute := stack.Options{}, "", 0.0
	command := &cobra.Command{
		Use:   "run",
		Short: "Run the embedded servers, the worker and the console until SIGINT or SIGTERM",
		Long: `run runs the embedded Redis, the embedded MongoDB, the worker and the web console in
one process. It prints the addresses of the console (CONSOLE_ADDR) and of both servers,
how to push a record and how to look at the document. All settings of the worker apply, except REDIS_URL and MONGO_URI,
which point to the embedded servers. With --data the documents are kept in that
directory; records still in the embedded Redis are lost on exit.

With --example, it also sends that many generated records a minute, so that there is
something to look at: most are valid, some are invalid, repeated or over the limit. The
queue is then a stream, unless QUEUE_MODE is set.

With --archive, which needs QUEUE_MODE=stream, every entry is also written to that
directory, as archiver does.

The embedded Redis does not count the entries added to a stream, so the verdict
of "ingestctl reconcile" on it is "unknown" at best.`,
		Example: `  standalone run                                   # list mode, free ports
  standalone run --example 60                      # a record a second, on a stream
  QUEUE_MODE=stream standalone run --data ./data --redis-addr 127.0.0.1:6379
  QUEUE_MODE=stream standalone run --data ./data --archive ./archive`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error { return run(command, opts, archiveDir, perMinute) },
	}
	command.Flags().StringVar(&opts.RedisAddr, "redis-addr", "127.0.0.1:0", "listen `ADDRESS` of Redis; port 0 is any free one")
	command.Flags().StringVar(&opts.MongoAddr, "mongo-addr", "127.0.0.1:0", "listen `ADDRESS` of MongoDB; port 0 is any free one")
	command.Flags().StringVar(&opts.DataDir, "data", "", "data `DIRECTORY` of MongoDB (default: temporary)")
	command.Flags().Float64Var(&perMinute, "example", 0, "send this many generated `RECORDS` a minute")
	command.Flags().StringVar(&archiveDir, "archive", "", "archive the entries of the stream in this `DIRECTORY`")
	return command
}

func run(command *cobra.Command, opts stack.Options, archiveDir string, perMinute float64) (err error) {
	ctx := command.Context()
	examples, err := newExamples(perMinute)
	if err != nil {
		return err
	}
	servers, err := stack.Start(ctx, opts)
	if err != nil {
		return blame(err, addrFlag(err))
	}
	defer func() { err = errors.Join(err, servers.Close()) }()
	cfg, err := load(servers.Variables(), examples != nil)
	if err != nil {
		return err
	}
	log, buffer := app.NewLog(cfg, command.OutOrStdout())
	defer func() { err = errors.Join(err, buffer.Close()) }()
	tracer, stop := tracing.StartWorker(ctx, cfg, log)
	defer stop()
	archiver, closeArchive, err := openArchive(ctx, cfg, log, archiveDir)
	if err != nil {
		return err
	}
	defer closeArchive()
	worker, err := app.NewWorker(ctx, cfg, log, buffer.Flush, tracer)
	if err != nil {
		return err
	}
	defer worker.Close()
	console, closeConsole, err := openConsole(ctx, cfg, log, archiveDir)
	if err != nil {
		return err
	}
	defer closeConsole()
	command.PrintErr(welcome(servers, cfg, console.url()))
	if examples != nil {
		command.PrintErrf("Now %v generated records a minute arrive, until Ctrl-C\n", perMinute)
	}
	return console.during(ctx, func(ctx context.Context) error {
		return withExamples(ctx, cfg, log, examples, func(ctx context.Context) error { return runBoth(ctx, worker, archiver) })
	})
}

// addrFlag returns the flag of the address that is at fault, if one is.
func addrFlag(err error) string {
	var refused *embedded.AddrError
	if errors.As(err, &refused) && refused.Server == "Redis" {
		return "--redis-addr"
	}
	return "--mongo-addr"
}

// welcome says where the servers and the console are, and what to do next. url is "" if there is no
// console.
func welcome(servers *stack.Stack, cfg *config.Config, url string) string {
	host, port, _ := net.SplitHostPort(servers.Redis.Addr())
	push := "RPUSH " + quoted(cfg.QueueKey)
	if cfg.QueueMode == config.ModeStream {
		push = "XADD " + quoted(streamOf("42", cfg)) + " '*' data"
	}
	if url != "" {
		url = "Console  " + url + "\n"
	}
	return url + "Redis    " + servers.Redis.URL() + "\n" +
		"MongoDB  " + servers.Mongo.URI() + "\n" +
		"Push a record with any Redis client, for example:\n" +
		"  redis-cli -h " + host + " -p " + port + " " + push +
		` '{"customerId":"42","name":"Ada Lovelace","email":"ada@lovelace.org","createdAt":"2026-01-31T12:00:00Z"}'` + "\n" +
		"or with the producer:\n" +
		"  REDIS_URL=" + servers.Redis.URL() + " " + producerSettings(cfg) + "go run ./cmd/producer load examples/customers.ndjson\n" +
		"or send generated records until Ctrl-C:\n" +
		"  REDIS_URL=" + servers.Redis.URL() + " " + producerSettings(cfg) + "go run ./cmd/producer generate\n" +
		"Look at the document:\n" +
		"  MONGO_URI=" + servers.Mongo.URI() + " " + documentSettings(cfg) + "go run ./cmd/ingestctl find --customer 42\n"
}

// producerSettings returns the variables that the producer must share with the
// worker: the mode, and others that differ from their defaults.
func producerSettings(cfg *config.Config) string {
	if cfg.QueueMode == config.ModeStream {
		return "QUEUE_MODE=stream " + changed(cfg, "STREAM_KEY", "STREAM_PARTITIONS")
	}
	return "QUEUE_MODE=list " + changed(cfg, "QUEUE_KEY")
}

// documentSettings returns those that say where the documents are.
func documentSettings(cfg *config.Config) string { return changed(cfg, "MONGO_DB", "MONGO_COLLECTION") }

// changed returns those of the variables that differ from their defaults, as a shell
// takes them in front of a command.
func changed(cfg *config.Config, names ...string) string {
	var b strings.Builder
	for _, s := range cfg.Settings() {
		if slices.Contains(names, s.Name) && s.Value != s.Default {
			b.WriteString(s.Name + "=" + quoted(s.Value) + " ")
		}
	}
	return b.String()
}

// quoted returns s as one word for a POSIX shell.
func quoted(s string) string {
	plain := func(r rune) bool {
		return r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(":.-_/", r))
	}
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !plain(r) }) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// streamOf returns the key of the stream for a customer's records.
func streamOf(customerID string, cfg *config.Config) string {
	keys := record.PartitionKeys(cfg.StreamKey, cfg.StreamPartitions)
	return keys[record.HomePartition(customerID, len(keys))]
}
