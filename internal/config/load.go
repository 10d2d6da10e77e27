package config

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"strconv"
	"strings"

	"github.com/caarlos0/env/v11"
)

// Error lists every fault of an invalid configuration, one string each. The
// programs print it and exit with code 2.
type Error struct {
	Faults   []string
	Suspects []Suspect // which may be why
}

func (e *Error) Error() string {
	return "configuration: " + strings.Join(e.Faults, "; ")
}

// Load reads the environment and, below it, the .env file of the working
// directory. The error is an *Error that lists all faults.
func Load() (*Config, error) { return LoadWith(nil) }

// LoadWith is Load with some variables overridden.
func LoadWith(overrides map[string]string) (*Config, error) {
	file, err := readEnvFile()
	if err != nil {
		return nil, err
	}
	environ := env.ToMap(os.Environ())
	vars, sources := layered(layer{EnvFile, file.vars}, layer{Environment, environ}, layer{Program, overrides})
	return parse(vars, origin{file: file.path, fileVars: file.vars, sources: sources, suspects: suspects(file, environ, withoutBlanks(vars))})
}

// layer is the variables of one source.
type layer struct {
	source Source
	vars   map[string]string
}

// layered returns the variables of all layers, of which later ones override earlier
// ones, and their sources.
func layered(layers ...layer) (map[string]string, map[string]Source) {
	vars, sources := map[string]string{}, map[string]Source{}
	for _, l := range layers {
		for name, value := range l.vars {
			vars[name], sources[name] = value, l.source
		}
	}
	return vars, sources
}

// Parse makes a Config from variables by name and ignores unknown variables. The
// error is an *Error that lists all faults.
func Parse(vars map[string]string) (*Config, error) {
	vars, sources := layered(layer{Program, vars})
	return parse(vars, origin{sources: sources})
}

func parse(vars map[string]string, o origin) (*Config, error) {
	c := Config{origin: o}
	var faults []string
	given := withoutBlanks(vars)
	if err := env.ParseWithOptions(&c, env.Options{Environment: given}); err != nil {
		faults = append(faults, parseFaults(err)...)
	}
	off := c.switchOff(vars)
	maps.DeleteFunc(o.sources, func(name string, _ Source) bool {
		_, set := given[name]
		return !set && !off[name]
	})
	c.spell()
	c.fillIn()
	faults = append(faults, c.check(faults)...)
	if len(faults) > 0 {
		return nil, &Error{Faults: faults, Suspects: o.suspects}
	}
	return &c, nil
}

// switchOff empties the addresses for which an empty variable means off, and returns their names.
func (c *Config) switchOff(vars map[string]string) map[string]bool {
	off := map[string]bool{}
	for name, addr := range map[string]*string{"ADMIN_ADDR": &c.AdminAddr, "CONSOLE_ADDR": &c.ConsoleAddr} {
		if value, set := vars[name]; set && strings.TrimSpace(value) == "" {
			*addr, off[name] = "", true
		}
	}
	return off
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
			faults = append(faults, fmt.Sprintf("%s: %v", variable(p.Name), reason(p)))
			continue
		}
		faults = append(faults, e.Error())
	}
	return faults
}

// reason puts an error of a number into words; the others have good ones.
func reason(p env.ParseError) string {
	var number *strconv.NumError
	if !errors.As(p.Err, &number) {
		return p.Err.Error()
	}
	switch {
	case errors.Is(p.Err, strconv.ErrRange):
		return fmt.Sprintf("%q is out of range", number.Num)
	case p.Type.Kind() == reflect.Float64:
		return fmt.Sprintf("%q is not a number", number.Num)
	default:
		return fmt.Sprintf("%q is not a whole number", number.Num)
	}
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
	for _, choice := range []*string{&c.LogFormat, &c.QueueMode, &c.RateLimitPolicy, &c.RateLimitClock, &c.ConsoleAuth} {
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
