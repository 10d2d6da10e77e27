package config

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"strings"

	"github.com/caarlos0/env/v11"
	"github.com/joho/godotenv"
)

// Error lists every fault of an invalid configuration, one string each. The
// programs print it and exit with code 2.
type Error struct{ Faults []string }

func (e *Error) Error() string {
	return "configuration: " + strings.Join(e.Faults, "; ")
}

// Load reads the environment and, below it, the .env file of the working
// directory. The error is an *Error that lists all faults.
func Load() (*Config, error) { return LoadWith(nil) }

// LoadWith is Load with some variables overridden.
func LoadWith(overrides map[string]string) (*Config, error) {
	vars, err := readEnvFile(".env")
	var pathError *fs.PathError
	switch {
	case err == nil, errors.Is(err, fs.ErrNotExist):
	case errors.As(err, &pathError):
		return nil, &Error{Faults: []string{".env can't be read: " + err.Error()}}
	default: // the parser's message quotes the file, which may hold passwords
		return nil, &Error{Faults: []string{".env is malformed: want NAME=value on each line, values with spaces or # in quotes"}}
	}
	if vars == nil {
		vars = map[string]string{}
	}
	maps.Copy(vars, env.ToMap(os.Environ()))
	maps.Copy(vars, overrides)
	return Parse(vars)
}

func readEnvFile(name string) (map[string]string, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	byteOrderMark := []byte("\ufeff") // some editors begin a file with it
	return godotenv.UnmarshalBytes(bytes.TrimPrefix(text, byteOrderMark))
}

// Parse makes a Config from variables by name and ignores unknown variables. The
// error is an *Error that lists all faults.
func Parse(vars map[string]string) (*Config, error) {
	var c Config
	var faults []string
	if err := env.ParseWithOptions(&c, env.Options{Environment: withoutBlanks(vars)}); err != nil {
		faults = append(faults, parseFaults(err)...)
	}
	if v, set := vars["ADMIN_ADDR"]; set && strings.TrimSpace(v) == "" {
		c.AdminAddr = "" // here, empty means off
	}
	c.spell()
	c.fillIn()
	faults = append(faults, c.check(faults)...)
	if len(faults) > 0 {
		return nil, &Error{Faults: faults}
	}
	return &c, nil
}

// withoutBlanks drops empty variables, so that `X=` in a file means the default.
func withoutBlanks(vars map[string]string) map[string]string {
	out := make(map[string]string, len(vars))
	for name, value := range vars {
		if value = strings.TrimSpace(value); value != "" {
			out[name] = value
		}
	}
	return out
}

func parseFaults(err error) []string {
	var all env.AggregateError
	if !errors.As(err, &all) {
		return []string{err.Error()}
	}
	var faults []string
	for _, e := range all.Errors {
		var p env.ParseError
		if errors.As(e, &p) {
			faults = append(faults, fmt.Sprintf("%s: %v", variable(p.Name), reason(p.Err)))
			continue
		}
		faults = append(faults, e.Error())
	}
	return faults
}

func reason(err error) string {
	if cause := errors.Unwrap(err); cause != nil {
		return fmt.Sprintf("%s is not a number, or out of range", quoted(err.Error()))
	}
	return err.Error()
}

// quoted extracts the offending value from a strconv error.
func quoted(msg string) string {
	if i := strings.Index(msg, `"`); i >= 0 {
		if j := strings.LastIndex(msg, `"`); j > i {
			return msg[i : j+1]
		}
	}
	return "the value"
}

func variable(field string) string {
	if f, ok := reflect.TypeFor[Config]().FieldByName(field); ok {
		return f.Tag.Get("env")
	}
	return field
}

// spell normalises the case of choices, and the spelling of DEAD_LETTERS, a
// switch whose default depends on the mode. It leaves invalid values to check.
func (c *Config) spell() {
	for _, choice := range []*string{&c.LogFormat, &c.QueueMode, &c.RateLimitPolicy, &c.RateLimitClock} {
		*choice = strings.ToLower(*choice)
	}
	var on Switch
	if on.UnmarshalText([]byte(c.DeadLetters)) == nil {
		c.DeadLetters = on.String()
	}
}

// fillIn sets the defaults that depend on other settings.
func (c *Config) fillIn() {
	stream := c.QueueMode == ModeStream
	if c.DeadLetters == "" {
		c.DeadLetters = choose(stream, "on", "off")
	}
	if c.RateLimitClock == "" {
		c.RateLimitClock = choose(stream, ClockArrival, ClockProcessing)
	}
	if c.StreamConsumer == "" {
		c.StreamConsumer = consumerName()
	}
}

func choose(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}

func consumerName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "worker"
	}
	var b [4]byte
	_, _ = rand.Read(b[:])
	return fmt.Sprintf("%s-%d-%s", host, os.Getpid(), hex.EncodeToString(b[:]))
}
