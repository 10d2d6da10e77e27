package doctor

import (
	"context"
	"errors"
	"fmt"

	"ingestion/internal/config"
	"ingestion/internal/redisconn"
	"ingestion/store"
)

func settingsValid(_ context.Context, e *exam, f *findings) error {
	var invalid *config.Error
	switch {
	case e.cfg != nil:
		return nil
	case errors.As(e.err, &invalid):
		for _, fault := range invalid.Faults {
			f.add(Error, fault, "every program exits with code 2", "correct the value")
		}
		suspicious(invalid.Suspects, f)
		return nil
	}
	return e.err
}

func settingsNames(_ context.Context, e *exam, f *findings) error {
	suspicious(e.cfg.Suspects(), f)
	return nil
}

func suspicious(suspects []config.Suspect, f *findings) {
	for _, s := range suspects {
		f.add(Warning, s.String(), "the default of "+s.Meant+" applies", "correct the name, or remove the variable")
	}
}

func settingsLimits(_ context.Context, e *exam, f *findings) error {
	c := e.cfg
	if c.RateLimitLimit > 0 && c.RateLimitPolicy == config.PolicyDefer && c.RateLimitMaxDelay < c.RateLimitWindow {
		f.add(Warning, fmt.Sprintf("RATE_LIMIT_MAX_DELAY_SEC (%s) is less than RATE_LIMIT_WINDOW_SEC (%s)", c.RateLimitMaxDelay, c.RateLimitWindow),
			"the next free slot may be a window away, so some records over the limit are refused instead of deferred",
			"set RATE_LIMIT_MAX_DELAY_SEC to a window or more")
	}
	if c.QueueMode != config.ModeStream {
		return nil
	}
	if c.StreamRetention == config.Forever && c.StreamMaxEntries > 0 {
		f.add(Warning, fmt.Sprintf("STREAM_RETENTION is forever, but STREAM_MAX_ENTRIES is %d", c.StreamMaxEntries),
			"settled entries beyond that number are deleted all the same", "set STREAM_MAX_ENTRIES=0 to keep all, or a retention")
	}
	if c.RateLimitLimit > 0 && c.RateLimitClock == config.ClockProcessing && c.RateLimitPolicy == config.PolicyDrop {
		f.add(Warning, "RATE_LIMIT_CLOCK is processing and RATE_LIMIT_POLICY is drop",
			"after an outage the backlog is judged as if it had just arrived, and most of it may be refused and dropped",
			"set RATE_LIMIT_CLOCK=arrival, or RATE_LIMIT_POLICY=defer or dead-letter")
	}
	return nil
}

func settingsTLS(_ context.Context, e *exam, f *findings) error {
	const remedy = "give the file of your certificate authority instead"
	if opts, err := e.cfg.RedisOptions(); err == nil {
		if unsafe := redisconn.Unsafe(opts); unsafe != "" {
			f.add(Warning, "REDIS_URL: the certificate of Redis is not checked", unsafe, remedy)
		}
	}
	if opts, err := e.cfg.MongoOptions(nil); err == nil && store.Unverified(opts) {
		f.add(Warning, "MONGO_URI: the certificate of MongoDB is not checked",
			"anyone between this program and MongoDB can read and change everything", remedy)
	}
	return nil
}
