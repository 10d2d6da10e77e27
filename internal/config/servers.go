package config

import (
	"os"
	"strings"

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

// MongoOptions parses MONGO_URI, with the password of MONGO_PASSWORD_FILE if set.
func (c *Config) MongoOptions() (*options.ClientOptions, error) {
	opts, err := store.ClientOptions(c.MongoURI.Reveal())
	if err != nil {
		return nil, err
	}
	password, err := secretFile(c.MongoPasswordFile)
	if err != nil {
		return nil, err
	}
	if password != "" {
		credential := options.Credential{}
		if opts.Auth != nil {
			credential = *opts.Auth
		}
		credential.Password, credential.PasswordSet = password, true
		opts.SetAuth(credential)
	}
	return opts, opts.Validate()
}

func secretFile(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	b, err := os.ReadFile(path)
	return strings.TrimRight(string(b), "\r\n"), err
}
