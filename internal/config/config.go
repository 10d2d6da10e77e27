// Package config reads the service's settings from the environment and from a
// .env file in the working directory, and reports every fault at once.
package config

// The values of QUEUE_MODE, RATE_LIMIT_POLICY and RATE_LIMIT_CLOCK.
const (
	ModeList   = "list"
	ModeStream = "stream"

	PolicyDrop       = "drop"
	PolicyDeadLetter = "dead-letter"
	PolicyDefer      = "defer"

	ClockArrival    = "arrival"
	ClockProcessing = "processing"
)

// Config holds the effective settings: what was set, else the defaults, those
// that depend on QUEUE_MODE included. The doc tags are the source of
// `.env.example` and of the README's table.
type Config struct {
	LogLevel  Level  `env:"LOG_LEVEL" envDefault:"INFO" doc:"least level that is logged: DEBUG, INFO, WARNING, ERROR, CRITICAL"`
	LogFormat string `env:"LOG_FORMAT" envDefault:"auto" doc:"json, text (coloured) or auto: text on a terminal"`
	LogRaw    Switch `env:"LOG_RAW" envDefault:"on" doc:"show the first 256 bytes of an unreadable body in the log"`

	RedisURL          Secret `env:"REDIS_URL" envDefault:"redis://localhost:6379/0" doc:"redis://host:port/db; a Cluster as several nodes, comma-separated, or redis+cluster://host; redis+sentinel://h1,h2/master/0; rediss for TLS; options behind a ?, for example ?read_timeout=20s"`
	RedisPasswordFile string `env:"REDIS_PASSWORD_FILE" doc:"file that holds the Redis password; wins over the URL's"`
	MongoURI          Secret `env:"MONGO_URI" envDefault:"mongodb://localhost:27017" doc:"MongoDB connection string"`
	MongoPasswordFile string `env:"MONGO_PASSWORD_FILE" doc:"file that holds the MongoDB password; wins over the URI's"`
	MongoDB           string `env:"MONGO_DB" envDefault:"ingestion" doc:"database"`
	MongoCollection   string `env:"MONGO_COLLECTION" envDefault:"customers" doc:"collection"`
	MongoIndexes      Switch `env:"MONGO_INDEXES" envDefault:"off" doc:"create an index on customerId and createdAt at start; the service needs none, and it costs half of the insert speed on FerretDB 1, three quarters on FerretDB 2: on where you read by customer"`

	QueueMode string `env:"QUEUE_MODE" envDefault:"list" doc:"list (at-most-once) or stream (at-least-once, exactly-once in effect)"`
	QueueKey  string `env:"QUEUE_KEY" envDefault:"ingest:queue" doc:"key of the list"`

	StreamKey           string    `env:"STREAM_KEY" envDefault:"ingest:stream" doc:"key of the stream; with several partitions its prefix"`
	StreamGroup         string    `env:"STREAM_GROUP" envDefault:"ingest-workers" doc:"consumer group"`
	StreamConsumer      string    `env:"STREAM_CONSUMER" doc:"this worker's name in the group; host-pid-random unless set, never the same for two workers"`
	StreamPartitions    int       `env:"STREAM_PARTITIONS" envDefault:"1" doc:"number of streams that the customers are spread over; the same everywhere"`
	StreamClaimIdle     Millis    `env:"STREAM_CLAIM_IDLE_MS" envDefault:"30000" doc:"an entry whose lease was not renewed for so long is taken over by another worker"`
	StreamMaxDeliveries int       `env:"STREAM_MAX_DELIVERIES" envDefault:"5" doc:"deliveries after which an entry is suspected of killing its worker"`
	StreamRetention     Retention `env:"STREAM_RETENTION" envDefault:"1h" doc:"how long settled entries stay on the stream: a length of time, 0 or forever"`
	StreamMaxEntries    int64     `env:"STREAM_MAX_ENTRIES" envDefault:"1000000" doc:"about so many entries stay at most, unfinished ones apart; 0: no cap"`

	DeadLetters   string `env:"DEAD_LETTERS" doc:"on or off: keep refused records; on in stream mode, off in list mode unless set"`
	DLQMaxEntries int64  `env:"DLQ_MAX_ENTRIES" envDefault:"0" doc:"dead letters kept at most; 0: all"`

	RateLimitLimit    int     `env:"RATE_LIMIT_LIMIT" envDefault:"5" doc:"records a customer may have in any window, up to 1000000; 0: no limit"`
	RateLimitWindow   Seconds `env:"RATE_LIMIT_WINDOW_SEC" envDefault:"60" doc:"length of the window, seconds; 0.001 to 2678400 (31 days), whole milliseconds"`
	RateLimitPolicy   string  `env:"RATE_LIMIT_POLICY" envDefault:"drop" doc:"what becomes of a record over the limit: drop, dead-letter or defer (stream mode only)"`
	RateLimitClock    string  `env:"RATE_LIMIT_CLOCK" doc:"arrival (stream mode's default) or processing (list mode's only one)"`
	RateLimitLateness Seconds `env:"RATE_LIMIT_LATENESS_SEC" envDefault:"3600" doc:"how long a customer's window outlives its last use, seconds"`
	RateLimitMaxDelay Seconds `env:"RATE_LIMIT_MAX_DELAY_SEC" envDefault:"3600" doc:"defer: a record that would wait longer is refused, seconds"`

	BatchSize       int     `env:"BATCH_SIZE" envDefault:"500" doc:"records handled together at most"`
	Concurrency     int     `env:"WORKER_CONCURRENCY" envDefault:"4" doc:"batches in flight at most"`
	PollTimeout     Seconds `env:"WORKER_POLL_TIMEOUT_SEC" envDefault:"5" doc:"how long one wait for records lasts, seconds"`
	MaxMessages     int64   `env:"WORKER_MAX_MESSAGES" envDefault:"0" doc:"settle so many records, then exit; 0: no end"`
	MaxRecordBytes  int     `env:"MAX_RECORD_BYTES" envDefault:"65536" doc:"largest body, bytes"`
	ShutdownTimeout Seconds `env:"SHUTDOWN_TIMEOUT_SEC" envDefault:"25" doc:"how long work in flight may take after SIGTERM, seconds"`
	StartupTimeout  Seconds `env:"STARTUP_TIMEOUT_SEC" envDefault:"60" doc:"how long the start waits for Redis and MongoDB, seconds"`

	AdminAddr  string `env:"ADMIN_ADDR" envDefault:"127.0.0.1:9464" doc:"address of the health and metrics endpoint; empty: off"`
	AdminPprof Switch `env:"ADMIN_PPROF" envDefault:"off" doc:"serve Go profiles on ADMIN_ADDR"`

	GenCustomers         []string `env:"GEN_CUSTOMERS" envDefault:"1,2,3,4,5" doc:"generator: customer IDs, comma-separated"`
	GenRPM               float64  `env:"GEN_RPM" envDefault:"5" doc:"generator: records a minute for each customer"`
	GenJitter            Millis   `env:"GEN_JITTER_MS" envDefault:"500" doc:"generator: each record comes up to so much earlier or later, milliseconds"`
	GenInvalidRate       float64  `env:"GEN_INVALID_RATE" envDefault:"0.05" doc:"generator: share of spoilt records, 0 to 1"`
	ProducerWaitReplicas int      `env:"PRODUCER_WAIT_REPLICAS" envDefault:"0" doc:"producer: replicas that must have each batch before it counts as queued"`
}

// KeepDeadLetters says whether refused records are kept.
func (c *Config) KeepDeadLetters() bool { return c.DeadLetters == "on" }

// Key is K of the design: the list's key, or the stream key that others are
// built from.
func (c *Config) Key() string {
	if c.QueueMode == ModeList {
		return c.QueueKey
	}
	return c.StreamKey
}
