package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
)

// sharing says which settings the workers of one queue have to agree on. What is shared is
// published in Redis, so no setting with a secret may be.
var sharing = map[string]bool{
	"LOG_LEVEL": false, "LOG_FORMAT": false, "LOG_RAW": false,

	// A server may have several addresses.
	"REDIS_URL": false, "REDIS_PASSWORD_FILE": false, "MONGO_URI": false, "MONGO_PASSWORD_FILE": false,
	"REDIS_TLS_CA_FILE": false, "REDIS_TLS_CERT_FILE": false, "REDIS_TLS_KEY_FILE": false, "REDIS_TLS_SERVER_NAME": false,
	"REDIS_SENTINEL_USERNAME": false, "REDIS_SENTINEL_PASSWORD_FILE": false,
	"MONGO_DB": true, "MONGO_COLLECTION": true, "MONGO_INDEXES": false,

	"QUEUE_MODE": true, "QUEUE_KEY": true,
	"STREAM_KEY": true, "STREAM_GROUP": true, "STREAM_CONSUMER": false, "STREAM_PARTITIONS": true,
	"STREAM_CLAIM_IDLE_MS": true, "STREAM_MAX_DELIVERIES": true, "STREAM_RETENTION": true, "STREAM_MAX_ENTRIES": true,

	"DEAD_LETTERS": true, "DLQ_MAX_ENTRIES": true,

	"RATE_LIMIT_LIMIT": true, "RATE_LIMIT_WINDOW_SEC": true, "RATE_LIMIT_POLICY": true, "RATE_LIMIT_CLOCK": true,
	"RATE_LIMIT_LATENESS_SEC": true, "RATE_LIMIT_MAX_DELAY_SEC": true,

	"BATCH_SIZE": false, "WORKER_CONCURRENCY": false, "WORKER_POLL_TIMEOUT_SEC": false, "WORKER_MAX_MESSAGES": false,
	"MAX_RECORD_BYTES": true, "SHUTDOWN_TIMEOUT_SEC": false, "STARTUP_TIMEOUT_SEC": false,

	"ADMIN_ADDR": false, "ADMIN_PPROF": false,

	"CONSOLE_ADDR": false, "CONSOLE_AUTH": false, "CONSOLE_USER": false, "CONSOLE_PASSWORD_FILE": false, "CONSOLE_AUTH_HEADER": false,
	"CONSOLE_CHANGES": false,

	"ARCHIVE_URL": false, "ARCHIVE_SEGMENT_BYTES": false, "ARCHIVE_SEGMENT_SEC": false,

	"GEN_CUSTOMERS": false, "GEN_RPM": false, "GEN_JITTER_MS": false, "GEN_INVALID_RATE": false, "PRODUCER_WAIT_REPLICAS": false,
}

// onlyIn says in which mode a shared setting counts; those that are missing count in both.
var onlyIn = map[string]string{
	"QUEUE_KEY": ModeList, "STREAM_KEY": ModeStream, "STREAM_GROUP": ModeStream, "STREAM_PARTITIONS": ModeStream,
	"STREAM_CLAIM_IDLE_MS": ModeStream, "STREAM_MAX_DELIVERIES": ModeStream, "STREAM_RETENTION": ModeStream,
	"STREAM_MAX_ENTRIES": ModeStream, "RATE_LIMIT_MAX_DELAY_SEC": ModeStream,
}

// Shared returns the effective values of the settings that all workers of a queue have to
// agree on, by name. There are no secrets among them.
func (c *Config) Shared() map[string]string {
	shared := map[string]string{}
	for _, s := range c.Settings() {
		if mode := onlyIn[s.Name]; sharing[s.Name] && (mode == "" || mode == c.QueueMode) {
			shared[s.Name] = s.Value
		}
	}
	return shared
}

// SharedHash is the same for workers whose settings agree.
func (c *Config) SharedHash() string {
	shared := c.Shared()
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(shared)) {
		fmt.Fprintf(h, "%s=%q\n", name, shared[name])
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
