package config

import (
	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"ingestion/internal/redisconn"
	"ingestion/store"
)

// RedisOptions parses REDIS_URL, with the passwords and certificates of the files
// that are set, which the client reads again for each new connection. The error is
// an *Error.
func (c *Config) RedisOptions() (*redis.UniversalOptions, error) {
	opts, err := redisconn.ParseWith(c.RedisURL.Reveal(), redisconn.Access{
		PasswordFile: c.RedisPasswordFile,
		CAFile:       c.RedisTLSCAFile, CertFile: c.RedisTLSCertFile, KeyFile: c.RedisTLSKeyFile, ServerName: c.RedisTLSServerName,
		SentinelUsername: c.RedisSentinelUsername, SentinelPasswordFile: c.RedisSentinelPasswordFile,
	})
	if err != nil {
		return nil, &Error{Faults: faultsOf(err)}
	}
	return opts, nil
}

// faultsOf lists errors that are joined.
func faultsOf(err error) []string {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []string{err.Error()}
	}
	var faults []string
	for _, e := range joined.Unwrap() {
		faults = append(faults, faultsOf(e)...)
	}
	return faults
}

// MongoOptions parses MONGO_URI, with the password of MONGO_PASSWORD_FILE if set. The
// client reads that file and those of MONGO_URI again for each new connection; stale
// is called when it can't any more, as store.Access says, and may be nil.
func (c *Config) MongoOptions(stale func(error)) (*options.ClientOptions, error) {
	return store.ClientOptionsWith(c.MongoURI.Reveal(), store.Access{PasswordFile: c.MongoPasswordFile, Stale: stale})
}
