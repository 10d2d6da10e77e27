package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"ingestion/internal/reread"
	"ingestion/limiter"
	"ingestion/store"
)

// checker collects faults. A variable that did not parse is not checked again.
type checker struct {
	faults []string
	known  []string // faults found while parsing
}

func (k *checker) want(ok bool, name, format string, args ...any) {
	if ok || slices.ContainsFunc(k.known, func(f string) bool { return strings.HasPrefix(f, name+":") }) {
		return
	}
	k.faults = append(k.faults, name+": "+fmt.Sprintf(format, args...))
}

func (k *checker) oneOf(name, value string, allowed ...string) {
	k.want(slices.Contains(allowed, value), name, "%q is not one of %s", value, strings.Join(allowed, ", "))
}

func (k *checker) between(name string, value, low, high int64) {
	k.want(low <= value && value <= high, name, "%d is out of range: want %d to %d", value, low, high)
}

func (k *checker) password(name, file string) {
	if file != "" {
		_, err := reread.Password(file)
		k.want(err == nil, name, "%v", err)
	}
}

func (k *checker) key(name, key string) {
	k.want(!strings.ContainsAny(key, "{}"), name, "%q has braces, which the service reserves for keeping related keys in one slot", key)
}

func (c *Config) check(known []string) []string {
	k := &checker{known: known}
	k.oneOf("LOG_FORMAT", c.LogFormat, "auto", "json", "text")
	k.oneOf("QUEUE_MODE", c.QueueMode, ModeList, ModeStream)
	c.checkServers(k)
	c.checkConsole(k)
	c.checkArchive(k)
	c.checkKeys(k)
	c.checkNumbers(k)
	c.checkPolicies(k)
	return k.faults
}

func (c *Config) checkServers(k *checker) {
	if _, err := c.RedisOptions(); err != nil {
		var redis *Error
		errors.As(err, &redis)
		k.faults = append(k.faults, redis.Faults...)
	}
	if _, err := store.ClientOptions(c.MongoURI.Reveal()); err != nil && !errors.Is(err, store.ErrUnresolved) { // which may be found later
		k.want(false, "MONGO_URI", "%v", err)
	}
	k.password("MONGO_PASSWORD_FILE", c.MongoPasswordFile)
	k.want(c.MongoDB != "" && !strings.ContainsAny(c.MongoDB, "/\\. \"$\x00"), "MONGO_DB", "%q is not a valid database name: want one without spaces and / \\ . \" $", c.MongoDB)
	k.want(c.MongoCollection != "" && !strings.ContainsAny(c.MongoCollection, "$\x00") && !strings.HasPrefix(c.MongoCollection, "system."), "MONGO_COLLECTION", "%q is not a valid collection name: want one without $ that does not begin with system.", c.MongoCollection)
	if c.AdminAddr != "" {
		_, _, err := net.SplitHostPort(c.AdminAddr)
		k.want(err == nil, "ADMIN_ADDR", "%q is not host:port", c.AdminAddr)
	}
}

// archiveSchemes are the kinds of buckets.
var archiveSchemes = []string{"file", "s3", "gs", "azblob"}

func (c *Config) checkArchive(k *checker) {
	if c.ArchiveURL == "" {
		return
	}
	u, err := url.Parse(c.ArchiveURL)
	if err != nil {
		k.want(false, "ARCHIVE_URL", "can't be read: want for example file:///var/lib/archive or s3://bucket")
		return
	}
	if u.Scheme == "" {
		k.want(false, "ARCHIVE_URL", "%q is no URL: want for example file:///var/lib/archive or s3://bucket", c.ArchiveURL)
		return
	}
	k.want(slices.Contains(archiveSchemes, u.Scheme), "ARCHIVE_URL", "%q is not one of %s: want for example file:///var/lib/archive or s3://bucket", u.Scheme, strings.Join(archiveSchemes, ", "))
	switch u.Scheme {
	case "file":
		k.want((u.Host == "" || u.Host == ".") && strings.Trim(u.Path, "/") != "", "ARCHIVE_URL", "names no directory: want for example file:///var/lib/archive")
	case "s3", "gs", "azblob":
		k.want(u.Host != "", "ARCHIVE_URL", "names no bucket: want for example %s://bucket", u.Scheme)
	}
}

func (c *Config) checkKeys(k *checker) {
	k.key("QUEUE_KEY", c.QueueKey)
	k.key("STREAM_KEY", c.StreamKey)
	k.want(!strings.ContainsFunc(c.StreamConsumer, isControl), "STREAM_CONSUMER", "has control characters")
	k.want(!strings.ContainsFunc(c.StreamGroup, isControl), "STREAM_GROUP", "has control characters")
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

func (c *Config) checkNumbers(k *checker) {
	k.between("STREAM_PARTITIONS", int64(c.StreamPartitions), 1, MaxPartitions)
	k.between("STREAM_CLAIM_IDLE_MS", c.StreamClaimIdle.Duration().Milliseconds(), 100, 86_400_000)
	k.between("STREAM_MAX_DELIVERIES", int64(c.StreamMaxDeliveries), 1, 1_000_000)
	k.want(c.StreamMaxEntries >= 0, "STREAM_MAX_ENTRIES", "%d is negative", c.StreamMaxEntries)
	k.want(c.DLQMaxEntries >= 0, "DLQ_MAX_ENTRIES", "%d is negative", c.DLQMaxEntries)
	k.between("RATE_LIMIT_LIMIT", int64(c.RateLimitLimit), 0, limiter.MaxRecords)
	window := c.RateLimitWindow.Duration()
	k.want(limiter.ValidWindow(window), "RATE_LIMIT_WINDOW_SEC",
		"%s is not a valid window: want 0.001 to %d, whole milliseconds", c.RateLimitWindow, limiter.MaxWindow/time.Second)
	if c.RateLimitPolicy == PolicyDefer && window >= time.Millisecond {
		k.want(c.RateLimitMaxDelay.Duration()/limiter.MaxWindowsAhead <= window, "RATE_LIMIT_MAX_DELAY_SEC",
			"%s is more than %d windows of %s: want at most %s, or a longer RATE_LIMIT_WINDOW_SEC",
			c.RateLimitMaxDelay, limiter.MaxWindowsAhead, c.RateLimitWindow, Seconds(limiter.MaxWindowsAhead*window))
	}
	k.between("BATCH_SIZE", int64(c.BatchSize), 1, 10_000)
	k.between("WORKER_CONCURRENCY", int64(c.Concurrency), 1, 256)
	k.want(c.MaxMessages >= 0, "WORKER_MAX_MESSAGES", "%d is negative", c.MaxMessages)
	k.between("MAX_RECORD_BYTES", int64(c.MaxRecordBytes), 1, 15<<20)
	k.want(c.StartupTimeout > 0, "STARTUP_TIMEOUT_SEC", "%s leaves no time to start: want more than 0", c.StartupTimeout)
	k.between("ARCHIVE_SEGMENT_BYTES", c.ArchiveSegmentBytes, 1<<10, 1<<30)
	k.want(c.ArchiveSegment.Duration() >= 100*time.Millisecond && c.ArchiveSegment.Duration() <= 24*time.Hour, "ARCHIVE_SEGMENT_SEC", "%s is out of range: want 0.1 to 86400", c.ArchiveSegment)
	k.want(c.GenRPM >= 0.000_001 && c.GenRPM <= 60_000_000, "GEN_RPM", "%v is out of range: want 0.000001 to 60000000", c.GenRPM)
	k.want(c.GenInvalidRate >= 0 && c.GenInvalidRate <= 1, "GEN_INVALID_RATE", "%v is out of range: want 0 to 1", c.GenInvalidRate)
	k.between("PRODUCER_WAIT_REPLICAS", int64(c.ProducerWaitReplicas), 0, 100)
	k.want(len(c.GenCustomers) > 0 && !slices.Contains(c.GenCustomers, ""), "GEN_CUSTOMERS", "has an empty customer ID")
}

func (c *Config) checkPolicies(k *checker) {
	k.oneOf("DEAD_LETTERS", c.DeadLetters, "on", "off")
	k.oneOf("RATE_LIMIT_POLICY", c.RateLimitPolicy, PolicyDrop, PolicyDeadLetter, PolicyDefer)
	k.oneOf("RATE_LIMIT_CLOCK", c.RateLimitClock, ClockArrival, ClockProcessing)
	k.want(c.DeadLetters != "off" || c.RateLimitPolicy != PolicyDeadLetter, "RATE_LIMIT_POLICY",
		"dead-letter needs DEAD_LETTERS=on; set that, or RATE_LIMIT_POLICY=drop")
	if c.QueueMode == ModeList {
		k.want(c.RateLimitPolicy != PolicyDefer, "RATE_LIMIT_POLICY", "defer needs QUEUE_MODE=stream")
		k.want(c.RateLimitClock != ClockArrival, "RATE_LIMIT_CLOCK", "arrival needs QUEUE_MODE=stream: a list does not record arrival times")
	}
}
