package config

import (
	"os"
	"strings"

	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"ingestion/internal/redisconn"
	"ingestion/store"
)

// RedisOptions parses REDIS_URL, with the password of REDIS_PASSWORD_FILE if
// set. The error is an *Error.
func (c *Config) RedisOptions() (*redis.UniversalOptions, error) {
	password, err := secretFile(c.RedisPasswordFile)
	if err != nil {
		return nil, &Error{Faults: []string{"REDIS_PASSWORD_FILE: can't be read: " + err.Error()}}
	}
	opts, err := redisconn.Parse(c.RedisURL.Reveal(), password)
	if err != nil {
		return nil, &Error{Faults: []string{"REDIS_URL: " + err.Error()}}
	}
	return opts, nil
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
