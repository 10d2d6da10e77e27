package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"
)

// selectionTimeout is how long a command waits for a primary before the store
// says that there is none. It is short so that an outage is told soon; waiting
// goes on with the next attempt.
const selectionTimeout = 3 * time.Second

// ClientOptions turns a MONGO_URI into options that suit the store: an app name
// for the server's log, no retries hidden in the driver, an outage told within
// seconds. What the address sets itself stays, and what can't stay is refused. The
// error names MONGO_URI and says what is wrong without quoting a value, since it
// may be a password.
func ClientOptions(uri string) (*options.ClientOptions, error) {
	if !strings.HasPrefix(uri, "mongodb://") && !strings.HasPrefix(uri, "mongodb+srv://") {
		return nil, errors.New("MONGO_URI has to begin with mongodb:// or mongodb+srv://")
	}
	opts := options.Client().ApplyURI(uri)
	if err := opts.Validate(); err != nil {
		return nil, invalidURI(err)
	}
	if err := checkURI(uri); err != nil {
		return nil, err
	}
	if opts.AppName == nil {
		opts.SetAppName("ingestion")
	}
	if opts.ServerSelectionTimeout == nil {
		opts.SetServerSelectionTimeout(selectionTimeout)
	}
	if opts.MaxAdaptiveRetries == nil {
		opts.SetMaxAdaptiveRetries(0)
	}
	return opts, nil
}

func invalidURI(err error) error {
	var dns *net.DNSError
	var file *fs.PathError
	switch {
	case errors.As(err, &dns):
		return errors.New("the servers behind MONGO_URI can't be found: DNS has no mongodb+srv record of that name, or doesn't answer")
	case errors.As(err, &file):
		return fmt.Errorf("MONGO_URI names a file for TLS that can't be read (%w): check tlsCAFile and tlsCertificateKeyFile", file.Err)
	}
	return errors.New("MONGO_URI is not a valid address: it reads mongodb://user:password@host:port/?option=value, with @ : / % in user and password written as %40 %3A %2F %25")
}

// checkURI refuses the options that the store would have to override, and those
// that the driver doesn't know and would pass over.
func checkURI(uri string) error {
	u, err := connstring.ParseAndValidate(uri)
	if err != nil {
		return invalidURI(err)
	}
	const durable = "every insert is acknowledged by a majority, journaled; leave it out"
	const patient = "the service sets the time limits of its commands itself, and repeats them as long as it takes; leave it out"
	const primary = "the service reads from the primary only, by read concerns of its own; leave it out"
	_, wtimeout := u.Options["wtimeoutms"]
	for _, option := range []struct {
		name    string
		refused bool
		why     string
	}{
		{"w", u.WNumberSet || u.WString != "" && u.WString != "majority", durable},
		{"journal", u.JSet && !u.J, durable},
		{"wtimeoutMS", wtimeout, patient},
		{"timeoutMS", u.TimeoutSet, patient},
		{"socketTimeoutMS", u.SocketTimeoutSet, patient},
		{"readPreference", u.ReadPreference != "" && u.ReadPreference != "primary", primary},
		{"readPreferenceTags", len(u.ReadPreferenceTagSets) > 0, primary},
		{"maxStalenessSeconds", u.MaxStalenessSet, primary},
		{"readConcernLevel", u.ReadConcernLevel != "", primary},
	} {
		if option.refused {
			return fmt.Errorf("MONGO_URI has the option %s: %s", option.name, option.why)
		}
	}
	if unknown := slices.Sorted(maps.Keys(u.UnknownOptions)); len(unknown) > 0 {
		if _, query, _ := strings.Cut(uri, "?"); strings.Contains(query, "@") {
			return invalidURI(nil) // a password with a ? in it, perhaps
		}
		return fmt.Errorf("MONGO_URI has options that the driver doesn't know: %s", strings.Join(unknown, ", "))
	}
	return nil
}

// Check finds out once, within the time limit of a call, whether the collection
// can be reached and read. The error is an *Error that names the variable to
// look at; Permanent says of it that waiting can't help.
func (s *Store) Check(ctx context.Context) error {
	t := s.pace.current()
	// A look-up needs a primary, a login and the right to read; a ping passes
	// without the last two.
	_, err := s.command(ctx, t.timeout, appendFind(nil, s.coll.Name(), []string{""}, false))
	if err != nil {
		return newError(classifyLookup(err), err, t.timeout)
	}
	s.recovered()
	return nil
}

// Await waits at start-up until Check passes. It returns at once where waiting
// can't help, wrong credentials above all, and when ctx ends; the error says
// then what it waited for and wraps ctx's error.
func (s *Store) Await(ctx context.Context) error {
	return s.persist(ctx, "reach MongoDB", Permanent, s.Check)
}

// Permanent says that err, as returned by this package, is not mended by time:
// wrong credentials, missing rights or a configuration that can't work.
func Permanent(err error) bool {
	var failure *Error
	return errors.As(err, &failure) && (failure.Class == Operator || failure.Class == Configuration)
}

// persist repeats do with backoff until it succeeds, fails for good or ctx ends.
func (s *Store) persist(ctx context.Context, what string, forGood func(error) bool, do func(context.Context) error) error {
	pause := s.newBackOff()
	for {
		err := do(ctx)
		if err == nil {
			return nil
		}
		var failure *Error
		if !errors.As(err, &failure) || forGood(err) {
			return fmt.Errorf("store: %s: %w", what, err)
		}
		if ctx.Err() != nil || s.wait(ctx, pause.NextBackOff(), failure) != nil {
			return fmt.Errorf("store: %s: %w", what, s.ended(ctx, failure))
		}
	}
}

// buildTime is how long one attempt to build the index may take, unless ctx ends
// it before.
const buildTime = time.Hour

// EnsureIndexes creates the collection's secondary index, by customer and time
// of creation, where it is not there yet; it may be called at every start. It
// serves who reads the collection by customer; the service itself never does, and
// each insert pays for it. An
// index on the same fields that bears another name will do. It waits out an
// unreachable server like Await and fails like it.
//
// On a large collection that has no such index yet, building it may take longer
// than ctx allows: MongoDB then gives it up, and the index has to be created
// beforehand.
func (s *Store) EnsureIndexes(ctx context.Context) error {
	return s.persist(ctx, "create the index on customerId and createdAt (create it by hand, or set MONGO_INDEXES=off)", Permanent, s.createIndex)
}

func (s *Store) createIndex(ctx context.Context) error {
	start := time.Now()
	_, err := s.command(ctx, buildTime, appendCreateIndexes(nil, s.coll.Name()))
	if err == nil {
		s.recovered()
		return nil
	}
	v := classifyLookup(err)
	switch v.code {
	case 85: // IndexOptionsConflict: the same fields under another name
		return nil
	case 86, 67: // IndexKeySpecsConflict, CannotCreateIndex
		v.class = Configuration
	}
	return newError(v, err, time.Since(start))
}

func appendCreateIndexes(dst []byte, collection string) []byte {
	start, dst := bsoncore.AppendDocumentStart(dst)
	dst = bsoncore.AppendStringElement(dst, "createIndexes", collection)
	array, dst := bsoncore.AppendArrayElementStart(dst, "indexes")
	index, dst := bsoncore.AppendDocumentElementStart(dst, "0")
	key, dst := bsoncore.AppendDocumentElementStart(dst, "key")
	dst = bsoncore.AppendInt32Element(dst, "customerId", 1)
	dst = bsoncore.AppendInt32Element(dst, "createdAt", 1)
	dst = endDocument(dst, key)
	dst = bsoncore.AppendStringElement(dst, "name", "customerId_1_createdAt_1")
	dst = endDocument(dst, index)
	dst = endDocument(dst, array)
	return endDocument(dst, start)
}
