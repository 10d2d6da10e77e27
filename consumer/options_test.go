package consumer_test

import (
	"strings"
	"testing"

	"ingestion/consumer"
)

// TestOptionsThatCannotWork wants an error, at once and of all of them, instead of
// a Run that hangs or returns with nothing done.
func TestOptionsThatCannotWork(t *testing.T) {
	whole := newRig(t).opts
	if _, err := consumer.New(whole); err != nil {
		t.Fatal(err)
	}
	for what, spoil := range map[string]func(*consumer.Options){
		"Decode":      func(o *consumer.Options) { o.Decode = nil },
		"Store":       func(o *consumer.Options) { o.Store = nil },
		"Log":         func(o *consumer.Options) { o.Log = nil },
		"BatchSize":   func(o *consumer.Options) { o.BatchSize = 0 },
		"Concurrency": func(o *consumer.Options) { o.Concurrency = 0 },
		"MaxMessages": func(o *consumer.Options) { o.MaxMessages = -1 },
	} {
		opts := whole
		spoil(&opts)
		if _, err := consumer.New(opts); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: error %v", what, err)
		}
	}
}
