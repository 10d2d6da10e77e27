// Package config reads the service's settings from the environment and from a
// .env file in the working directory, and reports every fault at once.
package config

import (
	"strings"

	"ingestion/record"
)

// The values of QUEUE_MODE, RATE_LIMIT_POLICY, RATE_LIMIT_CLOCK and CONSOLE_AUTH.
const (
	ModeList   = "list"
	ModeStream = "stream"

	PolicyDrop       = "drop"
	PolicyDeadLetter = "dead-letter"
	PolicyDefer      = "defer"

	ClockArrival    = "arrival"
	ClockProcessing = "processing"

	AuthPassword = "password"
	AuthProxy    = "proxy"
)

// MaxPartitions is the highest STREAM_PARTITIONS.
const MaxPartitions = 1024

// Config holds the effective settings: each variable's value or its default,
// which may depend on QUEUE_MODE. The doc tags are the source of `.env.example`
// and of the table in docs/configuration.md.
type Config struct {
	LogLevel  Level  `env:"LOG_LEVEL" envDefault:"INFO" doc:"lowest level that is logged: DEBUG, INFO, WARNING (or WARN), ERROR, CRITICAL"`
	LogFormat string `env:"LOG_FORMAT" envDefault:"auto" doc:"json, text (coloured), or auto: text on a terminal, else json"`
	LogRaw    Switch `env:"LOG_RAW" envDefault:"on" doc:"log the first 256 bytes of an unreadable body"`

	RedisURL           Secret `env:"REDIS_URL" envDefault:"redis://localhost:6379/0" doc:"redis://host:port/db; rediss:// for TLS; for a Cluster, redis+cluster://host or several nodes, comma-separated; for Sentinel, redis+sentinel://h1,h2/master/0; options after a ?, for example ?read_timeout=20s"`
	RedisPasswordFile  string `env:"REDIS_PASSWORD_FILE" doc:"file with the Redis password; overrides the one in REDIS_URL"`
	RedisTLSCAFile     string `env:"REDIS_TLS_CA_FILE" doc:"file with the certificates of the authorities that Redis' certificate may be from, PEM; unset: those that the system trusts"`
	RedisTLSCertFile   string `env:"REDIS_TLS_CERT_FILE" doc:"file with the client certificate for Redis, PEM; needs REDIS_TLS_KEY_FILE"`
	RedisTLSKeyFile    string `env:"REDIS_TLS_KEY_FILE" doc:"file with the private key of the client certificate, PEM"`
	RedisTLSServerName string `env:"REDIS_TLS_SERVER_NAME" doc:"name that Redis' certificate must have; unset: the host in the address"`

	RedisSentinelUsername     string `env:"REDIS_SENTINEL_USERNAME" doc:"user for the Sentinels; unset: the default user"`
	RedisSentinelPasswordFile string `env:"REDIS_SENTINEL_PASSWORD_FILE" doc:"file with the password for the Sentinels, which is not that of Redis"`

	MongoURI          Secret `env:"MONGO_URI" envDefault:"mongodb://localhost:27017" doc:"MongoDB connection string"`
	MongoPasswordFile string `env:"MONGO_PASSWORD_FILE" doc:"file with the MongoDB password; overrides the one in MONGO_URI"`
	MongoDB           string `env:"MONGO_DB" envDefault:"ingestion" doc:"database name"`
	MongoCollection   string `env:"MONGO_COLLECTION" envDefault:"customers" doc:"collection name"`
	MongoIndexes      Switch `env:"MONGO_INDEXES" envDefault:"off" doc:"create an index on customerId and createdAt at startup, for your own queries by customer: the service does not need it; it halves the insert rate of FerretDB 1 and cuts that of FerretDB 2 to a quarter"`

	QueueMode string `env:"QUEUE_MODE" envDefault:"list" doc:"list (at most once) or stream (effectively once)"`
	QueueKey  string `env:"QUEUE_KEY" envDefault:"ingest:queue" doc:"key of the list"`

	StreamKey           string    `env:"STREAM_KEY" envDefault:"ingest:stream" doc:"key of the stream; with several partitions, its prefix"`
	StreamGroup         string    `env:"STREAM_GROUP" envDefault:"ingest-workers" doc:"consumer group"`
	StreamConsumer      string    `env:"STREAM_CONSUMER" doc:"this worker's name in the group, which no other worker may use; unset: host-pid-random"`
	StreamPartitions    int       `env:"STREAM_PARTITIONS" envDefault:"1" doc:"number of streams that the customers are spread over; the same for all workers and producers"`
	StreamClaimIdle     Millis    `env:"STREAM_CLAIM_IDLE_MS" envDefault:"30000" doc:"an entry whose lease was not renewed for this long is reclaimed by another worker, as a partition is by another archiver, milliseconds"`
	StreamMaxDeliveries int       `env:"STREAM_MAX_DELIVERIES" envDefault:"5" doc:"an entry delivered more often than this is quarantined, since it may be killing its workers"`
	StreamRetention     Retention `env:"STREAM_RETENTION" envDefault:"1h" doc:"how long settled entries stay on the stream: a duration such as 90m, 7d or 1w2d, or 0 or forever"`
	StreamMaxEntries    int64     `env:"STREAM_MAX_ENTRIES" envDefault:"1000000" doc:"approximate maximum number of entries on the stream, not counting unfinished ones; 0: no maximum"`

	DeadLetters   string `env:"DEAD_LETTERS" doc:"on or off: keep refused records as dead letters; for records over the limit, see also RATE_LIMIT_POLICY"`
	DLQMaxEntries int64  `env:"DLQ_MAX_ENTRIES" envDefault:"0" doc:"maximum number of dead letters kept; 0: keep all"`

	RateLimitLimit    int     `env:"RATE_LIMIT_LIMIT" envDefault:"5" doc:"maximum number of records admitted for a customer in any window, up to 1000000; 0: no limit"`
	RateLimitWindow   Seconds `env:"RATE_LIMIT_WINDOW_SEC" envDefault:"60" doc:"length of the window, seconds; 0.001 to 2678400 (31 days), in whole milliseconds"`
	RateLimitPolicy   string  `env:"RATE_LIMIT_POLICY" envDefault:"drop" doc:"what happens to a record over the limit: drop, dead-letter (needs DEAD_LETTERS=on) or defer (stream mode only)"`
	RateLimitClock    string  `env:"RATE_LIMIT_CLOCK" doc:"which time of a record counts: arrival (stream mode only) or processing"`
	RateLimitLateness Seconds `env:"RATE_LIMIT_LATENESS_SEC" envDefault:"3600" doc:"how long a customer's window is kept after its last use, seconds"`
	RateLimitMaxDelay Seconds `env:"RATE_LIMIT_MAX_DELAY_SEC" envDefault:"3600" doc:"with defer: a record that would have to wait longer is refused, seconds"`

	BatchSize       int     `env:"BATCH_SIZE" envDefault:"500" doc:"maximum number of records in a batch"`
	Concurrency     int     `env:"WORKER_CONCURRENCY" envDefault:"4" doc:"maximum number of batches in flight"`
	PollTimeout     Seconds `env:"WORKER_POLL_TIMEOUT_SEC" envDefault:"5" doc:"how long one read waits for records, seconds"`
	MaxMessages     int64   `env:"WORKER_MAX_MESSAGES" envDefault:"0" doc:"exit after settling this many records; 0: run until stopped"`
	MaxRecordBytes  int     `env:"MAX_RECORD_BYTES" envDefault:"65536" doc:"maximum size of a body, bytes"`
	ShutdownTimeout Seconds `env:"SHUTDOWN_TIMEOUT_SEC" envDefault:"25" doc:"how long batches in flight may take after SIGTERM, seconds"`
	StartupTimeout  Seconds `env:"STARTUP_TIMEOUT_SEC" envDefault:"60" doc:"how long to wait for Redis and MongoDB at startup, seconds"`

	AdminAddr  string `env:"ADMIN_ADDR" envDefault:"127.0.0.1:9464" doc:"address on which metrics and health are served; empty: off"`
	AdminPprof Switch `env:"ADMIN_PPROF" envDefault:"off" doc:"serve Go profiles on ADMIN_ADDR"`

	ConsoleAddr         string `env:"CONSOLE_ADDR" envDefault:"127.0.0.1:8080" doc:"console, standalone run: address on which the console is served; empty: standalone run serves none"`
	ConsoleAuth         string `env:"CONSOLE_AUTH" envDefault:"password" doc:"console: password (that of CONSOLE_PASSWORD_FILE; without the file there is no login, and CONSOLE_ADDR must be a loopback address) or proxy (a proxy in front of the console has asked who the user is)"`
	ConsoleUser         string `env:"CONSOLE_USER" envDefault:"admin" doc:"console: the user who logs in with the password of CONSOLE_PASSWORD_FILE"`
	ConsolePasswordFile string `env:"CONSOLE_PASSWORD_FILE" doc:"console: file with the password of CONSOLE_USER"`
	ConsoleAuthHeader   string `env:"CONSOLE_AUTH_HEADER" envDefault:"X-Forwarded-User" doc:"console: with CONSOLE_AUTH=proxy, the header in which the proxy sends the user's name; only the proxy may be able to reach CONSOLE_ADDR, and it must replace that header in every request"`
	ConsoleChanges      Switch `env:"CONSOLE_CHANGES" envDefault:"off" doc:"console: allow changes of the queue, not only reading"`

	ArchiveURL          string  `env:"ARCHIVE_URL" doc:"archiver, ingestctl: the bucket of the archive: file:///directory, s3://bucket, gs://bucket or azblob://container; options after a ?, for example ?prefix=queue/; credentials come from the provider's own variables or files"`
	ArchiveSegmentBytes int64   `env:"ARCHIVE_SEGMENT_BYTES" envDefault:"67108864" doc:"archiver: a segment is closed at this size, bytes before compression"`
	ArchiveSegment      Seconds `env:"ARCHIVE_SEGMENT_SEC" envDefault:"60" doc:"archiver: a segment is closed this long after its first entry, if it is not full before; so long, at most, the archive is behind the stream, seconds"`

	GenCustomers         []string `env:"GEN_CUSTOMERS" envDefault:"1,2,3,4,5" doc:"generator: customer IDs, comma-separated"`
	GenRPM               float64  `env:"GEN_RPM" envDefault:"5" doc:"generator: records per minute for each customer"`
	GenJitter            Millis   `env:"GEN_JITTER_MS" envDefault:"500" doc:"generator: maximum shift of each record, earlier or later, milliseconds"`
	GenInvalidRate       float64  `env:"GEN_INVALID_RATE" envDefault:"0.05" doc:"generator: fraction of invalid records, 0 to 1"`
	ProducerWaitReplicas int      `env:"PRODUCER_WAIT_REPLICAS" envDefault:"0" doc:"producer: number of replicas that must acknowledge a batch before it counts as queued; with fewer than all, a failover may still lose some"`

	// FormerPartitions are other numbers of partitions that the stream has had. They are no
	// setting: a program reads them in Redis once it is connected.
	FormerPartitions []int

	origin origin
}

// Source says where the value of a variable comes from.
type Source string

// The sources, each of which overrides those before it.
const (
	Default     Source = "default"
	EnvFile     Source = ".env"
	Environment Source = "environment"
	Program     Source = "program" // given by the program itself, such as standalone run
)

// origin is where the values of a Config come from.
type origin struct {
	file     string            // path of the .env file, or ""
	fileVars map[string]string // of the .env file
	sources  map[string]Source // of the variables that have a value
	suspects []Suspect
}

// EnvFilePath returns the path of the .env file that was read, or "" if there is none.
func (c *Config) EnvFilePath() string { return c.origin.file }

// OTel returns OpenTelemetry's variables (OTEL_*) in the .env file. Its libraries read the
// environment only.
func (c *Config) OTel() map[string]string {
	vars := map[string]string{}
	for name, value := range c.origin.fileVars {
		if strings.HasPrefix(name, "OTEL_") {
			vars[name] = value
		}
	}
	return vars
}

// Suspects lists variables of the .env file and of the environment that look like
// misspelt settings.
func (c *Config) Suspects() []Suspect { return c.origin.suspects }

// Layout is how customers are spread over the streams.
func (c *Config) Layout() record.Layout {
	return record.Layout{Key: c.StreamKey, Partitions: c.StreamPartitions, Former: c.FormerPartitions}
}

// KeepDeadLetters reports whether refused records are kept as dead letters.
func (c *Config) KeepDeadLetters() bool { return c.DeadLetters == "on" }

// Key returns the list's key or, in stream mode, the stream key that all other
// keys are built from.
func (c *Config) Key() string {
	if c.QueueMode == ModeList {
		return c.QueueKey
	}
	return c.StreamKey
}
