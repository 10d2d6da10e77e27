// Package console is the web console of the service: what people look at, and the buttons
// to mend it. All pages work without JavaScript, and under any path prefix.
package console

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"gocloud.dev/blob"

	"ingestion/archive/fold"
	"ingestion/internal/inspect"
	"ingestion/internal/letters"
	"ingestion/limiter"
	"ingestion/record"
	"ingestion/streams"
)

// Store is the collection that the documents are in. store.Store implements it.
type Store interface {
	inspect.Documents
	inspect.Pinger
}

// Options says what the console shows, and to whom.
type Options struct {
	// Source is the queue. Its client of Redis is used concurrently.
	Source  inspect.Source
	Limiter *limiter.Limiter // whose Bases are the keys of Source
	// ProcessingClock means that the limiter judges by the time of processing.
	ProcessingClock bool
	Decoder         record.Decoder
	// KeepsRefused means that the workers keep records over their limit as dead letters: otherwise nothing
	// tells when they were refused.
	KeepsRefused bool

	Store      Store  // nil: MongoDB is not asked
	Collection string // database.collection

	Bucket *blob.Bucket // the archive; nil: there is none, or OpenBucket opens it
	// OpenBucket opens the archive when it is looked at. It is called each time. nil: Bucket is all there is.
	OpenBucket func(ctx context.Context) (*blob.Bucket, error)
	BucketURL  string // its address for people, without credentials and options
	// Rebuilds reads what the rebuilds have noted. nil: MongoDB is not asked.
	Rebuilds func(ctx context.Context) ([]fold.Noted, error)

	// Metrics serves metrics/queue. nil: it is not served.
	Metrics http.Handler

	// Auth says who may use the console. The zero value lets everybody in: the program that
	// mounts the handler then has to check that.
	Auth Auth
	// Changes allows changes of the queue. Without it, all routes that change something
	// answer 403.
	Changes bool
	// ChangeTimeout is how long one request that changes dead letters works, after it has
	// counted them. What is left then takes another request. 0: 20 s.
	ChangeTimeout time.Duration

	Log *slog.Logger     // nil: nothing is logged
	Now func() time.Time // nil: time.Now
}

// Handler returns the handler of the whole console. All its addresses are relative, so that it
// can be mounted under a prefix by http.StripPrefix.
func Handler(opts Options) http.Handler { return newConsole(opts).handler() }

func newConsole(opts Options) *console {
	c := &console{
		Options: opts, mux: http.NewServeMux(), searching: make(chan struct{}, searches),
		scanning: make(chan struct{}, scans), scanFor: scanTimeout, sending: make(chan struct{}, exports), sendFor: exportTimeout,
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.ChangeTimeout == 0 {
		c.ChangeTimeout = changeTimeout
	}
	c.letters = lettersOf(opts.Source)
	c.sessions.now = c.Now
	c.readings = c.newReadings()
	c.routes()
	return c
}

func (c *console) handler() http.Handler { return c.logged(secure(c.sameOrigin(c.canonical(c.mux)))) }

type console struct {
	Options
	mux       *http.ServeMux
	letters   *letters.Queue // the dead letters
	searching chan struct{}  // has an element for each search that runs
	scanning  chan struct{}  // has an element for each request that reads many dead letters
	scanFor   time.Duration  // how long one that searches may take
	sending   chan struct{}  // has an element for each export
	sendFor   time.Duration  // how long a client may take for a part of it

	readings *readings
	sessions sessions
	attempts attempts
}

func lettersOf(src inspect.Source) *letters.Queue {
	if src.IsList() {
		return letters.Of(streams.NewListDeadLetters(src.Redis, src.List))
	}
	var parts []*streams.DeadLetters
	for _, key := range src.Keys {
		parts = append(parts, streams.NewDeadLetters(src.Redis, key))
	}
	return letters.Of(parts...)
}

// tracer returns a tracer for one request.
func (c *console) tracer() *inspect.Tracer {
	t := &inspect.Tracer{
		Source: c.Source, Limiter: c.Limiter, Decoder: c.Decoder,
		ProcessingClock: c.ProcessingClock, Collection: c.Collection, KeepsRefused: c.KeepsRefused,
	}
	if c.Store != nil {
		t.Documents = c.Store
	}
	return t
}
